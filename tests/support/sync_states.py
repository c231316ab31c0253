"""A dataset before and after a day's work, and what must hold for a copy of it whatever went wrong."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from support.crash import View, files_on_disk, view
from support.small_datasets import make_dataset
from usr_core.commit.file_tree import find_records
from usr_core.dataset import Dataset
from usr_core.events.chain import verify_chain
from usr_core.registry.store import register_namespace
from usr_core.roots.layout import HISTORY

__all__ = ["BIG_FILE", "NAME", "NOTES", "State", "Templates", "check_never_torn", "check_whole_copy", "remnants"]

NAME = "ns/base"
NOTES = "notes/read me.txt"
BIG_FILE = "tables/big.bin"
_BLOB = 1500


@dataclass(frozen=True)
class State:
    """What a reader sees of a dataset, and its log; a dataset that is not there is empty.

    What it keeps of its past is left out: each copy keeps its own.
    """

    files: View
    log: bytes

    @classmethod
    def of(cls, folder: Path) -> State:
        if not folder.is_dir():
            return cls({}, b"")
        log = folder / ".events.log"
        return cls(_without_history(view(folder)), log.read_bytes() if log.exists() else b"")


@dataclass(frozen=True)
class Templates:
    """Two roots with one dataset: as it was, and with records, parts, a compaction and other files since."""

    old: Path
    new: Path

    @classmethod
    def make(cls, place: Path) -> Templates:
        old, new = place / "old", place / "new"
        chance = random.Random(7)
        dataset = make_dataset(old, NAME, _sequences(chance, 300))
        register_namespace(old, "bulk", [("bulk__blob", "binary")])
        for value in (1.0, 2.0):
            _score(dataset, value)
        _blobs(dataset, chance)
        dataset.snapshot()
        _put(old / NAME / NOTES, b"by hand\n")
        shutil.copytree(old, new)
        dataset = Dataset.open(new, NAME)
        dataset.add_sequences([{"sequence": sequence} for sequence in _sequences(chance, 60)])
        _score(dataset, 3.0)
        with dataset.maintenance(reason="tests"):
            dataset.compact_overlay("mock", drop=True)
        _score(dataset, 4.0)
        _blobs(dataset, chance)
        dataset.snapshot()
        _put(new / NAME / NOTES, b"by HAND\n")
        _put(new / NAME / BIG_FILE, chance.randbytes(600_000))
        return cls(old, new)

    def moved_bytes(self, *, first: bool) -> int:
        """Return how many bytes of files a transfer to the new state brings, on a disk of 4 KiB pages."""
        old, new = {} if first else files_on_disk(self.old / NAME), files_on_disk(self.new / NAME)
        return sum(-(-len(content) // 4096) * 4096 for name, content in new.items() if old.get(name) != content)


def check_never_torn(folder: Path, states: list[State]) -> State:
    """Check that a reader sees one of these states, with a log that fits it and a whole chain; return which."""
    for _ in range(50):
        found, live = State.of(folder), folder.is_dir() and bool(find_records(folder)[0])
        if found == State.of(folder):
            break
        time.sleep(0.05)
    seen = [state for state in states if state.files == found.files]
    assert seen, f"{folder} is torn: {_differences(found, states)}"
    if live:  # readers resolve the record; its line may be half there
        assert any(state.log.startswith(found.log) for state in states), "the log is not a beginning of a known one"
    else:
        assert any(state.log == found.log for state in seen), "the log does not belong to the files"
        assert not (folder / ".events.log").exists() or verify_chain(folder / ".events.log") == []
    return seen[0]


def check_whole_copy(root: Path, *, bystanders: frozenset[str] = frozenset(), staged: bool = False) -> View:
    """Check that a copy is valid, its chain whole and nothing left over; return its files but for `bystanders`.

    Args:
        root: Where the copy is.
        bystanders: Names that only one side has.
        staged: There may be what a transfer has staged and did not promote.
    """
    folder = root / NAME
    deadline = time.monotonic() + 60
    while not staged and remnants(folder) and time.monotonic() < deadline:
        time.sleep(0.1)  # a program that was orphaned by a kill ends on its own
    assert staged or not remnants(folder), f"left in {folder}: {remnants(folder)}"
    assert verify_chain(folder / ".events.log") == []
    report = Dataset.open(root, NAME).validate(registry_mode="frozen")
    assert [finding for finding in report.findings if finding.severity == "error"] == []
    found = _without_history(files_on_disk(folder))
    return {name: content for name, content in found.items() if name not in bystanders}


def remnants(folder: Path) -> list[str]:
    """Return what no finished transfer leaves: commit records, abort files, staging, temporary files."""
    marks = (".usr.commit.", ".usr.abort.", ".usr.tmp", ".rsync-")
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name.startswith(marks))


def _without_history(files: View) -> View:
    return {name: content for name, content in files.items() if not name.startswith(f"{HISTORY}/")}


def _sequences(chance: random.Random, count: int) -> list[str]:
    return ["".join(chance.choices("ACGT", k=60)) for _ in range(count)]


def _score(dataset: Dataset, value: float) -> None:
    ids = dataset.to_arrow(columns=["id"]).column("id")
    dataset.write_overlay_part("mock", pa.table({"id": ids, "mock__score": pa.array([value] * len(ids))}))


def _blobs(dataset: Dataset, chance: random.Random) -> None:
    ids = dataset.to_arrow(columns=["id"]).column("id")
    blobs = pa.array([chance.randbytes(_BLOB) for _ in range(len(ids))], pa.binary())
    dataset.write_overlay_part("bulk", pa.table({"id": ids, "bulk__blob": blobs}))


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _differences(found: State, states: list[State]) -> str:
    told = []
    for state in states:
        names = sorted(
            name for name in found.files.keys() | state.files.keys() if found.files.get(name) != state.files.get(name)
        )
        told.append(f"{len(names)} files differ ({', '.join(names[:6])})")
    return "; ".join(told)
