"""The rows that meet a condition in SQL, found by DuckDB in the files themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa

from usr_core.records.duckdb_sources import QUERY_MEMORY, open_database, query_threads
from usr_core.store.questions.condition import SqlCondition
from usr_core.store.questions.file_relation import FileRelation, allow_files_of, file_relation, quoted
from usr_core.store.view.merged_view import MergedView

__all__ = ["matching_rows"]

_BATCH_ROWS = 65_536


def matching_rows(
    view: MergedView,
    condition: SqlCondition,
    schema: pa.Schema,
    otherwise: Callable[[], Iterator[pa.RecordBatch]],
    progress: Callable[[int], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows that meet `condition`, in the base's order, with the columns of `schema`.

    Where the files of the view can't be asked, or fail, `otherwise` goes on from where they end.

    Args:
        view: What is asked; no deleted row is wanted.
        condition: Which rows.
        schema: Of the batches.
        otherwise: The same rows from the merged view.
        progress: Told of all rows of the view when all is read.
    """
    names = list(dict.fromkeys([*schema.names, *condition.columns]))
    relation = file_relation(view, names) if condition.columns and len(schema) else None
    given = 0
    if relation is not None:
        try:
            for batch in _filtered(view, relation, condition, schema):
                given += len(batch)
                yield batch
        # A value or a page that the merged view has an account of; Arrow has errors of its own for a stream that fails.
        except (duckdb.Error, pa.ArrowException, OSError):
            pass
        else:
            if progress is not None:
                progress(view.rows)
            return
    for batch in otherwise():
        if given < len(batch):
            yield batch.slice(given)
        given = max(0, given - len(batch))


def _filtered(
    view: MergedView, relation: FileRelation, condition: SqlCondition, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    cells = ", ".join(map(quoted, schema.names))
    with open_database(memory_limit=QUERY_MEMORY, threads=query_threads()) as connection:
        connection.execute("set TimeZone = 'UTC'")
        allow_files_of(connection, [view])
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        if not relation.holds(connection):
            raise duckdb.InvalidInputException("the types differ")
        found = connection.sql(f"select {cells} from {relation.sql} where (\n{condition.text}\n)")
        for batch in found.to_arrow_reader(_BATCH_ROWS):
            if len(batch):
                yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
