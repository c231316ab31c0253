"""What a push and a pull do to the files of a folder fails, or kills them, at any operation; the next run completes."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from support.cli import clean_env
from support.folders import CountedFiles, killed_push_argv
from support.processes import Child
from support.small_datasets import make_dataset
from support.sync_pairs import FolderPair
from support.sync_states import NAME, State, check_never_torn, check_whole_copy, remnants
from usr_core.api.transports import PosixFarSide
from usr_core.dataset import Dataset
from usr_core.errors import ExitCode, UsrError
from usr_core.sync.errors import HistoriesDiverged, SourceChanging
from usr_folder.transport import FolderTransport

_POINTS = 16
_FAILING = {"push": (4, 8, 11, 12, 13, 15), "pull": (5, 13)}
_KILLED = {"push": (11, 13, 14)}
"""Every run has these of the points, which are evenly spread over the operations of a transfer."""


@dataclass
class Transfer:
    """Pairs of roots with the new state on the side that gives, and the old one on the other."""

    place: Path
    made: int = field(default=0)

    def __post_init__(self) -> None:
        self.old, self.new = self.place / "old", self.place / "new"
        dataset = make_dataset(self.old, NAME)
        _attach(dataset, 1.0)
        (self.old / NAME / "note").write_text("old\n")
        shutil.copytree(self.old, self.new)
        dataset = Dataset.open(self.new, NAME)
        dataset.add_sequences([{"sequence": "AAAACCCCGG"}])
        _attach(dataset, 2.0)
        with dataset.maintenance(reason="tests"):
            dataset.compact_overlay("mock", drop=True)
        (self.new / NAME / "note").write_text("new\n")
        (self.new / NAME / "more").write_bytes(random.Random(3).randbytes(100_000))

    def pair(self, action: str, files: CountedFiles | None = None) -> FolderPair:
        """Return a fresh pair, whose remote side is reached by `files` if they are given."""
        self.made += 1
        here, there = (self.place / f"{side}-{self.made}" for side in ("here", "there"))
        giver, taker = (here, there) if action == "push" else (there, here)
        shutil.copytree(self.new, giver)
        shutil.copytree(self.old, taker)
        base = str(there)
        return FolderPair(
            local=here, base_dir=base, connect=lambda: FolderTransport({"base_dir": base, "name": "disk"})
        )

    def counted(self, pair: FolderPair, at: int = 0, act: Callable[[], None] | None = None) -> CountedFiles:
        """Reach the remote side of a pair by files that count."""
        files = CountedFiles({"base_dir": pair.base_dir, "name": "disk"}, at, act)
        pair.connect = lambda: PosixFarSide(files)
        return files

    def mend(self, pair: FolderPair) -> None:
        """Reach it plainly again."""
        pair.connect = lambda: FolderTransport({"base_dir": pair.base_dir, "name": "disk"})

    def check(self, action: str, pair: FolderPair) -> None:
        """Check that neither side is torn, and that the next run completes."""
        here, there = pair.local / NAME, Path(pair.base_dir) / NAME
        giver, taker = (here, there) if action == "push" else (there, here)
        old, new = State.of(self.old / NAME), State.of(self.new / NAME)
        check_never_torn(giver, [new])
        check_never_torn(taker, [old, new])
        self.mend(pair)
        assert pair.sync(action)["transfer_state"] in ("TRANSFERRED", "NO-OP")
        assert check_whole_copy(pair.local) == check_whole_copy(Path(pair.base_dir))
        assert State.of(here) == State.of(there)
        assert remnants(there) == []


def _attach(dataset: Dataset, value: float) -> None:
    ids = dataset.to_arrow(columns=["id"]).column("id")
    dataset.write_overlay_part("mock", pa.table({"id": ids, "mock__score": pa.array([value] * len(ids))}))


@pytest.fixture(scope="module")
def transfer(tmp_path_factory: pytest.TempPathFactory) -> Transfer:
    """Made once; every test has a pair of its own."""
    return Transfer(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="module")
def operations(transfer: Transfer) -> dict[str, list[str]]:
    """The operations of a transfer without a fault."""
    seen = {}
    for action in ("push", "pull"):
        pair = transfer.pair(action)
        files = transfer.counted(pair)
        pair.sync(action)
        seen[action] = list(files.seen)
    return seen


def _points(sample: dict[str, tuple[int, ...]]) -> list[Any]:
    found = []
    for action, always in sample.items():
        for point in range(_POINTS):
            marks = () if point in always else (pytest.mark.whole_matrix,)
            found.append(pytest.param(action, point, marks=marks, id=f"{action}-{point}"))
    return found


@pytest.mark.parametrize(("action", "point"), _points(_FAILING))
def test_an_operation_fails(transfer: Transfer, operations: dict[str, list[str]], action: str, point: int) -> None:
    """A full disk, a share that went away or a refusal is one error, and the copy is the old one or the new, whole."""
    number = errno.ENOSPC, errno.ESTALE, errno.EACCES
    at = 1 + point * (len(operations[action]) - 1) // _POINTS
    pair = transfer.pair(action)

    def fail() -> None:
        raise OSError(number[point % 3], os.strerror(number[point % 3]))

    transfer.counted(pair, at, fail)
    try:
        pair.sync(action)
    except UsrError as error:
        assert error.hint
    transfer.check(action, pair)


@pytest.mark.parametrize(("action", "point"), _points(_KILLED))
def test_a_push_that_was_killed_is_completed_by_the_next(
    transfer: Transfer, operations: dict[str, list[str]], action: str, point: int
) -> None:
    """SIGKILL before an operation: readers see the old state or the new, and the same command then ends well."""
    at = 1 + point * (len(operations[action]) - 1) // _POINTS
    pair = transfer.pair(action)
    with Child(killed_push_argv(pair.local, Path(pair.base_dir), NAME, at), env=clean_env()) as child:
        ended = child.wait(60)

    assert -signal.SIGKILL == ended
    transfer.check(action, pair)


def test_of_two_pushes_at_once_one_wins(transfer: Transfer, operations: dict[str, list[str]]) -> None:
    """The other host pushes while our files are being sent: we are told so, and its copy stays as it is."""
    pair = transfer.pair("push")
    other = transfer.place / "other-host"
    shutil.copytree(transfer.old, other)
    Dataset.open(other, NAME).add_sequences([{"sequence": "GGGGGGTTTT"}])

    def push_from_there() -> None:
        far = FolderTransport({"base_dir": pair.base_dir, "name": "disk"})
        FolderPair(local=other, base_dir=pair.base_dir, connect=lambda: far).sync("push")

    transfer.counted(pair, operations["push"].index("put") + 1, push_from_there)
    with pytest.raises(SourceChanging) as caught:
        pair.sync("push")

    assert ExitCode.DIVERGED == caught.value.exit_code
    assert State.of(other / NAME) == State.of(Path(pair.base_dir) / NAME)
    transfer.mend(pair)
    with pytest.raises(HistoriesDiverged):
        pair.sync("push")
