"""The result of a statement, in the forms that people go on with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from usr_core.errors import counted
from usr_core.registry.errors import UnsupportedType
from usr_core.registry.types import from_arrow
from usr_core.store.questions.errors import ColumnNotExportable
from usr_core.values.preview import preview_html, preview_text
from usr_core.values.showing import LINE, short_text

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from usr_core.plugin.host import PluginHost
    from usr_core.store.questions.export import ExportOutcome

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

    def export(
        self,
        out: str | Path | BinaryIO,
        *,
        fmt: str | None = None,
        host: PluginHost | None = None,
        overwrite: bool = False,
        dry_run: bool = False,
    ) -> ExportOutcome:
        """Write the result to a file, which appears whole or not at all, or to a binary stream; as `Dataset.export`.

        Decimals become integers, or floats where they have digits behind the point, as sums of integers are decimals in
        DuckDB; a column of nulls alone becomes text.

        Args:
            out: The file, or the stream.
            fmt: An exporter; by default by the file's ending.
            host: The plugin host to take exporters from; by default one of its own.
            overwrite: Replace the file if it is there.
            dry_run: Write it and throw it away.

        Raises:
            ColumnNotExportable: A column has a type that the format can't hold.
            ExportFormatMissing, TargetExists, TargetUnsuitable, PluginCallError: As `Dataset.export`.
        """
        from usr_core.plugin.errors import PluginCallError
        from usr_core.plugin.host import PluginHost
        from usr_core.store.questions.export import export_batches
        from usr_core.store.questions.export_target import chosen_format, export_target

        host = PluginHost() if host is None else host
        fmt = chosen_format(host, fmt, out)
        spec, exporter = host.exporter_spec(fmt), host.exporter(fmt)
        target = export_target(out, name="query", suffix=spec.suffix) if isinstance(out, (str, Path)) else out
        table = _without_decimals(self.table, fmt)
        try:
            return export_batches(
                exporter,
                target,
                spec=spec,
                schema=table.schema,
                batches=table.to_batches(),
                overwrite=overwrite,
                dry_run=dry_run,
            )
        except PluginCallError as error:
            foreign = next((field for field in table.schema if not _is_registrable(field.type)), None)
            if foreign is None or not isinstance(error.__cause__, TypeError):
                raise
            raise ColumnNotExportable(file=None, column=foreign.name, kind=str(foreign.type), fmt=fmt) from error

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)

    @property
    def _title(self) -> str:
        return f"SqlResult({counted(self.table.num_rows, 'row')}: {short_text(', '.join(self.columns), most=LINE)})"

    def __repr__(self) -> str:
        return preview_text(self._title, self.table)

    def _repr_html_(self) -> str:
        return preview_html(self._title, self.table)


def _is_registrable(kind: pa.DataType) -> bool:
    try:
        from_arrow(kind)
    except UnsupportedType:
        return False
    return True


def _without_decimals(table: pa.Table, fmt: str) -> pa.Table:
    fields = [field.with_type(_exportable(field.type)) for field in table.schema]
    columns = []
    for field, column in zip(fields, table.columns, strict=True):
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowInvalid as error:
            raise ColumnNotExportable(file=None, column=field.name, kind=str(column.type), fmt=fmt) from error
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _exportable(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_decimal(kind):
        return pa.float64() if kind.scale > 0 else pa.int64()
    if pa.types.is_list(kind):
        return pa.list_(pa.field("item", _exportable(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_exportable(field.type)) for field in kind])
    return kind
