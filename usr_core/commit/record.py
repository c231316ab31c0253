"""The commit record: what a change will do, written down before anyone can see any of it.

While `.usr.commit.<seq>.json` exists, the change is real though perhaps not yet applied; while
`.usr.abort.<seq>.json` exists, it is being taken back. Both hold the same text. Whoever acts on a record holds it
in a way that notices that somebody else has settled it.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from usr_core.commit.errors import CommitRecordUnreadable, LateHolder
from usr_core.commit.file_tree import check_inside, find_records
from usr_core.fs.errors import SpecialFile
from usr_core.fs.files import open_regular, read_regular
from usr_core.roots.layout import ABORT_PREFIX, COMMIT_PREFIX, STAGING

__all__ = [
    "CommitRecord",
    "HeldRecord",
    "LogState",
    "Publish",
    "Retire",
    "find_records",
    "log_state",
]

_FORMAT = 1

LogState = Literal["written", "open", "foreign"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Rename a staged file to its final name.

    Attributes:
        staged: Name below the staging folder of the transaction.
        final: Relative name in the dataset.
        undo: Name, inside the staging folder, of a link to the file that is replaced; None where there was none.
    """

    staged: str
    final: str
    undo: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire:
    """Move a file away.

    Attributes:
        final: Relative name it has now.
        target: Relative name it gets, which is not in use: in an archive, or inside the staging folder where it is
            to vanish.
    """

    final: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRecord:
    """One change: its number, its staging folder, what it does, its event line and where that goes."""

    seq: int
    txn: str
    operations: tuple[Publish | Retire, ...]
    folders: tuple[str, ...]
    line: bytes
    offset: int

    def name(self) -> str:
        """Return the record's file name in the dataset's folder."""
        return f"{COMMIT_PREFIX}{self.seq}.json"

    def abort_name(self) -> str:
        """Return the name that the record has while the change is taken back."""
        return f"{ABORT_PREFIX}{self.seq}.json"

    def staging(self, folder: Path) -> Path:
        """Return the staging folder of this change."""
        return folder / STAGING / self.txn

    def state_in(self, found: bytes, size: int) -> LogState:
        """Judge a log of `size` bytes that has `found` where the record's line goes; see `log_state`."""
        if size < self.offset:
            return "foreign"
        if not self.line:
            return "open" if size == self.offset else "foreign"
        if found == self.line:
            return "written"
        ended_here = size <= self.offset + len(self.line)
        torn = all(byte in (0, ours) for byte, ours in zip(found, self.line, strict=False))
        return "open" if ended_here and torn else "foreign"

    def encode(self) -> bytes:
        """Return the record's bytes."""
        operations = [
            {"op": "publish", "staged": op.staged, "final": op.final, "undo": op.undo}
            if isinstance(op, Publish)
            else {"op": "retire", "final": op.final, "target": op.target}
            for op in self.operations
        ]
        document = {
            "usr_commit": _FORMAT,
            "seq": self.seq,
            "txn": self.txn,
            "operations": operations,
            "folders": list(self.folders),
            "line": self.line.decode("utf-8"),
            "offset": self.offset,
        }
        return json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"

    @classmethod
    def read(cls, path: Path) -> CommitRecord:
        """Read a record.

        Raises:
            FileNotFoundError: The record has been removed meanwhile.
            CommitRecordUnreadable: The record is of another format, or not a file. (It is never torn: it gets its
                name when it is whole.)
        """
        try:
            content = read_regular(path)
        except SpecialFile as error:
            raise CommitRecordUnreadable(path=path, reason=f"it is a {error.kind}") from error
        return cls.decode(content, path)

    @classmethod
    def decode(cls, content: bytes, path: Path) -> CommitRecord:
        """Return the record that `content` holds; `path` is for the error.

        Raises:
            CommitRecordUnreadable: The record is of another format, or names something outside the dataset.
        """
        try:
            document = json.loads(content)
            if document["usr_commit"] != _FORMAT:
                raise CommitRecordUnreadable(path=path, reason=f"format {document['usr_commit']}")
            return cls(
                seq=int(document["seq"]),
                txn=_plain_name(document["txn"]),
                operations=tuple(_operation(op) for op in document["operations"]),
                folders=tuple(check_inside(name) for name in document["folders"]),
                line=document["line"].encode("utf-8", "surrogatepass"),
                offset=int(document["offset"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CommitRecordUnreadable(path=path, reason=str(error)) from error


def log_state(record: CommitRecord, log: Path) -> LogState:
    """Look at the log where the record's event belongs.

    Returns:
        ``written`` when the very bytes are there, ``open`` when nothing is, or some of these bytes with zeros
        for the others (a power cut keeps blocks in any order), ``foreign`` when something else is: then the record is
        a stale holder's. A record without a line is ``open`` as long as nobody extends the log.
    """
    try:
        descriptor = open_regular(log)
    except FileNotFoundError:
        return "open" if record.offset == 0 else "foreign"
    try:
        size = os.fstat(descriptor).st_size
        found = os.pread(descriptor, len(record.line), record.offset)
    finally:
        os.close(descriptor)
    return record.state_in(found, size)


def _operation(document: dict[str, object]) -> Publish | Retire:
    if document["op"] == "publish":
        undo = document["undo"]
        return Publish(
            staged=check_inside(document["staged"]),
            final=check_inside(document["final"]),
            undo=None if undo is None else _plain_name(undo),
        )
    if document["op"] == "retire":
        return Retire(final=check_inside(document["final"]), target=check_inside(document["target"]))
    raise ValueError(f"unknown operation {document['op']!r}")


def _plain_name(name: object) -> str:
    """Refuse a name that would leave the folder: a record is also written by other hosts."""
    text = check_inside(name)
    if "/" in text:
        raise ValueError(f"{text!r} is not a plain file name")
    return text


class HeldRecord:
    """The record under its present name.

    Its file stays open meanwhile: an inode that is open is not given to another file, so name and
    inode together tell our record from a later one of the same number. Whoever is paused for long
    (another writer may have taken the lock over) finds out before the next operation, not after it.

    Args:
        folder: The dataset's folder.
        record: What it says.
        path: Its name now.
        descriptor: The open file; closed with this object.
    """

    def __init__(self, folder: Path, record: CommitRecord, path: Path, descriptor: int) -> None:
        self.folder = folder
        self.record = record
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path, path: Path) -> HeldRecord:
        """Open the record of that name.

        Raises:
            FileNotFoundError: The record does not exist.
            CommitRecordUnreadable: The record is of another format, or leads out of the dataset.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            return cls(folder, CommitRecord.read(path), path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def __enter__(self) -> HeldRecord:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An error of closing does not undo what was done under the record.
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def follow(self, folder: Path) -> None:
        """Use `folder` from now on: the dataset's folder has been moved there."""
        self.folder, self.path = folder, folder / self.path.name

    def alive(self) -> bool:
        """Tell whether the file of this name is still our record."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def check(self) -> None:
        """Go on only while the record is ours to settle.

        Raises:
            LateHolder: Somebody else has settled the record.
        """
        if not self.alive():
            raise LateHolder(dataset=self.folder.name, seq=self.record.seq)

    def turn_into_abort(self) -> None:
        """Give the record the name that says: this change is being taken back. The folder is not fsynced.

        Raises:
            LateHolder: Somebody else has settled the record.
        """
        self.check()
        abort = self.folder / self.record.abort_name()
        try:
            os.rename(self.path, abort)  # noqa: PTH104
        except FileNotFoundError as error:
            raise LateHolder(dataset=self.folder.name, seq=self.record.seq) from error
        self.path = abort
