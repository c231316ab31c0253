"""A remote that is a folder: the transport under test, with a share that can be lost in the middle of a file."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # as a file: the packages of the checkout are two folders up
    sys.path[:0] = [
        str(Path(__file__).parents[2] / "plugins"),
        str(Path(__file__).parents[2]),
        str(Path(__file__).parents[1]),
    ]

from support.sync_pairs import FolderPair
from usr_core.api.transports import PosixFarSide
from usr_core.testing.far_side import Direction
from usr_folder.files import FolderFiles

__all__ = ["CountedFiles", "DiskFarSide", "FolderFarSide", "killed_push_argv"]


class LosingFiles(FolderFiles):
    """The files of a share whose server goes away after some bytes of each transfer."""

    left: dict[str, int | None]

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self.left = {"fetch": None, "send": None}

    def get(self, path: str, *, basis: Path | None) -> Iterator[bytes]:
        return self._losing("fetch", super().get(path, basis=basis))

    def put(self, path: str, pieces: Iterator[bytes], *, basis: str | None) -> None:
        super().put(path, self._losing("send", pieces), basis=basis)

    def _losing(self, direction: Direction, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            left = self.left[direction]
            if left is not None and len(piece) > left:
                yield piece[:left]
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
            if left is not None:
                self.left[direction] = left - len(piece)
            yield piece


class CountedFiles(FolderFiles):
    """The files of a folder, where something happens before the n-th operation."""

    def __init__(self, settings: dict[str, Any], at: int = 0, act: Callable[[], None] | None = None) -> None:
        self.seen: list[str] = []
        self._at, self._act = at, act
        super().__init__(settings)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in OPERATIONS:
            self.seen.append(name)
            if len(self.seen) == self._at and self._act is not None:
                self._act()
        return found


OPERATIONS = frozenset(
    {
        *("entry", "entries", "read", "get", "put", "write_at", "truncate", "make_folder", "rename", "link"),
        *("remove", "remove_folder", "sync", "lock", "digest"),
    }
)


class DiskFarSide:
    """What of a `usr_core.testing.far_side.FarSide` is the same wherever its files lie on this machine's own disk."""

    def write(self, path: str, content: bytes) -> None:
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink():
            place.unlink()
        place.write_bytes(content)

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def link(self, path: str, target: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).symlink_to(target)


class FolderFarSide(DiskFarSide):
    """The remote side of the transport under test: `usr_core.testing.far_side.FarSide`, a folder."""

    declared = frozenset({"interrupt", "other_locker"})

    def __init__(self, base: Path) -> None:
        self.root = str(base)
        self._files = LosingFiles({"base_dir": self.root, "name": "disk"})
        self.transport = PosixFarSide(self._files)

    def names(self, folder: str) -> list[str]:
        found = (path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())
        return sorted(path.relative_to(folder).as_posix() for path in found)

    def cut(self, direction: Direction, after_bytes: int) -> None:
        self._files.left[direction] = after_bytes

    def mend(self) -> None:
        self._files.left = {"fetch": None, "send": None}

    @contextlib.contextmanager
    def held_lock(self, folder: str) -> Iterator[None]:
        with (Path(folder) / ".usr.lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TimeoutError from error
            yield


def killed_push_argv(here: Path, there: Path, dataset: str, at: int) -> list[str]:
    """Return the command that pushes a dataset to a folder and is killed before the n-th operation there."""
    return [sys.executable, "-s", __file__, str(here), str(there), dataset, str(at)]


def main() -> None:
    here, there, dataset, at = sys.argv[1:]
    files = CountedFiles({"base_dir": there, "name": "disk"}, int(at), lambda: os.kill(os.getpid(), signal.SIGKILL))
    FolderPair(local=Path(here), base_dir=there, connect=lambda: PosixFarSide(files)).sync("push", dataset)


if __name__ == "__main__":
    main()
