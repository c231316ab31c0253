"""Errors of verbs that name single records: delete, restore, state."""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError
from usr_core.store.ids.errors import ID_FORM

__all__ = ["IdFileLineInvalid", "RecordsNotNamed", "StateFieldMissing", "StateValueNotAllowed"]


class IdFileLineInvalid(UsrError, ValueError):
    """A line of an id file is neither blank nor an id."""

    code = "USR-RECORD-003"
    template = "{file}, line {line}: {value:quoted} is not a record's id."
    hint_template = f"{ID_FORM}, one a line and nothing else on it."
    shown = ("file", "line", "value={value:visible}")


class RecordsNotNamed(UsrError, ValueError):
    """It is not said which records are meant, or it is said twice."""

    code = "USR-RECORD-006"
    exit_code = ExitCode.USAGE
    template = "It is not clear which records are meant: {reason}."
    hint_template = 'Give ids, as in ["4f2a…"], or a condition, as in where="length > 20"; not both.'


class StateFieldMissing(UsrError, ValueError):
    """A state is to be set and no field of it was given."""

    code = "USR-RECORD-004"
    exit_code = ExitCode.USAGE
    template = "No field of the state was given."
    hint_template = (
        "Give --masked or --unmasked, --qc-status, --split, --supersedes or --lineage; `usr state clear` unsets them "
        "all."
    )


class StateValueNotAllowed(UsrError, ValueError):
    """A field of the state was given a value that it can't have."""

    code = "USR-RECORD-005"
    exit_code = ExitCode.USAGE
    template = "{field} can't be {value:quoted}."
    hint_template = "Give one of {allowed:join, }."
    shown = ("column={field}", "value={value:visible}", "allowed={allowed:join, |}")
