"""Errors of asking for a dataset as it was."""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError

__all__ = ["VersionMissing", "VersionNotShown", "VersionReadOnly", "VersionTextInvalid"]


class VersionTextInvalid(UsrError, ValueError):
    """A text does not have the form of a version."""

    code = "USR-HISTORY-001"
    exit_code = ExitCode.USAGE
    template = "{text:quoted} does not name a version: {reason}."
    hint_template = (
        "Give an event's number (17), now, a time in UTC (2026-11-20T12:00), a field of an event (actor.run_id=r7), or "
        "the name of a tag."
    )


class VersionMissing(UsrError, LookupError):
    """A dataset has no such version."""

    code = "USR-HISTORY-002"
    exit_code = ExitCode.MISSING
    template = "{dataset:visible} has no version {text:quoted}: {reason}."
    hint_template = "`usr log {dataset:visible}` lists its versions, `usr tag list {dataset:visible}` its tags."
    seq: int | None = None


class VersionNotShown(UsrError, RuntimeError):
    """A version was there, but not everything that it consisted of is there any more."""

    code = "USR-HISTORY-010"
    template = "Version {seq} of {dataset:visible} can't be shown: {reason}."
    hint_template = "{nearest}"


class VersionReadOnly(UsrError, RuntimeError):
    """A dataset that was opened at a version is to be changed."""

    code = "USR-HISTORY-011"
    exit_code = ExitCode.USAGE
    template = "{dataset:visible} was opened as it was at version {seq}, to be read: {what} takes the dataset as it is."
    hint_template = (
        "Open it without a version; `usr rollback {dataset:visible} --to {seq}` makes this version the present one."
    )
