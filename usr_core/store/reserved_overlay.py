"""The reserved namespaces on disk: one file each, rewritten as a whole by every change.

They are side tables: a row for each record that was deleted or has a state. Their size follows those, not
the base, and they are held in memory while they are rewritten.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usr_core.registry.document import NamespaceEntry
from usr_core.store.base_file import write_options
from usr_core.store.mutation import Mutation
from usr_core.store.overlay_metadata import overlay_metadata
from usr_core.store.overlay_parts import NamespaceOverlay

__all__ = ["read_reserved", "reserved_schema", "stage_reserved"]


def reserved_schema(entry: NamespaceEntry) -> pa.Schema:
    """Return the file's columns: ``id`` (not null), then those of the namespace."""
    fields = [pa.field(column.name, column.type.to_arrow()) for column in entry.columns]
    return pa.schema([pa.field("id", pa.string(), nullable=False), *fields])


def read_reserved(overlay: NamespaceOverlay | None, entry: NamespaceEntry) -> pa.Table:
    """Return the namespace's rows, merged to one a key, keys in order of their first appearance.

    A column that the files lack is null.
    """
    schema = reserved_schema(entry)
    tables = [_aligned(part.file.read(), schema) for part in overlay.parts] if overlay is not None else []
    rows = pa.concat_tables(tables) if tables else schema.empty_table()
    if len(tables) < 2:
        return rows
    codes = pc.dictionary_encode(rows.column("id").combine_chunks())
    place = codes.indices.to_numpy()
    columns: list[pa.Array | pa.ChunkedArray] = [codes.dictionary]
    for name in schema.names[1:]:
        column = rows.column(name)
        valued = np.flatnonzero(column.is_valid().to_numpy())
        # Rows are in write order, so the last assignment is the newest value.
        winner = np.full(len(codes.dictionary), -1, dtype=np.int64)
        winner[place[valued]] = valued
        columns.append(column.take(pa.array(winner, mask=winner < 0)))
    return pa.table(columns, schema=schema)


def stage_reserved(
    mutation: Mutation, entry: NamespaceEntry, table: pa.Table, overlay: NamespaceOverlay | None
) -> None:
    """Stage `table` as the namespace's one file; without rows the namespace has no file any more."""
    single = mutation.site.layout.overlay_file(entry.name)
    for part in overlay.parts if overlay is not None else ():
        if part.relative != single or not table.num_rows:
            mutation.txn.retire(part.relative)
    if not table.num_rows:
        return
    schema = reserved_schema(entry).with_metadata(overlay_metadata(mutation, entry.name))
    options = write_options(schema, bloom="id")
    with pq.ParquetWriter(
        mutation.txn.stage(single), schema, **options.writer_arguments(rows=table.num_rows)
    ) as writer:
        writer.write_table(table.replace_schema_metadata(schema.metadata), row_group_size=options.rows_per_group)


def _aligned(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
