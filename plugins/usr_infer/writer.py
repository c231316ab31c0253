"""The overlay writer `infer`: outputs of a model, in ``.npy``, ``.npz`` and Parquet files, as batches.

Vectors go from the file's bytes into Arrow's buffers as they are; NaN is a value and is kept. What the namespace does
not register is delivered as a column of nulls, so that the core can name it to the user.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

from usr_core.api import ImportRequest, OverlayRequest, PluginHost, counted, open_source
from usr_core.api.arrow import constant_text
from usr_core.api.records import BASE_COLUMNS
from usr_core.api.registry import from_arrow
from usr_infer.array_stream import READ_ERRORS, ArrayStream
from usr_infer.errors import (
    InferArrayUnfit,
    InferFileUnreadable,
    InferIdsCount,
    InferIdsMissing,
    InferOptionInvalid,
    InferOutputUnknown,
)
from usr_infer.ids import IdSource, id_file, ids_of_array, ids_of_dataset, ids_of_file
from usr_infer.options import WriterOptions, read_options

__all__ = ["InferWriter"]

_BATCH_BYTES = 16 << 20
_KEYS = ("id", "sequence", "sequence_norm", "sequence_ci")
_ID_ARRAYS = ("ids", "id")


class InferWriter:
    """Reads one file of model outputs."""

    def batches(self, request: OverlayRequest) -> Iterator[pa.RecordBatch]:
        """Yield an id and the outputs of each row, in the file's row order; about 16 MiB at a time.

        Raises:
            InferOptionInvalid, InferNameUnsafe: The options say nothing that can be done.
            InferFileUnreadable: The file is damaged, or of another kind.
            InferOutputUnknown, InferArrayUnfit: Its outputs have no column, or do not fit it.
            InferIdsMissing, InferIdsCount: It is not known which record each row belongs to.
            SourceFileError: The file can't be opened.
        """
        options = read_options(request.options)
        with open_source(request.path) as source:
            magic = os.pread(source.descriptor, 6, 0)
        reader = next((reader for start, reader in _READERS.items() if magic.startswith(start)), None)
        if reader is None:
            raise InferFileUnreadable(
                file=request.path,
                reason="it is not a .npy, .npz or Parquet file",
                hint="Save it as one of these; other tables are attached without --writer.",
            )
        return reader(request, _Naming(request, options), options)


class _Naming:
    """Which column an output goes to."""

    def __init__(self, request: OverlayRequest, options: WriterOptions) -> None:
        self._prefix = f"{request.namespace}__"
        self._side_by_side = options.prefix
        self._types = request.types
        self.path = request.path

    def type(self, column: str) -> pa.DataType | None:
        """Return the registered type of a column, or None where the types are not known."""
        return self._types.get(column)

    def is_registered(self, column: str) -> bool:
        """Tell whether the namespace has the column, as far as its types are known."""
        return column in self._types or not self._types

    def column(self, output: str) -> str:
        """Return the full name; `output` may have the namespace's prefix, and that of model and job."""
        bare = output.removeprefix(self._prefix).removeprefix(self._side_by_side)
        return f"{self._prefix}{self._side_by_side}{bare}"

    def columns(self, outputs: Sequence[str], constants: Mapping[str, str]) -> dict[str, str]:
        """Return the column of each output of a file.

        Raises:
            InferOutputUnknown: None of the columns is registered, or a constant is not.
            InferOptionInvalid: Two become one column, or one is given as an option too.
        """
        found = {output: self.column(output) for output in outputs}
        if not any(map(self.is_registered, found.values())):
            raise InferOutputUnknown(self.path, outputs=list(found.values()), registered=list(self._types))
        for constant in constants:
            column = self.column(constant)
            if not self.is_registered(column):
                raise InferOutputUnknown(self.path, outputs=[column], registered=list(self._types))
        targets = [*found.values(), *map(self.column, constants)]
        repeated = next((column for column in targets if targets.count(column) > 1), None)
        if repeated is not None:
            raise InferOptionInvalid(
                f"{self.path.name}: there are two values for {repeated}.",
                hint="Leave one of them out: the option, or the output of that name in the file.",
                facts={"file": str(self.path), "column": repeated},
            )
        return found


def _npy_batches(request: OverlayRequest, naming: _Naming, options: WriterOptions) -> Iterator[pa.RecordBatch]:
    with ExitStack() as closing:
        source = closing.enter_context(open_source(request.path))
        file = closing.enter_context(io.BufferedReader(source.stream(), 1 << 20))
        output = options.column if options.column is not None else request.path.stem
        array = ArrayStream(file, path=request.path, name=output)
        columns = naming.columns([output], options.constants)
        yield from _array_batches(request.path, [array], columns, _given_ids(request, options), naming, options)
        source.check_unchanged()


