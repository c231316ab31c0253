"""The bytes of the base of an earlier version, put together from a later base and kept tails."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from usr_core.fs.durable import digest_of, link_or_copy
from usr_core.roots.layout import RECORDS
from usr_core.store.history.errors import TailDamaged
from usr_core.store.history.files import History, kept_name
from usr_core.store.history.keeping import BLOCK, TAIL, Tail, block_check, block_checks, prefix_digest

__all__ = ["check_tails", "write_base_at"]

_Piece = tuple[Path, int, int]
"""A range of a file: the file, where the range begins, its bytes."""


def write_base_at(history: History, version: int, destination: Path) -> None:
    """Make `destination` hold the very bytes that the base had at `version`.

    Where a commit kept the file whole, it gets a second name. The caller fsyncs.

    Raises:
        TailDamaged: A tail is damaged, or the base does not begin with what the tail belongs to.
        FileNotFoundError: Nothing has the base of that version.
    """
    whole = history.file_at(RECORDS, version)
    if whole is None:
        raise FileNotFoundError(RECORDS)
    tails = [(kept_name(later, TAIL), path) for later, path in history.tails_after(version)]
    if not tails:
        link_or_copy(whole, destination)
        return
    pieces = _all_of(whole)
    for name, path in tails:
        pieces, tail = _before(pieces, path, name)
        if (name, path) != tails[-1]:
            pieces.append((path, tail.start, tail.own_bytes))
    name, oldest = tails[-1]
    with destination.open("xb", buffering=0) as target:
        _check_prefix(_copy(pieces, target.fileno(), stop=tail.prefix_bytes), tail, name)
        _check_content(oldest, tail, name)
        _copy_piece((oldest, tail.start, tail.own_bytes), target.fileno(), at=tail.prefix_bytes)


def check_tails(history: History, *, unkept: Collection[int] = ()) -> Iterator[tuple[str, str]]:
    """Yield the tails that are damaged or fit nothing, by name, each with the reason; nothing is written.

    `unkept` are the events that wrote the base and kept nothing of the one before, as while history is switched off:
    tails from before lead nowhere, and are passed over.

    The base is read once. A tail whose prefix lies in the base costs a block more.
    """
    base = history.tree.path(RECORDS)
    known = block_checks(base, first=0, stop=_whole_blocks(base)) if base is not None and history.tails_after(0) else []
    pieces: list[_Piece] | None = _all_of(base)
    for version in sorted({*history.versions, *unkept}, reverse=True):
        kept = history.kept_by(version)
        if RECORDS in kept:
            pieces = _all_of(kept[RECORDS])
        elif version in unkept:
            pieces = None
        if TAIL not in kept or pieces is None:
            continue
        name, path = kept_name(version, TAIL), kept[TAIL]
        try:
            pieces, tail = _before(pieces, path, name)
            in_base = pieces if [piece[0] for piece in pieces] == [base] else None
            checks = known[: tail.prefix_bytes // BLOCK] if in_base else []
            if in_base and base is not None:
                checks += block_checks(base, first=len(checks), stop=tail.prefix_bytes)
            _check_prefix(checks if in_base else _copy(pieces, None, stop=tail.prefix_bytes), tail, name)
            _check_content(path, tail, name)
            pieces.append((path, tail.start, tail.own_bytes))
        except TailDamaged as error:
            yield error.file, f"does not fit: {error.reason}"


def _all_of(path: Path | None) -> list[_Piece]:
    return [] if path is None else [(path, 0, path.stat().st_size)]


def _whole_blocks(path: Path) -> int:
    return path.stat().st_size // BLOCK * BLOCK


def _before(pieces: list[_Piece], path: Path, name: str) -> tuple[list[_Piece], Tail]:
    """Return the ranges of what stood before a tail, given those of the base that came after it; and the tail."""
    tail = Tail.read(path, name)
    cut = _cut(pieces, tail.prefix_bytes)
    if sum(count for _, _, count in cut) != tail.prefix_bytes:
        raise TailDamaged(file=name, reason="the base that came after it is shorter than what stood before it")
    return cut, tail


def _check_prefix(checks: list[str], tail: Tail, name: str) -> None:
    if prefix_digest(checks) != tail.prefix_digest:
        raise TailDamaged(file=name, reason="the base does not begin with the bytes that stood before it")


def _cut(pieces: list[_Piece], stop: int) -> list[_Piece]:
    kept: list[_Piece] = []
    for path, start, count in pieces:
        kept.append((path, start, min(count, stop)))
        stop -= min(count, stop)
    return [piece for piece in kept if piece[2]]


def _copy(pieces: list[_Piece], target: int | None, *, stop: int) -> list[str]:
    """Copy ranges, one behind the other, up to byte `stop`, and return the checks of the blocks.

    They go through memory, as their checks have to be computed: that takes no longer than the kernel's own copy.
    """
    checks: list[str] = []
    buffer = memoryview(bytearray(BLOCK))
    held = at = 0
    for path, start, count in pieces:
        with path.open("rb", buffering=0) as source:
            left = count
            source.seek(start)
            while left:
                read = source.readinto(buffer[held : held + min(left, BLOCK - held)])
                if not read:
                    raise OSError(f"{path} ended while it was read")
                held, left = held + read, left - read
                if held == BLOCK or at + held == stop:
                    checks.append(block_check(buffer[:held]))
                    if target is not None:
                        _write(target, buffer[:held], at)
                    held, at = 0, at + held
    return checks


def _copy_piece(piece: _Piece, target: int, *, at: int) -> None:
    from usr_core.store.base.segments import copy_range

    path, start, count = piece
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        copy_range(descriptor, target, count, start=start, at=at)
    finally:
        os.close(descriptor)


def _check_content(path: Path, tail: Tail, name: str) -> None:
    if digest_of(path, start=tail.start) != tail.sha256:
        raise TailDamaged(file=name, reason="its bytes are not those that were kept")


def _write(target: int, content: memoryview, at: int) -> None:
    while content:
        written = os.pwrite(target, content, at)
        content, at = content[written:], at + written
