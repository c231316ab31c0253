"""Errors of putting datasets away and bringing them back."""

from __future__ import annotations

from pathlib import Path

from usr_core.errors import ExitCode, UsrError, visible

__all__ = ["ArchiveRefused", "ArchiveUnfinished", "DatasetNotArchived"]


class ArchiveRefused(UsrError, OSError):
    """A dataset's folder can't be moved to its place; nothing was changed."""

    code = "USR-ARCHIVE-002"
    template = "{name:quoted} can't be moved to {target}: {reason}."
    shown = ("dataset={name}", "file={target}")


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
    template = "There is no dataset {text:quoted} in {place}."
    hint_template = "Look at `usr ls --archived` for the archived datasets."
    shown = ("dataset={text:visible}", "file={place}")
