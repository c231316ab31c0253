"""Errors of verbs that name single records: delete, restore, state."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.errors import ExitCode, UsrError, visible

__all__ = ["IdFileLineInvalid", "RecordIdInvalid", "RecordsMissing", "StateFieldMissing", "StateValueNotAllowed"]

_FORM = "Write each id as 40 hexadecimal digits, letters in lower case"
_SHOWN = 5


class RecordsMissing(UsrError, LookupError):
    """Some of the given ids match no record of the dataset; nothing was changed."""

    code = "USR-RECORD-001"
    exit_code = ExitCode.MISSING

    def __init__(self, dataset: str, *, ids: Sequence[str], count: int) -> None:
        first = ", ".join(ids[:_SHOWN])
        super().__init__(
            f"{dataset} has no record with the id {first}."
            if count == 1
            else f"{dataset} has no record for {count:,} of the ids.",
            hint="Correct the ids, or give --allow-missing to leave out those that match no record.",
            facts={"dataset": dataset, "count": count, "value": f"{first}, …" if count > _SHOWN else first},
        )
        self.dataset, self.ids, self.count = dataset, tuple(ids[:_SHOWN]), count


class RecordIdInvalid(UsrError, ValueError):
    """A text that should be a record's id does not have the form of one."""

    code = "USR-RECORD-002"
    exit_code = ExitCode.USAGE

    def __init__(self, value: str, *, what: str = "id") -> None:
        super().__init__(
            f"{visible(value)!r} is not a record's id.",
            hint=f"{_FORM}; `usr head` and `usr export` show the ids.",
            facts={"argument": what, "value": visible(value)},
        )
        self.value = value


class IdFileLineInvalid(UsrError, ValueError):
    """A line of an id file is neither blank nor an id."""

    code = "USR-RECORD-003"

    def __init__(self, file: str, *, line: int, value: str) -> None:
        super().__init__(
            f"{file}, line {line}: {visible(value)!r} is not a record's id.",
            hint=f"{_FORM}, one a line and nothing else on it.",
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
