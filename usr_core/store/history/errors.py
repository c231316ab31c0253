"""Errors of what a dataset keeps of its past."""

from __future__ import annotations

from usr_core.errors import UsrError

__all__ = ["HistoryUnreadable", "KeptFileDamaged", "NothingKept", "TailDamaged", "VersionNotKept"]


class HistoryUnreadable(UsrError, ValueError):
    """A file below ``.history`` is damaged, or was written by another version of USR."""

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
    file: str
    reason: str


class VersionNotKept(UsrError, LookupError):
    """A version can't be brought back: it never was, or something that it consists of was not kept."""

    code = "USR-HISTORY-005"
    template = "Version {version} of {dataset:visible} can't be brought back: {reason}."
    hint_template = (
        "`usr log {dataset:visible}` lists the versions, `usr info {dataset:visible}` tells since when all is kept."
    )
    version: int


class KeptFileDamaged(UsrError, ValueError):
    """A kept file is not the one that its event told of."""

    code = "USR-HISTORY-013"
    template = "{file} is damaged: {reason}."
    hint_template = "`usr validate --strict` lists what is damaged; restore it from a copy with `usr pull --history`."
    shown = ("file",)


class NothingKept(UsrError, LookupError):
    """A dataset keeps nothing of its past, so there is nothing to give up."""

    code = "USR-HISTORY-014"
    template = "{dataset:visible} keeps nothing of its past."
    hint_template = "Let it begin: usr maintenance history {dataset:visible} --keep"
