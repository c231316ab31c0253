"""Errors of delivering events. None of them ever holds more of a target than its host, nor any header's value."""

from __future__ import annotations

from pathlib import Path

from usr_core.api import ExitCode, UsrError

__all__ = [
    "ChainBroken",
    "CursorOfAnotherDataset",
    "CursorUnusable",
    "DeliveryFailed",
    "DeliveryRefused",
    "LogChanged",
    "ProgramFailed",
    "ProgramMissing",
    "SecretUnusable",
    "SettingsInvalid",
    "SpoolUnusable",
    "TargetInvalid",
    "TemplateInvalid",
]


class CursorUnusable(UsrError, ValueError):
    """A cursor file holds something else than a cursor."""

    code = "USR-NOTIFY-101"
    template = "{path.name} is not a cursor: {reason}."
    hint_template = "Give another --cursor, or remove this file to deliver the log from its beginning (or --from-now)."
    shown = ("file={path!s}",)


class CursorOfAnotherDataset(UsrError, ValueError):
    """A cursor file says how far another dataset's log was delivered."""

    code = "USR-NOTIFY-102"
    template = "{path.name} is the cursor of {belongs_to}, not of {dataset}."
    hint_template = "Keep one cursor file for each dataset and target."
    shown = ("file={path!s}", "dataset", "value={belongs_to}")


class LogChanged(UsrError):
    """The log does not hold the line any more that was delivered last: it was truncated or replaced."""

    code = "USR-NOTIFY-103"
    exit_code = ExitCode.DIVERGED

    def __init__(self, log: Path, *, seq: int | None, offset: int, size: int) -> None:
        what = "is shorter than what was delivered" if size < offset else "holds another line where the last one was"
        super().__init__(
            f"The event log was truncated or replaced: it {what}.",
            hint="Look at `usr events tail` and `usr events verify`; then `--on-truncate restart` delivers the log "
            "that is there from its beginning, or remove the cursor and start with --from-now.",
            facts={"file": str(log), "seq": seq, "offset": offset, "size": size},
        )
        self.log, self.seq, self.offset, self.size = log, seq, offset, size


class ChainBroken(UsrError):
    """The next event does not follow the one that was delivered before it: the log was edited."""

    code = "USR-NOTIFY-113"
    exit_code = ExitCode.DIVERGED
    template = "The chain of events is broken behind what was delivered: {reason}."
    hint_template = "`usr events verify` says what was done; --allow-broken-chain delivers what is there all the same."
    shown = ("file={log!s}", "seq", "offset")


class TargetInvalid(UsrError, ValueError):
    """The place to deliver to makes no sense, or is not safe."""

    code = "USR-NOTIFY-104"
    exit_code = ExitCode.USAGE


class SecretUnusable(UsrError, ValueError):
    """A file or variable with a token, a header, a URL or certificates can't be used."""

    code = "USR-NOTIFY-105"
    exit_code = ExitCode.USAGE


class ProgramMissing(UsrError, FileNotFoundError):
    """The program of ``--exec`` is not there, or can't be run."""

    code = "USR-NOTIFY-106"
    exit_code = ExitCode.MISSING
    template = "The program to hand events to is not there, or can't be run."
    hint_template = "Give its path, or put its folder on PATH; --exec takes no shell syntax."
    shown = ("file={program}",)


class DeliveryFailed(UsrError):
    """The webhook could not be reached, or said that it can't take the event now, until retries ran out."""

    code = "USR-NOTIFY-107"
    exit_code = ExitCode.REMOTE


class DeliveryRefused(UsrError):
    """The webhook answered that it will not take the event, or can't be trusted; trying again would not help."""

    code = "USR-NOTIFY-108"


class ProgramFailed(UsrError):
    """The program ended with another exit code than 0, or took too long, until retries ran out."""

    code = "USR-NOTIFY-109"


class SpoolUnusable(UsrError):
    """The folder for events that wait can't be used."""

    code = "USR-NOTIFY-110"


class SettingsInvalid(UsrError, ValueError):
    """The section ``notify`` of the settings file is wrong."""

    code = "USR-NOTIFY-111"
    exit_code = ExitCode.USAGE
    template = "The settings file {reason}."
    hint_template = 'Correct it: [notify] takes spool = "FOLDER" and actions = ["import", …].'
    shown = ("file={path!s}",)


class TemplateInvalid(UsrError, ValueError):
    """The ``--template`` for a webhook's requests can't be used; nothing was sent."""

    code = "USR-NOTIFY-112"
    exit_code = ExitCode.USAGE
