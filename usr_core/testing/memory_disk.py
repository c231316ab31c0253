"""What a remote side in memory holds: files, links, folders, locks, and faults at a chosen moment.

`MemoryDisk` is the disk and the network; `usr_core.testing.memory_transport.MemoryTransport` is one client of it. Two
clients of one remote are two hosts. Thread-safe: each operation holds one lock.
"""

from __future__ import annotations

import contextlib
import posixpath
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from usr_core.plugin.transport_errors import RemoteLocked, RemoteRefused, RemoteUnreachable
from usr_core.plugin.transports import ABILITY_LOCK, ABILITY_PARQUET, ABILITY_SHA256, EntryKind, RemoteEntry
from usr_core.testing.far_side import Direction

__all__ = ["Call", "MemoryDisk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A transport's call that is about to be made, or a step inside one.

    Attributes:
        number: 1 for the first call on this remote; of a step, that of its call.
        name: Of the method; of a step of a commit ``commit:linked`` and the like, see `MemoryTransport.commit`.
        request: What it was asked.
    """

    number: int
    name: str
    request: object


@dataclass
class _File:
    content: bytes
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _ByteFault:
    at: int
    action: Callable[[], None]
    each_transfer: bool


@dataclass
class MemoryDisk:
    """The disk of a remote side, and the network on the way to it.

    Attributes:
        root: An empty folder to begin with.
        abilities: What the remote side can do.
        writable: False where nothing can be written; the lock then yields False.
        capacity: Bytes that fit on the remote side in all; None for no limit.
        clock_ahead: Seconds that its clock is ahead of ours.
        before: Called before each call and at each step of a commit; it may change the remote, or raise.
        calls: Every call so far.
        declared: What a contract may test.
    """

    root: str = "/remote/root"
    abilities: frozenset[str] = frozenset({ABILITY_SHA256, ABILITY_PARQUET, ABILITY_LOCK})
    writable: bool = True
    capacity: int | None = None
    clock_ahead: float = 0.0
    before: Callable[[Call], None] | None = None
    calls: list[Call] = field(default_factory=list)
    declared: frozenset[str] = frozenset({"interrupt", "other_locker"})

    def __post_init__(self) -> None:
        self.guard = threading.RLock()
        self.freed = threading.Condition(self.guard)
        self.lock_holders: dict[str, object] = {}
        self.connection = 0
        self._files: dict[str, _File] = {}
        self._links: dict[str, str] = {}
        self._folders: set[str] = {"/"}
        self._marks = 0
        self._actions: dict[str | int, list[Callable[[], None]]] = {}
        self._byte_faults: dict[Direction, list[_ByteFault]] = {"fetch": [], "send": []}
        self._flips: dict[Direction, list[int]] = {"fetch": [], "send": []}
        self._moved: dict[Direction, int] = {"fetch": 0, "send": 0}
        self.make_folders(self.root)

    # ------------------------------------------------------------ looking and preparing from outside

    def write(self, path: str, content: bytes) -> None:
        """Give a file this content, making its folders; a link of that name is replaced."""
        with self.guard:
            self.make_folders(posixpath.dirname(path))
            if path in self._folders:
                raise _refused(path, "is a folder")
            self._links.pop(path, None)
            if self.capacity is not None:
                held = sum(len(file.content) for name, file in self._files.items() if name != path)
                if held + len(content) > self.capacity:
                    raise _refused(path, "no space left on device")
            self._marks += 1
            self._files[path] = _File(bytes(content), f"mark-{self._marks}")

    def read(self, path: str) -> bytes:
        """Return a file's content; `FileNotFoundError` where there is none. Links are not followed."""
        with self.guard:
            if path not in self._files:
                raise FileNotFoundError(path)
            return self._files[path].content

    def exists(self, path: str) -> bool:
        """Tell whether something has that name."""
        return self.entry(path) is not None

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        with self.guard:
            self.make_folders(posixpath.dirname(path))
            self._links[path] = target

    def names(self, folder: str) -> list[str]:
        """Return the files below a folder, relative, sorted."""
        with self.guard:
            return sorted(name[len(folder) + 1 :] for name in self._files if name.startswith(f"{folder}/"))

    def files(self, folder: str) -> dict[str, bytes]:
        """Return the files below a folder with their content, by relative name, sorted."""
        with self.guard:
            return {name: self._files[f"{folder}/{name}"].content for name in self.names(folder)}

    # ------------------------------------------------------------ faults

    def at_call(self, when: int | str, action: Callable[[], None] | BaseException) -> None:
        """Do something, once, before a call: the n-th from now, or the next one (or step) of that name.

        Args:
            when: ``1`` is the next call; ``"fetch"`` the next fetch; ``"commit:linked"`` that step of a commit.
            action: Called, or raised.
        """
        key = len(self.calls) + when if isinstance(when, int) else when
        self._actions.setdefault(key, []).append(_as_action(action))

    def at_bytes(self, direction: Direction, count: int, action: Callable[[], None] | BaseException) -> None:
        """Do something, once, when so many bytes from now have moved in that direction."""
        at = self._moved[direction] + count
        self._byte_faults[direction].append(_ByteFault(at=at, action=_as_action(action), each_transfer=False))

    def flip_at(self, direction: Direction, count: int) -> None:
        """Flip one bit, once, of the byte that moves in that direction after `count` bytes from now."""
        self._flips[direction].append(self._moved[direction] + count)

    def cut(self, direction: Direction, after_bytes: int) -> None:
        """Let every transfer in that direction break off after so many bytes of its own, until `mend`."""
        error = RemoteUnreachable(
            "the connection was cut", hint="Run the command again.", facts={"host": "memory", "path": self.root}
        )
        self._byte_faults[direction].append(_ByteFault(at=after_bytes, action=_as_action(error), each_transfer=True))

    def mend(self) -> None:
        """Forget every fault."""
        self._actions.clear()
        self._byte_faults = {"fetch": [], "send": []}
        self._flips = {"fetch": [], "send": []}

    def drop_connections(self) -> None:
        """Lose every connection: locks are freed, and what is called inside their blocks from now on is an error."""
        with self.guard:
            self.connection += 1
            self.lock_holders.clear()
            self.freed.notify_all()

    @contextlib.contextmanager
    def held_lock(self, folder: str) -> Iterator[None]:
        """Hold a dataset's lock as a stranger."""
        holder = object()
        self.take_lock(folder, holder, timeout=0)
        try:
            yield
        finally:
            self.free_lock(folder, holder)

    # ------------------------------------------------------------ for transports

    def reached(self, name: str, request: object, *, step: bool = False) -> None:
        """Count a call, tell `before`, and do what is due."""
        with self.guard:
            call = Call(number=len(self.calls) + (0 if step else 1), name=name, request=request)
            due = self._actions.pop(name, [])
            if not step:
                self.calls.append(call)
                due += self._actions.pop(call.number, [])
        if self.before is not None:
            self.before(call)
        for action in due:
            action()

    def passing(self, direction: Direction, done: int, chunk: bytes) -> bytes:
        """Let bytes through, `done` being those of this transfer before them; return them as they arrive."""
        with self.guard:
            start = self._moved[direction]
            self._moved[direction] = end = start + len(chunk)
            due = []
            for fault in list(self._byte_faults[direction]):
                if done + len(chunk) > fault.at if fault.each_transfer else end >= fault.at:
                    due.append(fault.action)
                    if not fault.each_transfer:
                        self._byte_faults[direction].remove(fault)
            for at in [at for at in self._flips[direction] if start <= at < end]:
                self._flips[direction].remove(at)
                chunk = chunk[: at - start] + bytes([chunk[at - start] ^ 1]) + chunk[at - start + 1 :]
        for action in due:
            action()
        return chunk

    def entry(self, path: str, shown: str = "") -> RemoteEntry | None:
        """Return what has that path, called `shown`."""
        with self.guard:
            if path in self._files:
                file = self._files[path]
                return RemoteEntry(path=shown, kind="file", size_bytes=len(file.content), mark=file.mark)
            kind: EntryKind
            if path in self._links:
                kind = "link"
            elif path in self._folders:
                kind = "folder"
            else:
                return None
            return RemoteEntry(path=shown, kind=kind)

    def below(self, folder: str) -> list[RemoteEntry]:
        """Return everything below a folder, sorted by path."""
        with self.guard:
            names = {*self._files, *self._links, *self._folders}
            found = [name for name in names if name.startswith(f"{folder}/")]
            entries = (self.entry(name, name[len(folder) + 1 :]) for name in sorted(found))
            return [entry for entry in entries if entry is not None]

    def make_folders(self, path: str) -> None:
        """Make a folder and those above it."""
        with self.guard:
            place = path
            missing = []
            while place not in self._folders:
                if place in self._files or place in self._links:
                    raise _refused(place, "is not a folder")
                missing.append(place)
                place = posixpath.dirname(place)
            self._folders.update(missing)

    def rename(self, old: str, new: str) -> None:
        """Rename a file or link, replacing a file or link."""
        with self.guard:
            if new in self._folders:
                raise _refused(new, "is a folder")
            if posixpath.dirname(new) not in self._folders:
                raise _refused(new, "no such folder")
            if old in self._files:
                file = self._files.pop(old)
                self._links.pop(new, None)
                self._files[new] = file
            elif old in self._links:
                self._files.pop(new, None)
                self._links[new] = self._links.pop(old)
            else:
                raise _refused(old, "no such file")

    def hard_link(self, old: str, new: str) -> None:
        """Give a file a second name, unless that is taken; the two have one mark, as one inode has."""
        with self.guard:
            if self.exists(new):
                raise _refused(new, "file exists")
            self._files[new] = _File(self._files[old].content, self._files[old].mark)

    def remove(self, path: str) -> None:
        """Remove a file or a link, or a folder with all that is in it; what is not there is fine."""
        with self.guard:
            for names in (self._files, self._links):
                for name in [name for name in names if name == path or name.startswith(f"{path}/")]:
                    names.pop(name, None)
            self._folders = {name for name in self._folders if name != path and not name.startswith(f"{path}/")}

    def remove_if_empty(self, folder: str) -> None:
        """Remove a folder that has nothing in it; any other is left alone."""
        with self.guard:
            if not self.below(folder):
                self._folders.discard(folder)

    def now(self) -> float:
        """Return its clock, seconds since 1970."""
        return time.time() + self.clock_ahead

    def take_lock(self, folder: str, holder: object, *, timeout: float) -> None:
        """Take a dataset's lock; `RemoteLocked` after `timeout` seconds."""
        with self.guard:
            if not self.freed.wait_for(lambda: folder not in self.lock_holders, timeout=max(timeout, 0)):
                raise RemoteLocked(
                    "another writer holds the remote dataset's lock",
                    hint="Wait until it is done, then run the command again.",
                    facts={"host": "memory", "path": folder},
                )
            self.lock_holders[folder] = holder
            self.write(f"{folder}/.usr.lock", b"")

    def free_lock(self, folder: str, holder: object) -> None:
        """Free a lock, if it still is that holder's."""
        with self.guard:
            if self.lock_holders.get(folder) is holder:
                del self.lock_holders[folder]
                self.freed.notify_all()


def _as_action(action: Callable[[], None] | BaseException) -> Callable[[], None]:
    if not isinstance(action, BaseException):
        return action

    def fail() -> None:
        raise action

    return fail


def _refused(path: str, answer: str) -> RemoteRefused:
    return RemoteRefused(
        f"the remote's file system refused: {answer}",
        hint="Look at the remote: space, permissions, what is there.",
        facts={"host": "memory", "path": path, "answer": answer},
    )
