"""Errors of what a dataset keeps of its past."""

from __future__ import annotations

from usr_core.errors import UsrError

__all__ = ["HistoryUnreadable", "TailDamaged"]


class HistoryUnreadable(UsrError, ValueError):
    """A file below ``_history`` is damaged, or was written by another version of USR."""

    code = "USR-HISTORY-003"
    template = "{file} can't be read: {reason}."
    hint_template = "Restore it from a copy; or upgrade USR, where a newer version has written it."
    shown = ("file",)


class TailDamaged(UsrError, ValueError):
    """The kept end of a base is damaged, or the base does not begin any more with what stood before it."""

    code = "USR-HISTORY-004"
    template = "{file} does not fit: {reason}."
    hint_template = "`usr validate --strict` says what is damaged; versions that need this file can't be brought back."
    shown = ("file",)
