"""Errors of values handed over in memory."""

from __future__ import annotations

from usr_core.errors import UsrError

__all__ = ["NotATable", "RecordsExpected", "RowWithoutSequence"]


class NotATable(UsrError, TypeError):
    """A value is not a table that USR can read."""

    code = "USR-TABLE-001"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"A {kind} is not a table.",
            hint="Pass an Arrow table, batch or reader, or a pandas or Polars frame, or a DuckDB relation.",
            facts={"value": kind},
        )


class RowWithoutSequence(UsrError, ValueError):
    """A record given as a mapping has no sequence, or a value that is not text."""

    code = "USR-TABLE-002"

    def __init__(self, label: str, *, row: int, column: str, value: object, reason: str) -> None:
        super().__init__(
            f"{label}: a record's {column} {reason}.",
            hint="Give each record as a mapping with a text under 'sequence'.",
            facts={"file": label, "row": row, "column": column, "value": repr(value)},
        )
        self.row = row


class RecordsExpected(UsrError, TypeError):
    """Something else than a list of mappings was given as records."""

    code = "USR-TABLE-003"

    def __init__(self, reason: str, *, hint: str, row: int | None = None, value: object = None) -> None:
        super().__init__(
            f"Records are given as a list of mappings, and {reason}.",
            hint=hint,
            facts={"row": row, "value": None if value is None else repr(value)[:200]},
        )
        self.row = row
