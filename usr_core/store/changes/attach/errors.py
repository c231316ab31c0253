"""Errors of attaching columns."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from usr_core.errors import ExitCode, UsrError, near_names, offered, visible

__all__ = [
    "AttachBackendError",
    "AttachCell",
    "AttachColumnMissing",
    "AttachColumnType",
    "AttachKeyAmbiguous",
    "AttachKeyMissing",
    "AttachKeyType",
    "AttachRequestInvalid",
    "DuplicateAttachKey",
    "EmptyAttachKey",
    "NothingToAttach",
    "RepeatsInvalid",
    "RepeatsTypeDiffers",
    "TakenValue",
    "UnmatchedKeys",
    "ValuesExist",
]


class AttachColumnMissing(UsrError, KeyError):
    """A requested column is not in the file, or is in it twice."""

    code = "USR-ATTACH-001"

    def __init__(
        self,
        label: str,
        *,
        column: str,
        present: Sequence[str],
        reason: str = "is not in the file",
        is_key: bool = False,
    ) -> None:
        there = offered(present) if present else "no columns"
        named = f"the file's column of the keys, --key-col: one of {there}" if is_key else f"one of: {there}"
        near = [shlex.quote(visible(name, limit=60)) for name in near_names(column, present) if name != column]
        meant = f"Did you mean {'--key-col ' if is_key else ''}{' or '.join(near)}? " if near else ""
        super().__init__(
            f"{label}: column {visible(column)!r} {reason}.",
            hint=f"{meant}Name {named}.",
            facts={"file": label, "column": column},
        )
        self.column = column


class AttachKeyMissing(UsrError, ValueError):
    """A key was not named, or is neither one of the four nor a text column of the dataset.

    Args:
        key: What was named.
        columns: The text columns of the dataset.
        kind: The type of the column that was named, where it is not text.
    """

    code = "USR-ATTACH-002"
    exit_code = ExitCode.USAGE

    def __init__(self, key: str | None, *, columns: Sequence[str] = (), kind: str | None = None) -> None:
        if key is None:
            message = "No join key was named."
        elif kind is not None:
            message = f"The column {visible(key)!r} is {visible(kind)}, and a join key is text."
        else:
            message = f"{visible(key)!r} is not a join key."
        known = ("id", "sequence", "sequence_norm", "sequence_ci")
        others = [name for name in columns if name not in known]
        found = f": {offered(others)}" if others else ""
        near = near_names(key, (*known, *others)) if key is not None and kind is None else []
        meant = f"Did you mean --key {' or '.join(near)}? " if near else ""
        super().__init__(
            message,
            hint=f"{meant}Give --key {', '.join(known)}, or a text column of the dataset{found}.",
            facts={"key": key},
        )


class _AmongFiles(UsrError):
    """An error that counts rows, and names the first of them.

    Attributes:
        label: The file of that row.
        among: What the message says of the files where there are several.
    """

    label: str
    among: str | None = None

    @property
    def files(self) -> str:
        """The file, or how many there are."""
        return self.among or self.label


class EmptyAttachKey(_AmongFiles, ValueError):
    """A row has no key."""

    code = "USR-ATTACH-003"
    template = "{files}: {count:counted row} {count:has|have} no key; every row needs one."
    hint_template = "Fill the key column, or {way_out}."
    shown = ("file={label}", "row", "column")


class DuplicateAttachKey(_AmongFiles, ValueError):
    """A key occurs in more than one row."""

    code = "USR-ATTACH-004"
    template = (
        "{files}: {count:counted row} {count:repeats|repeat} a key of an earlier row; an attachment needs unique keys."
    )
    hint_template = (
        "Say which value the rows of one key give together, as in --repeats mean (or median, min, max, first, last, "
        "count, list), or drop these rows from the file."
    )
    shown = (
        "file={label}",
        "row",
        "column",
        "value={value:visible}",
        "same key as row={earlier}",
        "of file={earlier_file}",
    )
    earlier_file: str | None = None


class UnmatchedKeys(_AmongFiles, LookupError):
    """Keys match no record of the dataset."""

    code = "USR-ATTACH-005"
    template = "{files}: {count:counted row} {count:matches|match} no record by {key}."
    hint_template = "Import these sequences first, or leave such rows out with --allow-missing."
    shown = ("file={label}", "row", "column", "value={value:visible}")


class AttachKeyAmbiguous(_AmongFiles, ValueError):
    """Several records have the value of the key's column that a row asks for."""

    code = "USR-ATTACH-012"
    template = "{files}: {count:counted row} {count:has|have} a key that several records have as their {key:visible}."
    hint_template = "Give --key id or --key sequence for these rows, or tell the records apart in {key:visible}."
    shown = (
        "file={label}",
        "row",
        "column",
        "value={value:visible}",
        "record={ids[0]}",
        "other record={ids[1]}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenValue:
    """A value of an attachment whose record already has a value in that column.

    Rows count from 1, in `file` where there are several.
    """

    row: int
    id: str
    column: str
    there: str
    new: str
    file: str | None = None


class ValuesExist(UsrError, ValueError):
    """Records already have a value where the attachment brings one, in an overlay or materialized."""

    code = "USR-ATTACH-006"

    def __init__(self, label: str, *, count: int, values: Sequence[TakenValue]) -> None:
        first, more = values[0], count - len(values)
        several = any(one.file is not None for one in values)
        super().__init__(
            f"{label}: {count:,} value{'' if count == 1 else 's'} can't be attached, because "
            f"{'its record has' if count == 1 else 'their records have'} one in that column already.",
            hint="Leave these values out of the file (an empty cell changes nothing), or let the new ones win with "
            "--allow-overwrite (allow_overwrite=True).",
            facts={
                "file": first.file or label,
                "row": first.row,
                "column": first.column,
                "value": first.new,
                **{
                    f"{f'{one.file}, ' if several else ''}row {one.row}, {one.column}": (
                        f"{one.id} has {one.there}, the file {one.new}"
                    )
                    for one in values
                },
                "more": f"{more:,}" if more else None,
            },
        )
        self.count, self.values = count, tuple(values)


class AttachCell(UsrError, ValueError):
    """A cell is not of its column's registered type."""

    code = "USR-ATTACH-007"
    template = "{label}: a value of {column} is not {type_text}: {reason}."
    hint_template = "Correct the cell, or register {column} with the type that the file holds."
    shown = ("file={label}", "row", "column", "value={value!s:visible}")


class AttachColumnType(AttachCell):
    """A column holds another kind of value than its registered type."""

    template = "{label}: the column for {column} can't become {type_text}: {reason}."
    shown = ("file={label}", "column", "type={found:visible}", "registered={type_text}")


class AttachBackendError(UsrError, ValueError):
    """The backend is unknown or can't do what was asked."""

    code = "USR-ATTACH-008"
    exit_code = ExitCode.USAGE
    template = "--backend {backend:visible}: {reason}."
    hint_template = "Use --backend pyarrow (any format) or --backend duckdb (Parquet files)."
    shown = ("backend",)


class NothingToAttach(UsrError, ValueError):
    """The file has no column that the namespace registers."""

    code = "USR-ATTACH-009"

    def __init__(self, label: str, *, namespace: str, registered: Sequence[str], present: Sequence[str]) -> None:
        super().__init__(
            f"{label}: none of its columns is registered in namespace {namespace!r}.",
            hint=f"Name a column as registered: {', '.join(registered)}. The file has: {', '.join(present[:20])}.",
            facts={"file": label, "namespace": namespace},
        )


class AttachKeyType(UsrError, TypeError):
    """The key column holds values that are not text."""

    code = "USR-ATTACH-010"
    template = "{label}: the key column {column:quoted} is {kind:visible}; a key is text."
    hint_template = "Write the keys as UTF-8 text, or name another column with --key-col."
    shown = ("file={label}", "column")


class AttachRequestInvalid(UsrError, ValueError):
    """Neither a namespace nor a writer is given, or an overlay writer does not take an option."""

    code = "USR-ATTACH-011"
    exit_code = ExitCode.USAGE


class RepeatsInvalid(UsrError, ValueError):
    """What is to become of repeated rows is not said as it has to be."""

    code = "USR-ATTACH-013"
    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, given: str) -> None:
        super().__init__(
            message,
            hint="Give --repeats mean, median, min, max, first, last, count, list or std for all columns, or one for "
            "each column: --repeats strength=mean --repeats strength_sd=strength:std.",
            facts={"repeats": given},
        )


class RepeatsTypeDiffers(UsrError, TypeError):
    """A column can't hold what the function of its repeated rows gives."""

    code = "USR-ATTACH-014"
    template = "The {function} of {source:quoted} {needed}, and {column} is registered as {type_text}."
    hint_template = (
        "Give --repeats with another function for this column, such as {column}=first, or with another column for this "
        "function, as in COLUMN={source:visible}:{function}; or register it with a type that fits: "
        "`usr namespace register NS --columns … --overwrite`."
    )
    shown = ("column", "source", "function")
