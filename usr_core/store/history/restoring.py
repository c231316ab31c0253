"""The bytes of the base of an earlier version, put together from a later base and kept tails."""

from __future__ import annotations

import os
from pathlib import Path

from usr_core.fs.durable import digest_of, link_or_copy
from usr_core.roots.layout import RECORDS
from usr_core.store.history.errors import TailDamaged
from usr_core.store.history.files import History, kept_name
from usr_core.store.history.keeping import BLOCK, TAIL, Tail, block_check, prefix_digest

__all__ = ["check_tail", "write_base_at"]

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
    name, oldest = tails[-1]
    pieces, tail = _pieces(whole, tails)
    with destination.open("xb", buffering=0) as target:
        checks = _copy(pieces, target.fileno(), stop=tail.prefix_bytes)
        if prefix_digest(checks) != tail.prefix_digest:
            raise TailDamaged(file=name, reason="the base does not begin with the bytes that stood before it")
        _check_content(oldest, tail, name)
        _copy_piece((oldest, tail.start, tail.size_bytes - tail.prefix_bytes), target.fileno(), at=tail.prefix_bytes)


def check_tail(history: History, version: int) -> None:
    """Check that the tail which the commit of `version` kept fits what follows it; nothing is written.

    Raises:
        TailDamaged: It is damaged, or the base does not begin with what it belongs to.
    """
    whole = history.file_at(RECORDS, version - 1)
    tails = [(kept_name(later, TAIL), path) for later, path in history.tails_after(version - 1)]
    name, path = tails[-1]
    if whole is None:
        raise TailDamaged(file=name, reason="the base that it belongs to is gone")
    pieces, tail = _pieces(whole, tails)
    if prefix_digest(_copy(pieces, None, stop=tail.prefix_bytes)) != tail.prefix_digest:
        raise TailDamaged(file=name, reason="the base does not begin with the bytes that stood before it")
    _check_content(path, tail, name)


def _pieces(whole: Path, tails: list[tuple[str, Path]]) -> tuple[list[_Piece], Tail]:
    """Return the ranges that the prefix of the last tail consists of, and that tail; tails are given newest first."""
    end: _Piece = (whole, 0, whole.stat().st_size)
    pieces: list[_Piece] = []
    for name, path in tails:
        tail = Tail.read(path, name)
        pieces = _cut([*pieces, end], tail.prefix_bytes)
        if sum(count for _, _, count in pieces) != tail.prefix_bytes:
            raise TailDamaged(file=name, reason="the base that came after it is shorter than what stood before it")
        end = (path, tail.start, tail.size_bytes - tail.prefix_bytes)
    return pieces, tail


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
