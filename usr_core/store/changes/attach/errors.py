"""Errors of attaching columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from usr_core.errors import ExitCode, UsrError, counted, visible

__all__ = [
    "AttachBackendError",
    "AttachCell",
    "AttachColumnMissing",
    "AttachColumnType",
    "AttachKeyMissing",
    "AttachKeyType",
    "AttachRequestInvalid",
    "DuplicateAttachKey",
    "EmptyAttachKey",
    "NothingToAttach",
    "TakenValue",
    "UnmatchedKeys",
    "ValuesExist",
]


class AttachColumnMissing(UsrError, KeyError):
    """A requested column is not in the file, or is in it twice."""

    code = "USR-ATTACH-001"

    def __init__(self, label: str, *, column: str, present: Sequence[str], reason: str = "is not in the file") -> None:
        super().__init__(
            f"{label}: column {visible(column)!r} {reason}.",
            hint=f"Name one of: {', '.join(visible(name, limit=60) for name in present[:20]) or 'no columns'}.",
            facts={"file": label, "column": column},
        )
        self.column = column


class AttachKeyMissing(UsrError, ValueError):
    """A key was not named or is not one of the four."""

    code = "USR-ATTACH-002"
    exit_code = ExitCode.USAGE

    def __init__(self, key: str | None) -> None:
        super().__init__(
            "No join key was named." if key is None else f"{visible(key)!r} is not a join key.",
            hint="Give --key id, sequence, sequence_norm or sequence_ci.",
            facts={"key": key},
        )


class EmptyAttachKey(UsrError, ValueError):
    """A row has no key."""

    code = "USR-ATTACH-003"

    def __init__(self, label: str, *, row: int, column: str, count: int) -> None:
        super().__init__(
            f"{label}: {counted(count, 'row')} {'has' if count == 1 else 'have'} no key; every row needs one.",
            hint="Fill the key column, or drop these rows from the file.",
            facts={"file": label, "row": row, "column": column},
        )
        self.row, self.count = row, count


class DuplicateAttachKey(UsrError, ValueError):
    """A key occurs in more than one row."""

    code = "USR-ATTACH-004"

    def __init__(self, label: str, *, row: int, earlier: int, column: str, value: str | None, count: int) -> None:
        super().__init__(
            f"{label}: {counted(count, 'row')} {'repeats' if count == 1 else 'repeat'} a key of an earlier row; "
            "an attachment needs unique keys.",
            hint="Aggregate the rows per key, or attach them as separate files with --allow-overwrite.",
            facts={
                "file": label,
                "row": row,
                "column": column,
                "value": None if value is None else visible(value),
                "same key as row": earlier,
            },
        )
        self.row, self.earlier, self.count = row, earlier, count


class UnmatchedKeys(UsrError, LookupError):
    """Keys match no record of the dataset."""

    code = "USR-ATTACH-005"

    def __init__(self, label: str, *, row: int, column: str, value: str, count: int, key: str) -> None:
        super().__init__(
            f"{label}: {counted(count, 'row')} {'matches' if count == 1 else 'match'} no record by {key}.",
            hint="Import these sequences first, or leave such rows out with --allow-missing.",
            facts={"file": label, "row": row, "column": column, "value": visible(value)},
        )
        self.row, self.count = row, count


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenValue:
    """A value of an attachment whose record already has a value in that column; rows count from 1."""

    row: int
    id: str
    column: str
    there: str
    new: str


class ValuesExist(UsrError, ValueError):
    """Records already have a value where the attachment brings one, in an overlay or materialized."""

    code = "USR-ATTACH-006"

    def __init__(self, label: str, *, count: int, values: Sequence[TakenValue]) -> None:
        first, more = values[0], count - len(values)
        super().__init__(
            f"{label}: {count:,} value{'' if count == 1 else 's'} can't be attached, because "
            f"{'its record has' if count == 1 else 'their records have'} one in that column already.",
            hint="Leave these values out of the file (an empty cell changes nothing), or let the new ones win with "
            "--allow-overwrite (allow_overwrite=True).",
            facts={
                "file": label,
                "row": first.row,
                "column": first.column,
                "value": first.new,
                **{f"row {one.row}, {one.column}": f"{one.id} has {one.there}, the file {one.new}" for one in values},
                "more": f"{more:,}" if more else None,
            },
        )
        self.count, self.values = count, tuple(values)


class AttachCell(UsrError, ValueError):
    """A cell is not of its column's registered type."""

    code = "USR-ATTACH-007"

    def __init__(self, label: str, *, row: int, column: str, value: object, type_text: str, reason: str) -> None:
        super().__init__(
            f"{label}: a value of {column} is not {type_text}: {reason}.",
            hint=f"Correct the cell, or register {column} with the type that the file holds.",
            facts={"file": label, "row": row, "column": column, "value": visible(str(value))},
        )
        self.row, self.column = row, column


class AttachColumnType(AttachCell):
    """A column holds another kind of value than its registered type."""

    def __init__(self, label: str, *, column: str, found: str, type_text: str, reason: str, hint: str) -> None:
        UsrError.__init__(
            self,
            f"{label}: the column for {column} can't become {type_text}: {reason}.",
            hint=hint,
            facts={"file": label, "column": column, "type": visible(found), "registered": type_text},
        )
        self.column = column


class AttachBackendError(UsrError, ValueError):
    """The backend is unknown or can't do what was asked."""

    code = "USR-ATTACH-008"
    exit_code = ExitCode.USAGE

    def __init__(self, backend: str, reason: str) -> None:
        super().__init__(
            f"--backend {visible(backend)}: {reason}.",
            hint="Use --backend pyarrow (any format) or --backend duckdb (Parquet files).",
            facts={"backend": backend},
        )


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

    def __init__(self, label: str, *, column: str, kind: str) -> None:
        super().__init__(
            f"{label}: the key column {visible(column)!r} is {visible(kind)}; a key is text.",
            hint="Write the keys as UTF-8 text, or name another column with --key-col.",
            facts={"file": label, "column": column},
        )
        self.column, self.kind = column, kind


class AttachRequestInvalid(UsrError, ValueError):
    """Neither a namespace nor a writer is given, or an overlay writer does not take an option."""

    code = "USR-ATTACH-011"
    exit_code = ExitCode.USAGE