def _npz_batches(request: OverlayRequest, naming: _Naming, options: WriterOptions) -> Iterator[pa.RecordBatch]:
    label = request.path.name
    with ExitStack() as closing:
        source = closing.enter_context(open_source(request.path))
        # A descriptor of its own: the archive closes what it was given.
        file = closing.enter_context(os.fdopen(os.dup(source.descriptor), "rb"))
        try:
            archive = closing.enter_context(zipfile.ZipFile(file))
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            members = {name.removesuffix(".npy"): closing.enter_context(archive.open(name)) for name in names}
        except READ_ERRORS as error:
            raise InferFileUnreadable(
                file=request.path,
                reason=f"it is not a .npz archive: {error}",
                hint="Copy it again, or write it again with numpy.savez.",
            ) from error
        id_names = [name for name in _ID_ARRAYS if name in members]
        outputs = [name for name in members if name not in id_names]
        columns = _columns_of_archive(outputs, naming, options)
        ids = None
        if id_names:
            if options.ids is not None or options.dataset_order or len(id_names) > 1:
                raise InferOptionInvalid(
                    f"{label}: it has an array {id_names[0]!r}, and ids are given elsewhere too.",
                    hint="Leave the option out, or save the file without that array.",
                    facts={"file": str(request.path), "array": id_names[0]},
                )
            ids = ids_of_array(
                ArrayStream(members[id_names[0]], path=request.path, name=id_names[0]), path=request.path
            )
        registered = [name for name in outputs if naming.is_registered(columns[name])]
        arrays = [ArrayStream(members[name], path=request.path, name=name) for name in registered]
        found = ids if ids is not None else _given_ids(request, options)
        yield from _array_batches(request.path, arrays, columns, found, naming, options)
        source.check_unchanged()


def _columns_of_archive(outputs: Sequence[str], naming: _Naming, options: WriterOptions) -> dict[str, str]:
    if options.column is None:
        return naming.columns(outputs, options.constants)
    if len(outputs) != 1:
        raise InferOptionInvalid(
            f"{naming.path.name}: it has {counted(len(outputs), 'array')}, and one column is named for them.",
            hint="The arrays of a .npz file have names of their own; leave the column out, or save one array.",
            facts={"file": str(naming.path), "option": "column", "arrays": ", ".join(outputs[:20])},
        )
    return {outputs[0]: naming.columns([options.column], options.constants)[options.column]}


