"""A view's rows as one file, in which a column is encoded only where no file has it whole; the others are copied.

A column is copied where one file has it in the base's order and in the base's row groups (`MergedView.whole`,
`Stored.has`). The others are merged and encoded by themselves, in the base's row groups, and copied from there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from usr_core.records.arrays import conform
from usr_core.store.base.file import GROUP_BYTES, ParquetOutput, WriteOptions, row_group_rows, write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.base.splice import Stored, Target, splice
from usr_core.store.errors import BaseUnreadable
from usr_core.store.view.merged_view import MergedView

__all__ = ["splice_view", "write_stored"]

_MOST_GROUP_BYTES = 16 * GROUP_BYTES
"""What the pages of a row group may take, and what is copied does not have to fit into memory."""
_MOST_HELD_BYTES = 4 * GROUP_BYTES


def splice_view(
    path: Path,
    view: MergedView,
    schema: pa.Schema,
    options: WriteOptions,
    *,
    notes: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> bool:
    """Write all rows of `view`, deleted ones included, or return False where no column of it can be copied.

    The caller encodes it then, which gives the same rows, and fsyncs what was written. `progress` is called with the
    number of rows done.

    Args:
        path: The file to make; another one stands beside it meanwhile.
        view: The view.
        schema: The columns of the file with their plain types, and its metadata.
        options: How it would be encoded.
        notes: Key/value metadata beside those of the schema.

    Raises:
        FileExistsError: `path` exists.
        OverlayKeyFault, BaseColumnHasNulls, BaseUnreadable, OverlayUnreadable: As `MergedView.batches`.
        OSError: `path` can't be written.

    Memory: that of `MergedView.batches` for the columns that are encoded, and one row group of these.
    """
    target = Target(schema, options.writer_arguments(rows=view.rows))
    with contextlib.ExitStack() as closing:
        copied = _copyable(view.whole(schema.names), view.source, target)
        if copied and view.source.cut_from is not None:
            copied = _with_last_rows(path.with_name(f"{path.name}.last"), view, copied, target, closing)
        if not copied:
            return False
        encoded = [name for name in schema.names if name not in copied]
        borders = next(iter(copied.values())).rows
        if next(iter(copied.values())).is_fragmented() or not _fits(view, encoded, borders):
            return False
        if _largest_group(copied, len(borders)) > _MOST_GROUP_BYTES:
            return False
        if encoded:
            beside = path.with_name(f"{path.name}.encoded")
            closing.callback(beside.unlink, missing_ok=True)
            _encode(beside, view, encoded, borders, bloom=options.bloom, progress=progress)
            made = closing.enter_context(contextlib.closing(OpenParquet.open(beside)))
            again = _copyable(dict.fromkeys(encoded, made), made, target)
            if len(again) < len(encoded) or next(iter(again.values())).rows != borders:
                return False
            copied |= again
        splice(path, target, copied, notes=notes)
    if progress is not None and not encoded:
        progress(view.rows)
    return True


def write_stored(
    path: Path,
    schema: pa.Schema,
    *,
    view: MergedView,
    include_deleted: bool,
    progress: Callable[[int], None] | None = None,
) -> int | None:
    """Write the rows of `view` as `splice_view` does and return their number; None where they have to be encoded."""
    if not include_deleted and view.deleted_count():
        return None
    options = write_options(schema, bloom="id" if "id" in schema.names else None)
    return view.rows if splice_view(path, view, schema, options, progress=progress) else None


def _copyable(files: dict[str, OpenParquet], base: OpenParquet, target: Target) -> dict[str, Stored]:
    """Return those of `files`, by column, whose chunks can be copied; their row groups are those of `base`."""
    known: dict[int, Stored | None] = {id(base): Stored.of(base)}
    borders = known[id(base)]
    if borders is None:
        return {}
    found = {}
    for name, file in files.items():
        if id(file) not in known:
            known[id(file)] = Stored.of(file)
        stored = known[id(file)]
        if stored is not None and stored.rows == borders.rows and stored.has(target.schema.field(name), like=target):
            found[name] = stored
    return found


def _with_last_rows(
    path: Path, view: MergedView, copied: Mapping[str, Stored], target: Target, closing: contextlib.ExitStack
) -> dict[str, Stored]:
    """Return `copied`, all of it from a base of which only the first rows count, with the rows of its last row group.

    Only some of its rows count, so they are encoded, into `path`; {} where that can't be joined with the others.

    Raises:
        BaseUnreadable: A page is damaged.
    """
    whole = next(iter(copied.values()))
    if sum(whole.rows) == view.rows:
        return dict(copied)
    schema = pa.schema([target.schema.field(name) for name in copied])
    reader = view.source.reader()
    try:
        rows = reader.read_row_group(reader.num_row_groups - 1, columns=schema.names, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(view.source.path, error) from error
    arrays = [conform(rows.column(field.name).combine_chunks(), field.type) for field in schema]
    options = write_options(schema, bloom=target.bloom if target.bloom in copied else None)
    closing.callback(path.unlink, missing_ok=True)
    with ParquetOutput(path, schema, **options.writer_arguments(rows=len(rows))) as output:
        output.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=max(1, len(rows)))
    last = Stored.of(closing.enter_context(contextlib.closing(OpenParquet.open(path))))
    if last is None or len(last.rows) != 1 or sum(whole.rows) + last.rows[0] != view.rows:
        return {}
    joined = whole.with_behind(last)
    return {name: joined for name in copied if last.has(target.schema.field(name), like=target)}


def _grouped(batches: Iterator[pa.RecordBatch], borders: Sequence[int]) -> Iterator[pa.Table]:
    """Yield the rows of `batches` in tables of as many rows as `borders` say; there are as many in all."""
    held: list[pa.RecordBatch] = []
    rows, at = 0, 0
    for batch in batches:
        rest = batch
        while rest.num_rows:
            taken = rest.slice(0, borders[at] - rows)
            held.append(taken)
            rows, rest = rows + taken.num_rows, rest.slice(taken.num_rows)
            if rows == borders[at]:
                yield pa.Table.from_batches(held)
                held, rows, at = [], 0, at + 1


def _fits(view: MergedView, encoded: Sequence[str], borders: Sequence[int]) -> bool:
    """Tell whether the base's row groups are small enough for what is to be encoded."""
    names, most = frozenset(encoded), max(borders, default=0)
    if not names:
        return True
    files = [view.source, *(part.source for one in view.overlays.values() for part in one.parts)]
    width = sum(file.column_bytes(names) // max(1, file.rows) for file in files)
    return row_group_rows(view.schema(encoded)) >= most and width * most <= _MOST_HELD_BYTES


def _largest_group(copied: Mapping[str, Stored], groups: int) -> int:
    """Return the bytes of the pages of the largest row group."""
    return max(
        (sum(chunk.size for name, file in copied.items() for chunk in file.chunks(at, name)) for at in range(groups)),
        default=0,
    )


def _encode(
    path: Path,
    view: MergedView,
    names: Sequence[str],
    borders: Sequence[int],
    *,
    bloom: str | None,
    progress: Callable[[int], None] | None,
) -> None:
    schema = view.schema(names)
    options = write_options(schema, bloom=bloom if bloom in names else None)
    with ParquetOutput(path, schema, **options.writer_arguments(rows=view.rows)) as output:
        for table in _grouped(view.batches(names, include_deleted=True, progress=progress), borders):
            output.write_table(table.replace_schema_metadata(None), row_group_size=table.num_rows)
