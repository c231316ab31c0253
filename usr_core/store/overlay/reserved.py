"""The reserved namespaces on disk: one file each, rewritten as a whole by every change.

They are side tables: a row for each record that was deleted or has a state. Their size follows those, not
the base, and they are held in memory while they are rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.registry.document import TOMBSTONE_ENTRY, TOMBSTONE_NAMESPACE, NamespaceEntry
from usr_core.store.base.file import ParquetOutput, write_options
from usr_core.store.ids.row_numbers import row_numbers, valid_mask
from usr_core.store.mutation import Mutation, overlay_metadata
from usr_core.store.parts.errors import OverlayKeyFault, OverlayNotStamped, OverlayUnreadable
from usr_core.store.parts.files import NamespaceOverlay, OverlayPart, list_overlays, unique_keys_note

__all__ = ["count_among", "deleted_ids", "read_reserved", "reserved_schema", "stage_reserved"]


def reserved_schema(entry: NamespaceEntry) -> pa.Schema:
    """Return the file's columns: ``id`` (not null), then those of the namespace."""
    fields = [pa.field(column.name, column.type.to_arrow()) for column in entry.columns]
    return pa.schema([pa.field("id", pa.string(), nullable=False), *fields])


def read_reserved(overlay: NamespaceOverlay | None, entry: NamespaceEntry) -> pa.Table:
    """Return the namespace's rows, merged to one a key, keys in order of their first appearance.

    A column that the files lack is null.

    Raises:
        OverlayNotStamped: A file is keyed by something else than ``id``.
        OverlayKeyFault: A file has a key in several rows.
        OverlayUnreadable: A page is damaged.
    """
    schema = reserved_schema(entry)
    tables = [_read(part, schema) for part in overlay.parts] if overlay is not None else []
    if not tables:
        # Schema.empty_table imports pandas; see usr_core.records.arrays.
        return pa.table([pa.nulls(0, field.type) for field in schema], schema=schema)
    rows = pa.concat_tables(tables)
    if len(tables) < 2:
        return rows
    codes = rows.column("id").combine_chunks().dictionary_encode()
    place = codes.indices.to_numpy()
    columns: list[pa.Array | pa.ChunkedArray] = [codes.dictionary]
    for name in schema.names[1:]:
        column = rows.column(name)
        valued = np.flatnonzero(valid_mask(column.combine_chunks()))
        # Rows are in write order, so the last assignment is the newest value.
        winner = np.full(len(codes.dictionary), -1, dtype=np.int64)
        winner[place[valued]] = valued
        columns.append(column.take(row_numbers(winner, hidden=winner < 0)))
    return pa.table(columns, schema=schema)


def deleted_ids(tree: FileTree) -> pa.Array:
    """Return the ids that have a tombstone, whether a record has them or not; memory is theirs.

    Raises:
        OverlayNotStamped, OverlayKeyFault, OverlayUnreadable: See `read_reserved`.
    """
    overlay = list_overlays(tree, namespaces=[TOMBSTONE_NAMESPACE]).get(TOMBSTONE_NAMESPACE)
    try:
        rows = read_reserved(overlay, TOMBSTONE_ENTRY)
    finally:
        if overlay is not None:
            overlay.close()
    if not rows.num_rows:
        return rows.column("id").combine_chunks()
    return rows.filter(rows.column("usr__deleted")).column("id").combine_chunks()


def count_among(ids: Iterable[pa.Array], some: pa.Array) -> int:
    """Return how many of `ids`, given in pieces, are among `some`."""
    if not len(some):
        return 0
    import pyarrow.compute as pc

    return sum(pc.sum(pc.is_in(piece, value_set=some)).as_py() or 0 for piece in ids)


def stage_reserved(mutation: Mutation, entry: NamespaceEntry, table: pa.Table, overlay: NamespaceOverlay | None) -> int:
    """Stage `table` as the namespace's one file; without rows the namespace has no file any more.

    Returns:
        The bytes of the new file, 0 where there is none.
    """
    single = mutation.site.layout.overlay_file(entry.name)
    for part in overlay.parts if overlay is not None else ():
        if part.relative != single or not table.num_rows:
            mutation.txn.retire(part.relative)
    if not table.num_rows:
        return 0
    schema = reserved_schema(entry).with_metadata(overlay_metadata(mutation, entry.name))
    options = write_options(schema, bloom="id")
    staged = mutation.txn.stage(single)
    with ParquetOutput(staged, schema, **options.writer_arguments(rows=table.num_rows)) as writer:
        writer.write_table(table.replace_schema_metadata(schema.metadata), row_group_size=options.rows_per_group)
        writer.add_key_value_metadata(unique_keys_note(table.num_rows))
    return staged.stat().st_size


def _read(part: OverlayPart, schema: pa.Schema) -> pa.Table:
    if part.key != "id":
        raise OverlayNotStamped(
            file=part.relative, missing="files of a reserved namespace are keyed by id", value=part.key
        )
    try:
        rows = _aligned(part.file.read(), schema)
    except (pa.ArrowException, OSError) as error:
        raise OverlayUnreadable(file=part.relative, cause=error) from error
    if not part.keys_are_unique:
        _refuse_repeats(part, rows.column("id").combine_chunks())
    return rows


def _refuse_repeats(part: OverlayPart, ids: pa.Array) -> None:
    codes = ids.dictionary_encode()
    counts = np.bincount(codes.indices.drop_null().to_numpy(), minlength=len(codes.dictionary))
    again = np.flatnonzero(counts > 1)
    if len(again):
        raise OverlayKeyFault(
            part.relative,
            key=part.key,
            fault="a key occurs more than once",
            count=int((counts[again] - 1).sum()),
            values=[str(codes.dictionary[int(at)]) for at in again[:5]],
        )


def _aligned(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        if table.schema.get_field_index(field.name) < 0:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table.column(field.name)
        # A cast imports pyarrow.compute, which a change of one record need not pay for.
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.table(columns, schema=schema)
