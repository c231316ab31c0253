"""The overlay writer `opal`: tables of labels as batches of vectors.

A label is whole or not there: a row whose label cells are all empty has none, and one with some of them empty, or with
a number that is not finite, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.api import BadCell, ImportRequest, OverlayRequest, PluginHost, PluginMissing
from usr_core.api.arrow import (
    boolean_array,
    cast_exactly,
    fixed_array,
    fixed_values,
    parse_text,
    text_array,
    true_rows,
    valid_mask,
)
from usr_core.api.plugins import HostedImporter
from usr_opal.errors import OpalLabelInvalid
from usr_opal.labels import NAMESPACE, OFFSET, SIZE, VECTOR
from usr_opal.table import LabelColumns, find_columns

__all__ = ["OpalWriter"]

_VECTOR_TYPE = pa.list_(pa.float64(), SIZE)


class OpalWriter:
    """Reads one table of labels, of any format that an importer reads."""

    def batches(self, request: OverlayRequest) -> Iterator[pa.RecordBatch]:
        """Yield the key columns and labels of each row, in the file's row order.

        Raises:
            OpalTableUnknown: The file has no labels or no key, or it is not clear which columns they are.
            OpalLabelInvalid: A label is not eight finite numbers, or an offset is not a finite number.
            UsrError: The importer refuses the file.
        """
        file = request.path
        importer = _importer(file)
        columns = find_columns(file, importer.columns(ImportRequest(path=file)))
        done = 0
        for batch in importer.read(ImportRequest(path=file, columns=columns.wanted)):
            yield _labels(batch, columns, file=file, first_row=done + 1)
            done += batch.num_rows
        if not done:  # so that the core knows the columns of a table without rows
            empty = {name: pa.nulls(0, pa.string()) for name in columns.wanted}
            yield _labels(pa.RecordBatch.from_pydict(empty), columns, file=file, first_row=1)


def _importer(file: Path) -> HostedImporter:
    """Return the importer for the file's ending; a label table is CSV where it has no ending that tells."""
    host = PluginHost()
    try:
        return host.importer_for_path(file)[1]
    except PluginMissing:
        return host.importer("csv")


def _labels(batch: pa.RecordBatch, columns: LabelColumns, *, file: Path, first_row: int) -> pa.RecordBatch:
    found = {name: batch.column(name) for name in columns.keys}
    if len(columns.vector) == 1:
        found[VECTOR] = _whole(batch.column(columns.vector[0]), columns.vector[0], file=file, first_row=first_row)
    elif columns.vector:
        found[VECTOR] = _joined(batch, columns.vector, file=file, first_row=first_row)
    if columns.offset is not None:
        offset = _numbers(batch.column(columns.offset), columns.offset, file=file, first_row=first_row)
        found[OFFSET] = offset
    for name in columns.others:  # named by the core as ignored
        found.setdefault(name if name.startswith(f"{NAMESPACE}__") else f"{NAMESPACE}__{name}", pa.nulls(len(batch)))
    return pa.RecordBatch.from_arrays(list(found.values()), names=list(found))


def _whole(column: pa.Array, name: str, *, file: Path, first_row: int) -> pa.Array:
    """Return a column of whole vectors; text is a JSON list, or numbers with semicolons between."""
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    try:
        if _is_text(column.type):
            texts = [_as_json(text) for text in column.to_pylist()]
            vectors = parse_text(text_array(texts), _VECTOR_TYPE, parse_json=True)
        else:
            vectors = pa.nulls(len(column), _VECTOR_TYPE) if pa.types.is_null(column.type) else _cast(column)
    except BadCell as bad:
        value = column[bad.index].as_py()
        plain = isinstance(value, str) and not value.lstrip().startswith("[") and "JSON" in bad.reason
        reason = "it is neither a JSON list nor numbers with semicolons between" if plain else bad.reason
        raise OpalLabelInvalid(file=file, row=first_row + bad.index, column=name, value=value, reason=reason) from bad
    present = np.flatnonzero(valid_mask(vectors))
    items = vectors.flatten()
    good = true_rows(pc.is_finite(items))
    if not good.all():
        row = int(present[int(np.argmin(good)) // SIZE])
        value = column[row].as_py()
        raise OpalLabelInvalid(
            file=file, row=first_row + row, column=name, value=value, reason="a number is missing or not finite"
        )
    return vectors


def _joined(batch: pa.RecordBatch, names: tuple[str, ...], *, file: Path, first_row: int) -> pa.Array:
    """Return eight columns of numbers as one of vectors."""
    columns = [_numbers(batch.column(name), name, file=file, first_row=first_row) for name in names]
    there = np.column_stack([valid_mask(column) for column in columns])
    partial = np.flatnonzero(there.any(axis=1) & ~there.all(axis=1))
    if len(partial):
        row = int(partial[0])
        name = names[int(np.argmin(there[row]))]
        raise OpalLabelInvalid(
            file=file,
            row=first_row + row,
            column=name,
            value="",
            reason=f"{int(there[row].sum())} of its {SIZE} numbers are there",
        )
    empty = np.asarray(~there.any(axis=1))
    values = np.column_stack([fixed_values(column) for column in columns])
    values[empty] = 0.0
    items = fixed_array(np.ascontiguousarray(values, dtype=np.float64).reshape(-1), pa.float64())
    return pa.FixedSizeListArray.from_arrays(items, SIZE, mask=boolean_array(empty))


def _numbers(column: pa.Array, name: str, *, file: Path, first_row: int) -> pa.Array:
    """Return a column as float64, each number finite."""
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    try:
        if pa.types.is_null(column.type):
            return pa.nulls(len(column), pa.float64())
        if _is_text(column.type):
            numbers = parse_text(column, pa.float64(), parse_json=False)
        else:
            numbers = cast_exactly(column, pa.float64())
    except BadCell as bad:
        raise OpalLabelInvalid(
            file=file, row=first_row + bad.index, column=name, value=bad.value, reason=bad.reason
        ) from bad
    good = true_rows(pc.is_finite(numbers)) | ~valid_mask(numbers)
    if not good.all():
        row = int(np.argmin(good))
        raise OpalLabelInvalid(
            file=file, row=first_row + row, column=name, value=column[row].as_py(), reason="the number is not finite"
        )
    return numbers


def _cast(column: pa.Array) -> pa.Array:
    """Return typed lists as vectors; one of another length is told as such, not as a cast that failed."""
    kinds = pa.types
    if not (kinds.is_list(column.type) or kinds.is_large_list(column.type) or kinds.is_fixed_size_list(column.type)):
        raise BadCell(0, column.type, f"the file holds {column.type}, not vectors")
    lengths = pc.list_value_length(column)
    lengths = np.where(valid_mask(lengths), fixed_values(lengths), SIZE)
    wrong = np.flatnonzero(lengths != SIZE)
    if len(wrong):
        index = int(wrong[0])
        raise BadCell(index, column[index].as_py(), f"it has {int(lengths[index])} numbers, not {SIZE}")
    return cast_exactly(column, _VECTOR_TYPE)


def _as_json(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    if text.lstrip().startswith("["):
        return text
    return f"[{','.join(text.strip().split(';'))}]"


def _is_text(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))
