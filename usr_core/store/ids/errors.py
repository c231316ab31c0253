"""Errors of the ids that somebody gives to name records."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.errors import ExitCode, UsrError

__all__ = ["ID_FORM", "RecordIdInvalid", "RecordsMissing"]

ID_FORM = "Write each id as 40 hexadecimal digits, letters in lower case"
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
    template = "{value:quoted} is not a record's id."
    hint_template = f"{ID_FORM}; `usr head` and `usr export` show the ids."
    shown = ("argument={what}", "value={value:visible}")
    what: str = "id"
