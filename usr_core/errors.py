"""The root of every error that USR raises on purpose.

Each package of the core keeps its errors in an ``errors`` module of its own; all derive from
`UsrError`, so that one ``except UsrError`` is enough for a caller, and one place in the command line
turns them into text and an exit code.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

__all__ = ["ExitCode", "OutOfMemory", "UsrError", "counted", "first_line", "visible"]


class ExitCode(IntEnum):
    """What the process returns to its caller (documented in ``README.md``)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    MISSING = 3
    PLUGIN = 4
    LOCKED = 5
    DIVERGED = 6
    REMOTE = 7
    INTERRUPTED = 130


class UsrError(Exception):
    """Something USR refuses or could not do, with the facts and a way out.

    Args:
        message: What happened, one sentence.
        hint: A thing the reader can do now.
        facts: What it is about, in order: ``file``, ``row`` (1 is the first record after a header),
            ``column``, ``value``, and whatever else helps. Values are shown with control characters made visible.

    Attributes:
        code: Stable, documented, unique: ``USR-<AREA>-<number>``.
        exit_code: What the command line returns.
    """

    code = "USR-GENERAL-001"
    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str, facts: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts: dict[str, object] = {k: v for k, v in (facts or {}).items() if v is not None}


class OutOfMemory(UsrError, MemoryError):
    """The memory that this process may take was not enough."""

    code = "USR-GENERAL-002"

    def __init__(self, doing: str = "", *, file: str | None = None) -> None:
        limit = _memory_limit()
        where = f" in {doing}" if doing else ""
        super().__init__(
            f"There was not enough memory{where}; a file that is small on disk may hold far more, compressed.",
            hint="Look at what the file holds, split its longest records, or raise the limit (ulimit -v, the job's).",
            facts={"file": file, "limit": None if limit is None else f"{limit:,} bytes"},
        )
        self.file, self.limit = file, limit


def _memory_limit() -> int | None:
    """Return how many bytes of address space this process may take, or None where nothing limits it."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def visible(text: str, *, limit: int = 200) -> str:
    """Return `text` with control characters escaped and cut to `limit` characters.

    Names, ids and cells come from files that nobody has checked; printed raw they could move the
    cursor or forge a line.
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[: limit + 1])
    return shown if len(text) <= limit else f"{shown[:limit]}… ({len(text)} characters)"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 record``, ``2,000 records``; `plural` where it is not `noun` and an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def first_line(cause: BaseException) -> str:
    """Return what an exception of another library says, in one line, for a fact ``cause`` beside our own words.

    Such words change with the library's version, so nothing of ours is decided by them.
    """
    return visible((str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip("."))
