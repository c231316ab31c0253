"""Errors of what a dataset keeps of its past."""

from __future__ import annotations

from usr_core.errors import UsrError

__all__ = ["HistoryUnreadable"]


class HistoryUnreadable(UsrError, ValueError):
    """A file below ``_history`` is damaged, or was written by another version of USR."""

    code = "USR-HISTORY-003"
    template = "{file} can't be read: {reason}."
    hint_template = "Restore it from a copy; or upgrade USR, where a newer version has written it."
    shown = ("file",)
