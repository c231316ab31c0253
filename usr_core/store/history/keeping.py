"""Keeping what a commit replaces: whether a dataset does, and what is kept of a base that was extended.

The commit itself moves and links files (`Transaction.keeps`). Of a base that the new one begins with, only the end is
kept, a tail. A tail names a digest of the bytes before it, which an append neither reads nor decodes: checks of blocks
of 8 MiB are kept beside the history for the base as it is, and only blocks that are new are read (docs/adr/0034).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.commit.file_tree import FileTree
from usr_core.fs.files import read_regular
from usr_core.roots.layout import HISTORY, RECORDS
from usr_core.store.history.errors import HistoryUnreadable, TailDamaged

if TYPE_CHECKING:
    from usr_core.commit.transaction import Transaction

__all__ = [
    "BLOCK",
    "NOT_KEPT",
    "SETTING",
    "TAIL",
    "Setting",
    "Tail",
    "block_check",
    "keep_base",
    "prefix_digest",
    "stage_tail",
]

SETTING = f"{HISTORY}/setting.json"
CHECKS = f"{HISTORY}/base.json"
TAIL = "records.tail"
BLOCK = 8 << 20
_FORMAT = 1
_END = 1 << 16
_LANES = 1024
_UNREADABLE = (ValueError, KeyError, TypeError, OverflowError, RecursionError)
"""What a document raises that is none: no JSON, other fields, numbers without end, thousands of brackets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Whether a dataset keeps what its commits replace, and what can be seen of the past.

    Attributes:
        keep: Commits keep what they replace.
        since: The oldest version from which on everything was kept, up to the last one; None where nothing was.
        versions: Older versions that are kept by themselves.
        told: A change has kept more than the base's own size, and it was said how to give up older versions.
    """

    keep: bool = False
    since: int | None = None
    versions: tuple[int, ...] = ()
    told: bool = False

    def holds(self, version: int) -> bool:
        """Tell whether what `version` consists of was kept."""
        return self.since is not None and (version >= self.since or version in self.versions)

    def held(self, last: int) -> set[int]:
        """Return all versions up to `last` of which that holds."""
        return {*self.versions, *(range(self.since, last + 1) if self.since is not None else ())}

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        document = {
            "usr_history": _FORMAT,
            "history": "keep" if self.keep else "none",
            "since": self.since,
            "versions": list(self.versions),
            "told": self.told,
        }
        return json.dumps(document, indent=1).encode() + b"\n"

    @classmethod
    def read(cls, tree: FileTree) -> Setting:
        """Return what a dataset says; one without the file keeps nothing.

        Raises:
            HistoryUnreadable: The file is not one of this version of USR.
        """
        path = tree.path(SETTING)
        try:
            return NOT_KEPT if path is None else cls.decode(read_regular(path))
        except FileNotFoundError:
            return NOT_KEPT

    @classmethod
    def decode(cls, content: bytes) -> Setting:
        """Return what the bytes of the file say.

        Raises:
            HistoryUnreadable: They are not of this version of USR.
        """
        try:
            document = json.loads(content)
            if document["usr_history"] != _FORMAT or document["history"] not in ("keep", "none"):
                raise HistoryUnreadable(file=SETTING, reason="it was written by another version of USR")
            since = document["since"]
            return cls(
                keep=document["history"] == "keep",
                since=None if since is None else int(since),
                versions=tuple(sorted(int(version) for version in document["versions"])),
                told=document.get("told") is True,
            )
        except HistoryUnreadable:
            raise
        except _UNREADABLE as error:
            raise HistoryUnreadable(file=SETTING, reason=f"it is damaged ({error})") from error


NOT_KEPT = Setting()
"""What holds for a dataset that says nothing, as those of older versions of USR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The end of a base that was extended; its file has this as a line of JSON, and then the bytes.

    Attributes:
        prefix_bytes: Where it began: so many bytes stand in the base that came after it as well.
        prefix_digest: Of these bytes; see `prefix_digest`.
        size_bytes: Bytes of the whole base.
        sha256: Of the bytes of the tail.
        start: Where they begin in the file.
    """

    prefix_bytes: int
    prefix_digest: str
    size_bytes: int
    sha256: str
    start: int = 0

    @property
    def own_bytes(self) -> int:
        """How many bytes stand in the file behind its first line."""
        return self.size_bytes - self.prefix_bytes

    def encode(self) -> bytes:
        """Return the line that the file begins with."""
        document = {
            "usr_tail": _FORMAT,
            "prefix_bytes": self.prefix_bytes,
            "prefix_digest": self.prefix_digest,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
        }
        return json.dumps(document).encode() + b"\n"

    @classmethod
    def read(cls, path: Path, name: str) -> Tail:
        """Read what a tail says; `name` is for the error.

        Raises:
            TailDamaged: The file is not a whole tail.
        """
        with path.open("rb") as handle:
            line = handle.readline(_END)
            size = os.fstat(handle.fileno()).st_size
        try:
            told = json.loads(line)
            if told["usr_tail"] != _FORMAT:
                raise HistoryUnreadable(file=name, reason="it was written by another version of USR")
            tail = cls(
                prefix_bytes=int(told["prefix_bytes"]),
                prefix_digest=str(told["prefix_digest"]),
                size_bytes=int(told["size_bytes"]),
                sha256=str(told["sha256"]),
                start=len(line),
            )
        except HistoryUnreadable:
            raise
        except _UNREADABLE as error:
            raise TailDamaged(file=name, reason="its first line is damaged") from error
        if size - tail.start != tail.own_bytes:
            raise TailDamaged(file=name, reason=f"it has {size - tail.start:,} bytes behind its first line")
        return tail


def keep_base(txn: Transaction, *, prefix: int | None) -> None:
    """See to what is kept of the base that a change replaces by a staged one.

    Args:
        txn: The change, which keeps what it replaces.
        prefix: How many bytes the staged base has in common with the one before it, which were copied; None where it
            was not made by copying, so that the old one is kept whole.
    """
    if prefix is None:
        return
    old, new = txn.layout.records, txn.stage(RECORDS)
    checks: list[str] = []
    if prefix:
        checks = _known_checks(txn.tree, old)[: prefix // BLOCK]
        checks += block_checks(old, first=len(checks), stop=prefix // BLOCK * BLOCK)
        tail = txn.kept_name(TAIL)
        stage_tail(txn, old, tail, prefix=prefix, checks=checks)
        txn.keep_tail(RECORDS, tail=tail, prefix=prefix)
    size = new.stat().st_size
    checks += block_checks(new, first=len(checks), stop=size // BLOCK * BLOCK)
    document = {"usr_history": _FORMAT, "size_bytes": size, "end": _end_digest(new), "blocks": checks}
    txn.stage(CHECKS).write_text(json.dumps(document) + "\n", encoding="ascii")


def block_checks(path: Path, *, first: int, stop: int) -> list[str]:
    """Return the checks of the blocks of a file from block `first` on, up to byte `stop`; the last may be shorter."""
    found = []
    buffer = memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as handle:
        handle.seek(first * BLOCK)
        for at in range(first * BLOCK, stop, BLOCK):
            block = buffer[: min(BLOCK, stop - at)]
            read = 0
            while read < len(block):
                read += handle.readinto(block[read:]) or _ended(path)
            found.append(block_check(block))
    return found


def block_check(block: memoryview) -> str:
    """Return the check of at most 8 MiB: any flipped bit changes it. It is no proof against forgery.

    It takes a fifth of the time of a CRC: the words of 64 bits are added up in 1,024 lanes.
    """
    import hashlib

    import numpy as np

    whole = len(block) // (8 * _LANES) * (8 * _LANES)
    lanes = np.frombuffer(block[:whole], dtype="<u8").reshape(-1, _LANES).sum(axis=0, dtype="<u8")
    return hashlib.sha256(lanes.tobytes() + bytes(block[whole:])).hexdigest()[:16]


def prefix_digest(checks: Sequence[str]) -> str:
    """Return the digest of a prefix, given the checks of its blocks."""
    import hashlib

    return hashlib.sha256("".join(checks).encode("ascii")).hexdigest()


def stage_tail(txn: Transaction, old: Path, name: str, *, prefix: int, checks: Sequence[str] = ()) -> None:
    """Stage the end of a base, from byte `prefix` on, as the file `name`; `checks` are those of its first blocks."""
    import hashlib

    rest = block_checks(old, first=len(checks), stop=prefix)  # what of the prefix fills no block
    with old.open("rb", buffering=0) as handle:
        handle.seek(prefix)
        content = handle.read()
    tail = Tail(
        prefix_bytes=prefix,
        prefix_digest=prefix_digest([*checks, *rest]),
        size_bytes=prefix + len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    txn.stage(name).write_bytes(tail.encode() + content)


def _known_checks(tree: FileTree, base: Path) -> list[str]:
    """Return the checks of the blocks of the base that were written down; none where they are of another one."""
    path = tree.path(CHECKS)
    try:
        told = json.loads(read_regular(path)) if path is not None else {}
        said = told["usr_history"], told["size_bytes"], told["end"]
        if said == (_FORMAT, base.stat().st_size, _end_digest(base)):
            return [str(check) for check in told["blocks"]]
    except _UNREADABLE:
        pass  # they are read again
    return []


def _end_digest(path: Path) -> str:
    """Return a digest of the end of a base, with its footer: what tells it from every other one of its size."""
    from usr_core.fs.durable import digest_of

    return digest_of(path, start=max(0, path.stat().st_size - _END))


def _ended(path: Path) -> int:
    raise OSError(f"{path} ended while it was read")
