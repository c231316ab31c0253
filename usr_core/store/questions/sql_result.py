"""The result of a statement, in the forms that people go on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from usr_core.errors import counted

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["SqlResult"]


@dataclass(frozen=True, slots=True, eq=False)
class SqlResult:
    """Rows and columns, held in memory; every method may be called any number of times."""

    table: pa.Table

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.table.schema.names)

    def to_arrow(self) -> pa.Table:
        """Return the result as an Arrow table."""
        return self.table

    def fetchall(self) -> list[tuple[object, ...]]:
        """Return the rows as tuples of Python values."""
        columns = [column.to_pylist() for column in self.table.columns]
        return list(zip(*columns, strict=True)) if columns else [()] * self.table.num_rows

    def fetchone(self) -> tuple[object, ...] | None:
        """Return the first row, or None where there is none."""
        return next(iter(SqlResult(self.table.slice(0, 1)).fetchall()), None)

    def to_pandas(self) -> pd.DataFrame:
        """Return the result as a pandas DataFrame; see `usr_core.store.questions.frames` for the types."""
        from usr_core.store.questions.frames import pandas_frame

        return pandas_frame(self.table)

    df = to_pandas

    def to_polars(self) -> pl.DataFrame:
        """Return the result as a Polars DataFrame."""
        from usr_core.store.questions.frames import polars_frame

        return polars_frame(self.table)

    pl = to_polars

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"SqlResult({counted(self.table.num_rows, 'row')}: {', '.join(self.columns)})"
