"""Errors of questions to a dataset: single records and cells, patterns, filters, SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence

from usr_core.errors import ExitCode, UsrError, near_names, offered, visible

__all__ = [
    "BatchRowsInvalid",
    "CellOutOfRange",
    "ColumnNotExportable",
    "ColumnNotText",
    "CompareBioTypesDiffer",
    "CompareIdInvalid",
    "CompareIdRepeats",
    "CompareNoIds",
    "CompareTypeUnknown",
    "CompareTypesDiffer",
    "ConditionInvalid",
    "FilterInvalid",
    "MotifInvalid",
    "MotifMismatches",
    "MotifStrands",
    "PackageMissing",
    "PatternInvalid",
    "RecordsDeleted",
    "RecordsNotFound",
    "SortInvalid",
    "SqlFailed",
    "StatementRefused",
]

_SHOWN = 5


class RecordsNotFound(UsrError, LookupError):
    """No record has a requested id."""

    code = "USR-QUERY-001"
    exit_code = ExitCode.MISSING

    def __init__(self, ids: Sequence[str]) -> None:
        first = visible(ids[0], limit=80)
        super().__init__(
            f"No record has the id {first!r}." if len(ids) == 1 else f"No record has {len(ids):,} of the ids.",
            hint="Give an id of 40 hexadecimal digits, letters in lower case; or find the record with `usr grep`.",
            facts={"value": _listed(ids)},
        )
        self.ids = tuple(ids)


class RecordsDeleted(UsrError, LookupError):
    """The record of a requested id is deleted."""

    code = "USR-QUERY-002"
    exit_code = ExitCode.MISSING

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(
            f"The record {ids[0]} is deleted." if len(ids) == 1 else f"{len(ids):,} of the records are deleted.",
            hint="Show it with --include-deleted, or bring it back with `usr restore`.",
            facts={"value": _listed(ids)},
        )
        self.ids = tuple(ids)


class CellOutOfRange(UsrError, IndexError):
    """A requested row does not exist."""

    code = "USR-QUERY-003"
    exit_code = ExitCode.MISSING

    def __init__(self, row: int, *, rows: int) -> None:
        known = f"rows are 0 to {rows - 1:,}" if rows else "there are no rows"
        super().__init__(
            f"There is no row {row:,}: {known}.", hint="Count rows from 0, in the order `usr head` shows.", facts={}
        )
        self.row, self.rows = row, rows


class PatternInvalid(UsrError, ValueError):
    """A pattern is not a regular expression of RE2."""

    code = "USR-QUERY-004"
    exit_code = ExitCode.USAGE
    template = "{pattern:quoted 80} is not a pattern: {reason:visible}."
    hint_template = "Write a pattern of RE2 (no look-around, no back-references); \\Q…\\E takes text as it is."
    shown = ("value={pattern:visible}",)


class ColumnNotText(UsrError, TypeError):
    """A pattern is to be matched against a column that does not hold text."""

    code = "USR-QUERY-005"
    exit_code = ExitCode.USAGE
    template = "The column {column:visible} is {kind}; patterns are matched against text."
    hint_template = "Name a column of type string; look at `usr cols`."
    shown = ("column={column:visible}", "value={kind}")


class FilterInvalid(UsrError, ValueError):
    """A filter of `scan` is malformed, or compares a column with a value that it can't hold."""

    code = "USR-QUERY-006"
    exit_code = ExitCode.USAGE

    def __init__(self, reason: str, *, column: str | None = None, value: object = None) -> None:
        super().__init__(
            f"The filter can't be used: {reason}.",
            hint="Write [(column, operator, value), …], or use ds.sql(…) for anything else.",
            facts={"column": column, "value": None if value is None else visible(repr(value))},
        )


