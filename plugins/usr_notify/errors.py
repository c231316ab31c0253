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

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(
            f"{path.name} is not a cursor: {reason}.",
            hint="Give another --cursor, or remove this file to deliver the log from its beginning (or --from-now).",
            facts={"file": str(path)},
        )
        self.path = path


class CursorOfAnotherDataset(UsrError, ValueError):
    """A cursor file says how far another dataset's log was delivered."""

    code = "USR-NOTIFY-102"

    def __init__(self, path: Path, *, dataset: str, belongs_to: str) -> None:
        super().__init__(
            f"{path.name} is the cursor of {belongs_to}, not of {dataset}.",
            hint="Keep one cursor file for each dataset and target.",
            facts={"file": str(path), "dataset": dataset, "value": belongs_to},
        )
        self.path, self.dataset, self.belongs_to = path, dataset, belongs_to


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

    def __init__(self, log: Path, *, offset: int, seq: int | None, reason: str) -> None:
        super().__init__(
            f"The chain of events is broken behind what was delivered: {reason}.",
            hint="`usr events verify` says what was done; --allow-broken-chain delivers what is there all the same.",
            facts={"file": str(log), "seq": seq, "offset": offset},
        )
        self.log, self.offset, self.seq = log, offset, seq


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

    def __init__(self, program: str) -> None:
        super().__init__(
            "The program to hand events to is not there, or can't be run.",
            hint="Give its path, or put its folder on PATH; --exec takes no shell syntax.",
            facts={"file": program},
        )
        self.program = program


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

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(
            f"The settings file {reason}.",
            hint='Correct it: [notify] takes spool = "FOLDER" and actions = ["import", …].',
            facts={"file": str(path)},
        )
        self.path = path


class TemplateInvalid(UsrError, ValueError):
    """The ``--template`` for a webhook's requests can't be used; nothing was sent."""

    code = "USR-NOTIFY-112"
    exit_code = ExitCode.USAGE
