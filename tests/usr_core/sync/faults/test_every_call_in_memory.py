"""Every call that a transfer makes to its transport fails once, at every step of the far commit too."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from support.small_datasets import make_dataset
from support.sync_pairs import MemoryPair
from support.sync_states import NAME, State, check_never_torn, check_whole_copy, remnants
from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.plugin.transport_errors import RemoteUnreachable
from usr_core.testing.memory_disk import Call
from usr_core.testing.memory_transport import MemoryRemote

_FLIPS = 10


@dataclass
class Transfer:
    """Pairs with the new state on one side and the old one, or none, on the other."""

    place: Path
    action: str
    first: bool
    made: int = field(default=0)

    def __post_init__(self) -> None:
        self.old, self.new = self.place / "old", self.place / "new"
        dataset = make_dataset(self.old, NAME)
        _attach(dataset, 1.0)
        _attach(dataset, 2.0)
        (self.old / NAME / "note").write_text("old\n")
        shutil.copytree(self.old, self.new)
        dataset = Dataset.open(self.new, NAME)
        dataset.add_sequences([{"sequence": "AAAACCCCGG"}])
        with dataset.maintenance(reason="tests"):
            dataset.compact_overlay("mock", drop=True)
        (self.new / NAME / "note").write_text("new\n")
        (self.new / NAME / "more").write_bytes(random.Random(3).randbytes(200_000))

    def pair(self) -> MemoryPair:
        """Return a fresh pair."""
        self.made += 1
        here, remote = self.place / f"here-{self.made}", MemoryRemote()
        giver, taker = self.new, None if self.first else self.old
        local, far = (taker, giver) if self.action == "pull" else (giver, taker)
        here.mkdir()
        if local is not None:
            shutil.copytree(local, here, dirs_exist_ok=True)
        pair = MemoryPair(local=here, base_dir=remote.root, remote=remote)
        if far is not None:
            for path in far.rglob("*"):
                if path.is_file():
                    remote.write(f"{remote.root}/{path.relative_to(far).as_posix()}", path.read_bytes())
        return pair

    def check(self, pair: MemoryPair, fault: Callable[[], None], mend: Callable[[], None]) -> BaseException | None:
        """Let a transfer meet the fault, check both sides, and that the next one completes; return the error."""
        far = self._far(pair)
        before_here, before_there = State.of(pair.local / NAME), State.of(far)
        legal = [before_here, before_there]
        fault()
        failed: BaseException | None = None
        try:
            pair.sync(self.action)
        except UsrError as error:
            failed = error
        mend()
        source, taker = (
            (self._far(pair), pair.local / NAME) if self.action == "pull" else (pair.local / NAME, self._far(pair))
        )
        check_never_torn(source, [before_there if self.action == "pull" else before_here])
        check_never_torn(taker, legal)
        assert pair.sync(self.action)["transfer_state"] in ("TRANSFERRED", "NO-OP")
        far = self._far(pair)
        assert check_whole_copy(pair.local) == check_whole_copy(far.parents[1])
        assert State.of(pair.local / NAME) == State.of(far)
        assert remnants(far) == []
        shutil.rmtree(pair.local)
        return failed

    def _far(self, pair: MemoryPair) -> Path:
        """Return the far dataset as a folder here."""
        place = self.place / "far"
        shutil.rmtree(place, ignore_errors=True)
        for name, content in pair.remote.files(pair.base_dir).items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        if not (place / NAME).exists():
            return place / NAME
        shutil.copy(self.new / "registry.yaml", place / "registry.yaml")
        return place / NAME


def _attach(dataset: Dataset, value: float) -> None:
    ids = dataset.to_arrow(columns=["id"]).column("id")
    dataset.write_overlay_part("mock", pa.table({"id": ids, "mock__score": pa.array([value] * len(ids))}))


@pytest.fixture(params=["pull-first", "pull-forward", "push-first", "push-forward"])
def transfer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transfer]:
    """A transfer to a side that has nothing, or an older state with files to replace and to retire."""
    action, _, scenario = request.param.partition("-")
    yield Transfer(tmp_path, action, scenario == "first")


def _points(transfer: Transfer) -> list[str]:
    """Return the calls of a transfer without a fault, steps of the far commit included."""
    pair, seen = transfer.pair(), []
    pair.remote.before = lambda call: seen.append(call.name)
    pair.sync(transfer.action)
    assert len(seen) > (8 if transfer.action == "pull" else 20)
    return seen


def _at(remote: Any, number: int, act: Callable[[], None]) -> Callable[[Call], None]:
    count = 0

    def before(_: Call) -> None:
        nonlocal count
        count += 1
        if count == number:
            act()

    return before


def test_the_connection_is_lost_at_every_call(transfer: Transfer) -> None:
    """Both sides are whole each time, and the next transfer completes; a push whose commit was made ends well."""
    for number, name in enumerate(_points(transfer), 1):
        pair = transfer.pair()

        def lose(pair: MemoryPair = pair) -> None:
            pair.remote.drop_connections()
            raise RemoteUnreachable("the connection was cut", hint="Run it again.")

        failed = transfer.check(
            pair,
            lambda pair=pair, lose=lose, number=number: setattr(pair.remote, "before", _at(pair.remote, number, lose)),
            lambda pair=pair: setattr(pair.remote, "before", None),
        )
        made = name.startswith("commit:") and name not in ("commit:checked", "commit:copied")
        assert failed is None if made else isinstance(failed, RemoteUnreachable), (number, name, failed)


def test_the_far_disk_is_full_from_every_call_on(transfer: Transfer) -> None:
    """A pull does not mind, a push changes nothing, and the next transfer completes."""
    failures = 0
    for number, _ in enumerate(_points(transfer), 1):
        pair = transfer.pair()

        def fill(pair: MemoryPair = pair) -> None:
            pair.remote.capacity = _held(pair)

        def mend(pair: MemoryPair = pair) -> None:
            pair.remote.before, pair.remote.capacity = None, None

        failed = transfer.check(
            pair,
            lambda pair=pair, fill=fill, number=number: setattr(pair.remote, "before", _at(pair.remote, number, fill)),
            mend,
        )
        failures += failed is not None
    assert (failures > 5) == (transfer.action == "push")


def test_a_byte_is_changed_anywhere_on_the_way(transfer: Transfer) -> None:
    """What arrived damaged is never promoted: the run fails, and the next one completes."""
    direction = "fetch" if transfer.action == "pull" else "send"
    pair = transfer.pair()
    pair.sync(transfer.action)
    moved = pair.remote._moved[direction]
    assert moved > 200_000
    for part in range(_FLIPS):
        pair = transfer.pair()
        failed = transfer.check(
            pair,
            lambda pair=pair, part=part: pair.remote.flip_at(direction, moved * part // _FLIPS),
            pair.remote.mend,
        )
        assert failed is not None and "not what was sent" in str(failed), failed


def _held(pair: MemoryPair) -> int:
    return sum(len(content) for content in pair.remote.files(pair.remote.root).values())