class SqlFailed(UsrError, ValueError):
    """DuckDB refused a statement, or failed at it."""

    code = "USR-QUERY-007"

    def __init__(self, reason: str, *, table: str | None = "records", columns: Sequence[str] = ()) -> None:
        first, _, rest = reason.strip().partition("\n")
        hint = "Look at `usr schema` for the columns of a dataset."
        if table is not None:
            shown = table if table.isidentifier() else f'"{table}"'
            hint = f"Select from `{shown}`, the merged view; `select * from {shown} limit 1` shows its columns."
        asked = re.search(r'Referenced column "([^"]+)" not found', first)
        near = near_names(asked[1], columns) if asked else []
        if near:
            hint = f"Did you mean {offered(near)}? {hint}"
        super().__init__(
            f"The statement failed: {first}",
            hint=hint,
            facts={"detail": rest.strip() or None},
        )


class PackageMissing(UsrError, ImportError):
    """A library that a method needs for its result is not installed."""

    code = "USR-QUERY-008"
    template = "{package} is not installed; `pip install {package}` brings it."
    hint_template = "Install it with `pip install {package}`, or use {instead}."
    shown = ("package",)
    instead: str = "to_arrow()"


class ColumnNotExportable(UsrError, TypeError):
    """A Parquet file's column has a type that a format can't hold."""

    code = "USR-QUERY-009"
    template = "The column {column:visible} is {kind}, which {fmt} can't hold."
    hint_template = "Leave it out with --columns, or export with --fmt parquet."
    shown = ("file", "column={column:visible}", "value={kind}")


class ConditionInvalid(UsrError, ValueError):
    """A condition is not one expression over the columns, holds what is not allowed in one, or can't be evaluated."""

    code = "USR-QUERY-010"
    exit_code = ExitCode.USAGE

    def __init__(
        self,
        reason: str,
        *,
        condition: str,
        place: int | None = None,
        hint: str | None = None,
        column: str | None = None,
    ) -> None:
        where = "" if place is None else f" (at letter {min(place, len(condition)) + 1:,})"
        super().__init__(
            f"The condition can't be used: {visible(reason, limit=400)}{where}.",
            hint=hint or "Write one SQL condition over columns, such as \"length > 100 and sequence like '%GAATTC%'\".",
            facts={
                "column": None if column is None else visible(column, limit=80),
                "value": visible(condition, limit=400),
                "letter": None if place is None else min(place, len(condition)) + 1,
            },
        )


class StatementRefused(UsrError, ValueError):
    """What is to be asked of a root is not one statement that reads, or it names a table that is not there."""

    code = "USR-QUERY-011"
    exit_code = ExitCode.USAGE

    def __init__(self, reason: str, *, hint: str | None = None, value: str | None = None) -> None:
        super().__init__(
            f"The statement can't be run: {visible(reason, limit=400)}.",
            hint=hint or "Write one SELECT of DuckDB's SQL over datasets, their ids in double quotes.",
            facts={"value": None if value is None else visible(value, limit=400)},
        )


class SortInvalid(UsrError, TypeError):
    """Rows are to be sorted by a column whose values have no order."""

    code = "USR-QUERY-012"
    exit_code = ExitCode.USAGE
    template = "The column {column:visible} is {kind}; its values have no order to sort by."
    hint_template = "Sort by a column of numbers, text, times or booleans: --sort COLUMN or COLUMN:desc."
    shown = ("column={column:visible}", "value={kind}")


class BatchRowsInvalid(UsrError, ValueError):
    """Batches of no rows are asked for."""

    code = "USR-QUERY-013"
    exit_code = ExitCode.USAGE
    template = "Batches can't have {rows} rows."
    hint_template = "Give batch_rows as a whole number from 1 on."
    shown = ("value={rows}",)


