"""Errors of writer sessions."""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError

__all__ = [
    "JournalUnreadable",
    "SessionClosed",
    "SessionInUse",
    "SessionLost",
    "SessionRowError",
    "SessionSchemaChanged",
]


class SessionInUse(UsrError, RuntimeError):
    """Another process writes in the session of that name."""

    code = "USR-SESSION-001"
    exit_code = ExitCode.LOCKED
    template = "The writer session {name!r} is open in another process."
    hint_template = "Wait for it, or give this run a run id of its own."
    shown = ("session={name}", "holder={holder:or unknown}")


class SessionClosed(UsrError, RuntimeError):
    """The session has been closed."""

    code = "USR-SESSION-002"
    template = "The writer session {name!r} is closed."
    hint_template = "Open a new one with ds.writer(…)."


class SessionRowError(UsrError, ValueError):
    """Rows handed to a session do not fit."""

    code = "USR-SESSION-003"

    def __init__(self, reason: str, *, column: str | None = None, row: int | None = None, value: object = None) -> None:
        super().__init__(
            f"These rows can't be added: {reason}.",
            hint="Fix the rows and add them again; nothing of this call was kept.",
            facts={"row": row, "column": column, "value": None if value is None else repr(value)[:200]},
        )
        self.row, self.column = row, column


class SessionLost(UsrError, RuntimeError):
    """The dataset was archived, removed or replaced while a session was open on it."""

    code = "USR-SESSION-006"
    template = "The journal of the writer session {name!r} is gone: its dataset was moved, removed or replaced."
    hint_template = "Open the session where the dataset is now (`usr ls --archived`): flushed rows went with it."
    shown = ("session={name}", "file={folder!s}")


class SessionSchemaChanged(UsrError, ValueError):
    """A session is resumed with other namespaces or types than it was begun with."""

    code = "USR-SESSION-004"
    template = "The writer session {name!r} was begun with other columns: {reason}."
    hint_template = "Register the columns as they were, name the same namespaces, resume and close it; then begin anew."
    shown = ("session={name}",)


class JournalUnreadable(UsrError, ValueError):
    """A journal is damaged before its end, so rows that were said to be safe are not."""

    code = "USR-SESSION-005"
    template = "{path.name}: frame {frame} is damaged: {reason}."
    hint_template = "Restore the file from a copy, or move it away to go on without the rows behind that frame."
    shown = ("file={path!s}", "frame")
