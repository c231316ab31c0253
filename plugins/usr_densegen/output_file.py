"""DenseGen's output Parquet as overlay rows.

The core knows how to bring columns to their registered types. What only DenseGen knows is done here: which columns are
a record's own, and how older outputs wrote nested values, as JSON text with fields that the namespace does not have.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.api import BadCell, OverlayRequest
from usr_core.api.arrow import conform, from_json, loads, plain_type
from usr_core.api.records import BASE_COLUMNS
from usr_core.api.registry import parse_type, same_type
from usr_densegen.errors import OutputCellInvalid, OutputUnreadable
from usr_densegen.namespace import COLUMNS, NAMESPACE

__all__ = ["DenseGenOutput"]

_log = logging.getLogger("usr")
_KEYS = frozenset({"id", "sequence", "sequence_norm", "sequence_ci"})
_BATCH_ROWS = 16_384


class DenseGenOutput:
    """Reads one output file."""

    def batches(self, request: OverlayRequest) -> Iterator[pa.RecordBatch]:
        """Yield the key columns that the file has and DenseGen's columns, in the file's order, batch by batch.

        Names are kept, prefixed or not. Where the file has all columns of a record, they are the record's: a bare
        ``length`` is not DenseGen's then. An empty text in a nested column is not a value.

        Raises:
            OutputUnreadable: The file is not a Parquet file.
            OutputCellInvalid: A nested value can't be read; file, row (from 1) and column are told.
        """
        path = request.path
        wanted = dict(request.types) or {name: parse_type(text).to_arrow() for name, text in COLUMNS}
        try:
            with pq.ParquetFile(path, coerce_int96_timestamp_unit="us") as file:
                names = _columns_of(file.schema_arrow.names)
                kinds = {name: wanted.get(_full(name)) for name in names}
                shaper = _Shaper(path)
                first_row = 1
                for batch in file.iter_batches(_BATCH_ROWS, columns=names):
                    yield _shaped(batch.select(names), kinds, shaper, first_row)
                    first_row += batch.num_rows
                if first_row == 1:
                    yield _shaped(_empty(file.schema_arrow, names), kinds, shaper, first_row)
                shaper.tell()
        except (pa.ArrowException, OSError) as error:
            raise OutputUnreadable(path, reason=str(error)) from error


def _columns_of(names: Sequence[str]) -> list[str]:
    own = set(BASE_COLUMNS) - _KEYS
    if not set(BASE_COLUMNS) <= set(names):
        own.discard("length")
    return [name for name in names if name not in own]


def _full(name: str) -> str:
    return name if name.startswith(f"{NAMESPACE}__") else f"{NAMESPACE}__{name}"


def _empty(schema: pa.Schema, names: Sequence[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=pa.schema([schema.field(name) for name in names]))


def _shaped(
    batch: pa.RecordBatch, kinds: Mapping[str, pa.DataType | None], shaper: _Shaper, first_row: int
) -> pa.RecordBatch:
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kind = kinds[name]
        columns.append(column if kind is None else shaper.shaped(column, kind, name=name, first_row=first_row))
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


class _Shaper:
    """Turns nested values of older outputs into those of the registered type, and remembers what it left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left_out: dict[str, set[str]] = {}

    def shaped(self, column: pa.Array, kind: pa.DataType, *, name: str, first_row: int) -> pa.Array:
        """Return `column` as `kind` where it is nested, else as it is: the core casts single values itself."""
        column = conform(column, plain_type(column.type))
        if not pa.types.is_nested(kind) or same_type(column.type, kind):
            return column
        text = pa.types.is_string(column.type)
        if not text and not pa.types.is_nested(column.type):
            return column
        values: list[object] = []
        for row, cell in enumerate(column.to_pylist()):
            try:
                value = loads(cell) if text and cell else (None if text else cell)
            except ValueError as error:
                reason = f"it is not JSON ({error})"
                raise OutputCellInvalid(
                    path=self._path, row=first_row + row, column=name, value=cell, reason=reason
                ) from error
            values.append(self._fitted(value, kind, name))
        try:
            return from_json(values, kind)
        except BadCell as bad:
            raise OutputCellInvalid(
                path=self._path, row=first_row + bad.index, column=name, value=bad.value, reason=bad.reason
            ) from bad

    def tell(self) -> None:
        """Warn of fields that the namespace has no place for."""
        for name, fields in self._left_out.items():
            _log.warning("%s: fields of %s that are left out: %s", self._path.name, name, ", ".join(sorted(fields)))

    def _fitted(self, value: object, kind: pa.DataType, name: str) -> object:
        """Return a value in the shape of `kind`: unknown fields left out, ``{tf: count}`` as a list of pairs."""
        if pa.types.is_list(kind):
            inner = kind.value_type
            if isinstance(value, Mapping) and pa.types.is_struct(inner) and inner.num_fields == 2:
                first, second = inner.field(0).name, inner.field(1).name
                if not set(value) & {first, second}:
                    value = [{first: key, second: count} for key, count in value.items()]
            return [self._fitted(one, inner, name) for one in value] if isinstance(value, list) else value
        if pa.types.is_struct(kind) and isinstance(value, Mapping):
            known = {kind.field(index).name: kind.field(index).type for index in range(kind.num_fields)}
            if strangers := {str(field) for field in value if field not in known}:
                self._left_out.setdefault(name, set()).update(strangers)
            return {field: self._fitted(value.get(field), inner, name) for field, inner in known.items()}
        return value