class MotifInvalid(UsrError, ValueError):
    """A motif is not written in IUPAC's letters for the records, with gaps such as ``N{17}``."""

    code = "USR-MOTIF-001"
    exit_code = ExitCode.USAGE

    def __init__(self, reason: str, *, motif: str, place: int | None = None) -> None:
        where = "" if place is None else f" (at letter {place + 1:,})"
        super().__init__(
            f"{visible(motif, limit=80)!r} is not a motif: {reason}{where}.",
            hint="Write IUPAC's letters, and gaps as N{17} or N{15,19} (X in proteins): TTGACAN{17}TATAAT.",
            facts={"value": visible(motif), "letter": None if place is None else place + 1},
        )


class MotifStrands(UsrError, ValueError):
    """A motif is to be found on both strands of proteins."""

    code = "USR-MOTIF-002"
    exit_code = ExitCode.USAGE
    template = "The motif can't be looked for on both strands: there are records of proteins, which have one."
    hint_template = "Leave both_strands (--strands) out, or choose the records with --where \"bio_type <> 'protein'\"."
    shown = ("value={motif:visible}",)


class MotifMismatches(UsrError, ValueError):
    """A motif is to be found with more mismatches than are looked for, or with as many as it has letters."""

    code = "USR-MOTIF-003"
    exit_code = ExitCode.USAGE
    template = "The motif {motif:quoted 80} is not looked for with {mismatches} mismatches."
    hint_template = "Give a number from 0 to {most}; a motif needs more letters, gaps not counted, than mismatches."
    shown = ("value={mismatches}",)


def _listed(ids: Sequence[str]) -> str:
    more = f", and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
    return ", ".join(visible(one, limit=80) for one in ids[:_SHOWN]) + more


class CompareNoIds(UsrError, LookupError):
    """A file that is to be compared has no ids of records."""

    code = "USR-HISTORY-026"
    template = "{name:visible} has no column id of text, by which records are compared."
    hint_template = "Compare an export with all columns, or one with --columns id,…"


class CompareIdInvalid(UsrError, ValueError):
    """A row of a file that is to be compared has no id of a record."""

    code = "USR-HISTORY-027"
    template = "{name:visible}: row {row} has no id of a record."
    hint_template = "An id has 40 hexadecimal digits, letters in lower case; compare an export of a dataset."
    shown = ("file={name:visible}", "row", "column=id", "value={value:cell}")


class CompareIdRepeats(UsrError, ValueError):
    """An id stands in several rows of a file that is to be compared."""

    code = "USR-HISTORY-036"
    template = "{name:visible}: row {row} repeats the id of row {first}."
    hint_template = "Compare a file that has each record once."
    shown = ("file={name:visible}", "row", "column=id", "value={value:visible}", "rows={count:counted row}")


class CompareTypesDiffer(UsrError, TypeError):
    """A column has one type on one side of a comparison, and another type on the other."""

    code = "USR-HISTORY-037"
    template = "The column {column:visible} is {types[0]} in {names[0]:visible} and {types[1]} in {names[1]:visible}."
    hint_template = "Compare other columns (--columns), or bring this one to one type first."
    shown = ("column={column:visible}",)


class CompareBioTypesDiffer(UsrError, ValueError):
    """Two datasets that are to be compared hold records of different bio_types."""

    code = "USR-HISTORY-046"
    template = "{names[0]:visible} holds {kinds[0]}, {names[1]:visible} {kinds[1]}: they have no record in common."
    hint_template = "Compare datasets of one bio_type."


class CompareSideUnknown(UsrError, TypeError):
    """A dataset is to be compared with something that is not an opened dataset, version or Parquet file."""

    code = "USR-HISTORY-056"
    exit_code = ExitCode.USAGE
    template = "A dataset can't be compared with {given:visible}."
    hint_template = "Open the other side: `ds.at(17).compare(ds)` tells what differs since version 17."


class CompareTypeUnknown(UsrError, TypeError):
    """A column has a type whose values are not compared."""

    code = "USR-HISTORY-047"
    template = "The column {column:visible} of {name:visible} has the type {kind}, whose values are not compared."
    hint_template = "Name the other columns with --columns."
    shown = ("column={column:visible}",)
