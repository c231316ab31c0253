"""Errors of putting datasets away and bringing them back."""

from __future__ import annotations

from pathlib import Path

from usr_core.errors import ExitCode, UsrError, visible

__all__ = ["ArchiveRefused", "ArchiveUnfinished", "DatasetNotArchived"]


class ArchiveRefused(UsrError, OSError):
    """A dataset's folder can't be moved to its place; nothing was changed."""

    code = "USR-ARCHIVE-002"

    def __init__(self, name: str, *, target: Path, reason: str, hint: str) -> None:
        super().__init__(
            f"{visible(name)!r} can't be moved to {target}: {reason}.",
            hint=hint,
            facts={"dataset": name, "file": target},
        )
        self.name, self.target, self.reason = name, target, reason


class ArchiveUnfinished(UsrError):
    """The dataset's folder could not be moved; nothing was changed."""

    code = "USR-ARCHIVE-003"

    def __init__(self, name: str, *, action: str, target: Path, cause: OSError) -> None:
        super().__init__(
            f"{visible(name)!r} could not be moved to {target}: {cause.strerror or cause}. Nothing was changed.",
            hint=f"Remove the cause, then run `usr {action} {visible(name)}` again.",
            facts={"dataset": name, "file": target, "cause": visible(str(cause))},
        )
        self.name, self.action, self.target = name, action, target


class DatasetNotArchived(UsrError, LookupError):
    """No archived dataset has that name."""

    code = "USR-ARCHIVE-004"
    exit_code = ExitCode.MISSING

    def __init__(self, text: str, *, place: Path) -> None:
        super().__init__(
            f"There is no dataset {visible(text)!r} in {place}.",
            hint="Look at `usr ls --archived` for the archived datasets.",
            facts={"dataset": visible(text), "file": place},
        )
        self.text, self.place = text, place