def _array_batches(
    path: Path,
    arrays: Sequence[ArrayStream],
    columns: Mapping[str, str],
    ids: IdSource,
    naming: _Naming,
    options: WriterOptions,
) -> Iterator[pa.RecordBatch]:
    for array in arrays:
        _check_shape(array, columns[array.name], naming)
    rows = arrays[0].rows
    for array in arrays:
        if array.rows != rows:
            raise InferArrayUnfit(
                file=path,
                array=array.name,
                column=columns[array.name],
                shape=array.shape,
                reason=f"it has {array.rows:,} rows, and {arrays[0].name!r} has {rows:,}",
                hint="Save arrays of one length, a row for each record.",
            )
    most = max(1, _BATCH_BYTES // sum(array.row_bytes for array in arrays))
    ignored = [column for name, column in columns.items() if not naming.is_registered(column)]
    done = counted = 0
    for keys in ids.batches():
        counted += len(keys)
        for first in range(0, min(len(keys), rows - done) if counted <= rows else 0, most):
            part = keys.slice(first, most)
            values = {columns[array.name]: array.read_arrow(len(part)) for array in arrays}
            yield _batch({"id": part}, values, ignored, naming, options)
            done += len(part)
    if counted != rows:
        raise InferIdsCount(path, source=ids.label, ids=counted, rows=rows)
    if not rows:
        yield _empty(["id"], columns, naming, options)


def _parquet_batches(request: OverlayRequest, naming: _Naming, options: WriterOptions) -> Iterator[pa.RecordBatch]:
    if options.column is not None or options.ids is not None or options.dataset_order or options.dataset_order_else:
        raise InferOptionInvalid(
            "The writer's options 'column', 'ids' and 'rows' are for arrays.",
            hint="A Parquet file has a column `id` (or `sequence`) and columns named as the outputs.",
            facts={"file": str(request.path)},
        )
    importer = PluginHost().importer("parquet")
    present = list(importer.columns(ImportRequest(path=request.path)))
    keys = [name for name in present if name in _KEYS]
    if not keys:
        raise InferIdsMissing(
            file=request.path,
            reason="it has no column 'id' and no column 'sequence'",
            hint="Write the ids into a column named 'id'.",
        )
    outputs = [name for name in present if name not in {*_KEYS, *BASE_COLUMNS}]
    columns = naming.columns(outputs, options.constants)
    wanted = [name for name in outputs if naming.is_registered(columns[name])]
    ignored = [columns[name] for name in outputs if name not in wanted]
    types = {name: kind for name in wanted if (kind := naming.type(columns[name])) is not None}
    read = 0
    for batch in importer.read(ImportRequest(path=request.path, columns=(*keys, *wanted), types=types)):
        values = {columns[name]: batch.column(name) for name in wanted}
        read += batch.num_rows
        yield _batch({name: batch.column(name) for name in keys}, values, ignored, naming, options)
    if not read:
        yield _empty(keys, columns, naming, options)


def _batch(
    keys: Mapping[str, pa.Array],
    values: Mapping[str, pa.Array],
    ignored: Sequence[str],
    naming: _Naming,
    options: WriterOptions,
) -> pa.RecordBatch:
    found: dict[str, pa.Array] = {**keys, **values}
    rows = len(next(iter(found.values())))
    for output, text in options.constants.items():
        found[naming.column(output)] = constant_text(text, rows)
    for column in ignored:
        found[column] = pa.nulls(rows)
    return pa.RecordBatch.from_arrays(list(found.values()), names=list(found))


def _empty(keys: Sequence[str], columns: Mapping[str, str], naming: _Naming, options: WriterOptions) -> pa.RecordBatch:
    """Return a batch without rows, so that the core knows the columns."""
    none = pa.nulls(0)
    return _batch(dict.fromkeys(keys, none), dict.fromkeys(columns.values(), none), (), naming, options)


def _given_ids(request: OverlayRequest, options: WriterOptions) -> IdSource:
    if options.ids is not None:
        return ids_of_file(options.ids)
    if options.dataset_order and request.record_ids is not None:
        return ids_of_dataset(request.record_ids)
    beside = id_file(request.path)
    if beside is not None:
        return ids_of_file(beside)
    if options.dataset_order_else and request.record_ids is not None:
        return ids_of_dataset(request.record_ids)
    raise InferIdsMissing(
        file=request.path,
        reason="it does not say which record each row belongs to",
        hint=f"Put the ids into {request.path.stem}.ids, one a line, or name a file with --writer-option ids=FILE; "
        "--writer-option rows=dataset says that the rows are in the dataset's order.",
    )


def _check_shape(array: ArrayStream, column: str, naming: _Naming) -> None:
    """Compare an array with the type of its column, before a row is read.

    Raises:
        InferArrayUnfit: The array's dimensions, the length of its vectors, or its kind of value differ.
    """
    kind = naming.type(column)
    if kind is None:  # the types are not known here: the core compares them
        kind = pa.list_(pa.float64()) if len(array.shape) == 2 else pa.float64()
        kind = pa.string() if array.is_text else pa.bool_() if array.dtype.kind == "b" else kind
    is_vector = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)
    item = kind.value_type if is_vector else kind
    dimensions = 2 if is_vector else 1
    reason = ""
    if len(array.shape) != dimensions:
        found = ("a number alone", "one value a row", "a vector a row")[min(len(array.shape), 2)]
        found = found if len(array.shape) < 3 else "a table a row"
        reason = f"it has {found}, and the column {'a vector a row' if is_vector else 'one value a row'}"
    elif pa.types.is_fixed_size_list(kind) and array.shape[1] != kind.list_size:
        reason = f"its rows have {array.shape[1]:,} numbers, and the column has {kind.list_size:,}"
    elif array.is_text != pa.types.is_string(item) or (array.dtype.kind == "b") != pa.types.is_boolean(item):
        reason = f"it holds {'texts' if array.is_text else array.dtype}, and the column {from_arrow(kind).canonical()}"
    elif array.is_text and is_vector:
        reason = "texts in rows of several are not read"
    if reason:
        raise InferArrayUnfit(
            file=naming.path,
            array=array.name,
            column=column,
            shape=array.shape,
            reason=reason,
            hint="Name another column, or register one that fits: `usr infer register --dim N --model M --job J`.",
        )


_READERS = {
    b"\x93NUMPY": _npy_batches,
    b"PK\x03\x04": _npz_batches,
    b"PK\x05\x06": _npz_batches,
    b"PAR1": _parquet_batches,
}
"""By the bytes that a file begins with; an archive without members has a beginning of its own."""
