"""Errors of verbs that name single records: delete, restore, state."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.errors import ExitCode, UsrError, visible
from usr_core.store.ids.errors import ID_FORM

__all__ = ["IdFileLineInvalid", "StateFieldMissing", "StateValueNotAllowed"]


class IdFileLineInvalid(UsrError, ValueError):
    """A line of an id file is neither blank nor an id."""

    code = "USR-RECORD-003"

    def __init__(self, file: str, *, line: int, value: str) -> None:
        super().__init__(
            f"{file}, line {line}: {visible(value)!r} is not a record's id.",
            hint=f"{ID_FORM}, one a line and nothing else on it.",
            facts={"file": file, "line": line, "value": visible(value)},
        )
        self.file, self.line, self.value = file, line, value


class StateFieldMissing(UsrError, ValueError):
    """A state is to be set and no field of it was given."""

    code = "USR-RECORD-004"
    exit_code = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "No field of the state was given.",
            hint="Give --masked or --unmasked, --qc-status, --split, --supersedes or --lineage; "
            "`usr state clear` unsets them all.",
        )


class StateValueNotAllowed(UsrError, ValueError):
    """A field of the state was given a value that it can't have."""

    code = "USR-RECORD-005"
    exit_code = ExitCode.USAGE

    def __init__(self, field: str, *, value: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{field} can't be {visible(value)!r}.",
            hint=f"Give one of {', '.join(allowed)}.",
            facts={"column": field, "value": visible(value), "allowed": ", ".join(allowed)},
        )
        self.field, self.value, self.allowed = field, value, tuple(allowed)
