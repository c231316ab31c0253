"""Errors as text on stderr: ``error[CODE]: what happened``, the facts, ``hint: what to do``."""

from __future__ import annotations

import errno
import sys
import traceback
from pathlib import Path

from usr_core.errors import ExitCode, UsrError, visible

__all__ = ["INTERNAL", "error_text", "os_error", "report", "report_unexpected"]

INTERNAL = "USR-INTERNAL-001"

_NO_LIMIT = sys.maxsize - 1


def error_text(error: UsrError) -> str:
    """Return an error as lines without a newline at the end."""
    lines = [f"error[{error.code}]: {visible(error.message, limit=4000)}"]
    lines += [f"  {visible(name)}: {_fact(value)}" for name, value in error.facts.items()]
    if error.hint:
        lines.append(f"hint: {visible(error.hint, limit=_NO_LIMIT)}")
    return "\n".join(lines)


def report(error: UsrError, *, debug: bool) -> int:
    """Print an error, with its traceback under ``--debug``, and return the exit code.

    Example:
        >>> import sys
        >>> from contextlib import redirect_stderr
        >>> from usr_core.api import UsrError
        >>> from usr_core.api.commands import report
        >>> with redirect_stderr(sys.stdout):
        ...     code = report(UsrError("The motif has no score.", hint="Run the scan first."), debug=False)
        error[USR-GENERAL-001]: The motif has no score.
        hint: Run the scan first.
        >>> code
        1
    """
    _traceback(error, debug)
    _print(error_text(error))
    return int(error.exit_code)


def report_unexpected(error: BaseException, *, debug: bool, origin: str | None) -> int:
    """Print one line about an unexpected error, and return the exit code.

    Args:
        error: What was raised.
        debug: Whether to print its traceback first.
        origin: The plugin whose command ran, where it is a third party's.
    """
    _traceback(error, debug)
    first = (str(error).strip().splitlines() or [""])[0]
    whose = f" in {origin}" if origin else ""
    what = f"{type(error).__name__}: {first}" if first else type(error).__name__
    way_out = "" if debug else " (run again with --debug for the traceback, and please report it)"
    _print(f"error[{INTERNAL}]: unexpected {visible(what, limit=500)}{whose}{way_out}")
    return int(ExitCode.FAILED)


def os_error(error: OSError) -> UsrError:
    """Return the typed error for an operating-system error that reached the shell."""
    from usr_core.fs.errors import file_system_error

    name = error.filename if error.filename is not None else error.filename2
    path = Path(name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else str(name)) if name else None
    typed: UsrError = file_system_error(error, path or Path(), "read or write a file")
    if path is None:
        del typed.facts["file"]
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        typed.message, typed.hint = "There is no such file or folder.", "Check the path."
        typed.exit_code = ExitCode.MISSING
    elif error.errno in (errno.EISDIR, errno.EEXIST):
        typed.hint = "Give another path."
    return typed


def _fact(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(visible(str(item), limit=1000) for item in value)
    return visible(str(value), limit=1000)


def _traceback(error: BaseException, debug: bool) -> None:
    if debug:
        _print("".join(traceback.format_exception(error)).rstrip())


def _print(text: str) -> None:
    if sys.stderr is not None:
        print(text.encode("utf-8", "backslashreplace").decode("utf-8"), file=sys.stderr, flush=True)
