"""What has to hold for a dataset after its writer died or failed, and the programs that die and fail."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import crash_child
from support.cli import clean_env
from support.forked_cli import ForkedUsr
from support.strace import Call, inject, trace
from support.tree import tree_digest
from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.commit.transaction import Transaction
from usr_core.events.chain import verify_chain
from usr_core.events.log import read_lines
from usr_core.roots.layout import EVENT_LOG, HISTORY, DatasetLayout, is_machinery

__all__ = [
    "View",
    "World",
    "check_whole",
    "child_argv",
    "files_on_disk",
    "leftovers",
    "outcome",
    "run_child",
    "run_child_with",
    "trace_child",
    "view",
]

View = Mapping[str, bytes]
_KEPT = {".usr.lock", ".usr.lease", ".usr.recovered"}


def view(folder: Path) -> View:
    """Return every file of the dataset with its content, as a reader sees them."""
    return read_consistent(folder, lambda tree: dict(_walk(tree, "")))


def files_on_disk(folder: Path) -> View:
    """Return every file below the folder but machinery and the log, as anybody sees them."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: (folder / name).read_bytes() for name in sorted(names) if _is_content(name)}


def leftovers(folder: Path) -> list[str]:
    """Return the names of machinery that should be gone when nobody writes."""
    kept = _KEPT | {EVENT_LOG, HISTORY}
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".") and path.name not in kept)


CHILD = f"""
import sys
sys.dont_write_bytecode = True  # the numbers of its system calls must be those of the run that was traced
sys.path.append({str(Path(__file__).parents[1])!r})
from support.crash_child import main
main()
"""
"""What runs `crash_child` in a fork."""


def child_argv(folder: Path, *options: str) -> list[str]:
    """Return the command that runs `crash_child` on a dataset in a process of its own."""
    return [sys.executable, "-B", "-s", str(Path(crash_child.__file__)), str(folder), *options]


def run_child(folder: Path, *options: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run `crash_child` to its end, in a fork."""
    rc, out, err = ForkedUsr.run(
        ["crash_child", str(folder), *options], cwd=None, env=clean_env(), given=b"", timeout=timeout, code=CHILD
    )
    return subprocess.CompletedProcess(["crash_child", *options], rc, out.decode(), err.decode())


def run_child_with(folder: Path, call: Call, fault: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run `crash_child` and let a fault happen at one of its system calls; `more` as for `support.strace.inject`."""
    return inject(["crash_child", str(folder)], call, fault, env=clean_env(), code=CHILD, **more)


def trace_child(folder: Path, log: Path, *, names: Sequence[str]) -> list[Call]:
    """Run `crash_child` and return its system calls of these names."""
    return trace(["crash_child", str(folder)], log, names=names, env=clean_env(), code=CHILD)


def outcome(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what the child told last."""
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@dataclass(frozen=True)
class World:
    """A prepared dataset, and what a reader sees of it before and after the composite change."""

    template: Path
    old: View
    new: View

    @classmethod
    def make(cls, place: Path, *, keeps: bool = False) -> World:
        """Prepare a dataset; with `keeps` one that keeps history."""
        template, after = place / "template", place / "after"
        template.mkdir(parents=True)
        crash_child.first_change(template, keeps=keeps)
        shutil.copytree(template, after)
        crash_child.composite_change(after)
        return cls(template, view(template), view(after))

    def copy(self, place: Path) -> Path:
        """Return a fresh copy of the dataset at `place`, which is emptied first."""
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.template, place)
        return place

    def check_after_crash(self, folder: Path) -> str:
        """Check every promise for a dataset whose writer died; return whether the ``old`` or the ``new`` state won."""
        seen = view(folder)
        assert seen in (self.old, self.new), sorted(seen)
        won = "new" if seen == self.new else "old"
        with Transaction(DatasetLayout(folder), command="check", lock_timeout=0) as txn:
            assert txn.head.seq == (2 if won == "new" else 1)
        check_whole(folder, seen, events=2 if won == "new" else 1)
        assert crash_child.small_change(folder) == (3 if won == "new" else 2)
        assert verify_chain(folder / EVENT_LOG) == []
        assert not (folder / ".usr.recovered").exists()
        return won

    def check_after_error(self, folder: Path, told: Mapping[str, Any], before: Mapping[str, str]) -> None:
        """Check every promise for a dataset whose writer got (or swallowed) one error."""
        if "done" in told:
            assert view(folder) == self.new
            with Transaction(DatasetLayout(folder), command="check", lock_timeout=0):
                pass
            check_whole(folder, self.new, events=2)
        else:
            assert "error" in told or "own" in told, told
            assert told.get("type") != "CommitPending", told
            assert tree_digest(folder) == before


def check_whole(folder: Path, files: View, *, events: int) -> None:
    """Check that the dataset holds exactly these files and so many events, in one chain, and no leftovers."""
    assert files_on_disk(folder) == files
    assert sum(1 for _ in read_lines(folder / EVENT_LOG)) == events
    assert verify_chain(folder / EVENT_LOG) == []
    assert leftovers(folder) == []


def _walk(tree: FileTree, folder: str) -> list[tuple[str, bytes]]:
    found = []
    for name in tree.names(folder):
        relative = f"{folder}/{name}" if folder else name
        path = tree.path(relative)
        if not _is_content(relative):
            continue
        if path is not None and path.is_file():
            found.append((relative, path.read_bytes()))
        elif relative in tree.moved:
            raise FileNotFoundError(str(path))
        else:
            found.extend(_walk(tree, relative))
    return found


def _is_content(name: str) -> bool:
    return name != EVENT_LOG and not is_machinery(name)
