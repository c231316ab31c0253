"""SQL over the merged view: DuckDB reads the stream of the columns that a statement needs, or the files that hold them.

DuckDB is asked for its plan over an empty table of the same columns; what the plan's scans do not read is not
read here either, and stands in the table as a call of ``error()``: should a statement look at it after all, it
is run again with all columns. The view streams, so that its size does not matter; DuckDB spills to a
temporary folder what it has to keep beyond `memory_limit`. Where the columns stand in the base's order in all of
their files, DuckDB reads these itself (`usr_core.store.questions.file_relation`); what fails is run again with the
stream.

Types that DuckDB changes: float16 is float32, a time with a zone is in microseconds and UTC.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

import duckdb
import pyarrow as pa

from usr_core.errors import UsrError
from usr_core.records.arrays import conform, duckdb_schema, plain_type
from usr_core.records.duckdb_sources import QUERY_MEMORY, open_database, query_threads, register_source
from usr_core.store.questions.errors import SqlFailed
from usr_core.store.questions.file_relation import FileRelation, allow_files_of, file_relation, quoted
from usr_core.store.view.merged_view import MergedView

__all__ = ["TABLE", "Parameters", "run_sql", "run_tables"]

TABLE = "records"

_ROWS = "_usr_rows"
_SCAN = "ARROW_SCAN"
_NOT_READ = "usr: this column was not read"

Parameters = Sequence[object] | Mapping[str, object]


def run_sql(
    view: MergedView,
    statement: str,
    parameters: Parameters | None = None,
    *,
    include_deleted: bool = False,
    memory_limit: str = QUERY_MEMORY,
) -> pa.Table:
    """Run one statement over the table ``records`` and return its result, held in memory.

    Args:
        view: The dataset; read by one thread at a time.
        statement: One statement of DuckDB's SQL; an ``order by`` is needed where order matters.
        parameters: Values for ``?``, or by name for ``$name``.
        include_deleted: Let deleted rows and the tombstone columns be in the table.
        memory_limit: What DuckDB may take before it spills, such as ``1GB``.

    Raises:
        SqlFailed: DuckDB refused the statement, or failed at it.
        UsrError: The dataset can't be read.
    """
    return run_tables(
        {TABLE: view}, statement, parameters, include_deleted=include_deleted, memory_limit=memory_limit, files=True
    )


def run_tables(
    views: Mapping[str, MergedView],
    statement: str,
    parameters: Parameters | None = None,
    *,
    include_deleted: bool = False,
    memory_limit: str = QUERY_MEMORY,
    files: bool = False,
) -> pa.Table:
    """Run one statement over several tables, as `run_sql` does over one.

    Args:
        views: The views by the names of their tables; no two of the names are the same in another case.
        statement: As `run_sql`.
        parameters: As `run_sql`.
        include_deleted: As `run_sql`.
        memory_limit: As `run_sql`.
        files: Let the statement read other files.

    Raises:
        SqlFailed, UsrError: As `run_sql`.
    """
    tables = [
        _Source(name, f"{_ROWS}_{number}", f"{number}:", view, view.schema(include_deleted=include_deleted))
        for number, (name, view) in enumerate(views.items())
    ]
    with tempfile.TemporaryDirectory(prefix="usr-sql-") as spill:
        connection = open_database(memory_limit=memory_limit, spill=spill, threads=query_threads())
        try:
            connection.execute("set TimeZone = 'UTC'")
            # A greatest value is looked for among the values: statistics of a file may be wrong, and its pages damaged.
            connection.execute("set disabled_optimizers = 'statistics_propagation'")
            if not files:  # after the temporary folder is set, which stays allowed
                allow_files_of(connection, list(views.values()))
                connection.execute("set enable_external_access = false")
            _check_single(connection, statement)
            needed = _needed_columns(connection, statement, parameters, tables)

            def run(
                columns: Sequence[Sequence[str]], relations: Sequence[FileRelation | None] | None = None
            ) -> pa.Table:
                sources = relations or [None] * len(tables)
                return _stoppable(
                    connection,
                    lambda: _run(connection, statement, parameters, tables, columns, sources, include_deleted),
                )

            relations = _file_relations(connection, tables, needed)
            table = None
            if any(relations):
                with suppress(duckdb.Error):
                    table = run(needed, relations)
            try:
                table = run(needed) if table is None else table
            except duckdb.InvalidInputException as error:
                if _NOT_READ not in str(error):
                    raise
                table = run([one.schema.names for one in tables])
        except duckdb.Error as error:
            known = [name for one in tables for name in one.schema.names]
            raise SqlFailed(str(error), table=next(iter(views), None), columns=known) from error
        finally:
            connection.close()
    return _plain(table)


@dataclass(frozen=True, slots=True)
class _Source:
    """One table of a statement: the view it shows, and under which names its rows are known to DuckDB.

    The columns of the rows have a prefix, so that those of two tables can be told apart in a plan.
    """

    name: str
    rows: str
    prefix: str
    view: MergedView
    schema: pa.Schema

    def probe(self) -> pa.Table:
        """Return the table without rows; a scan that needs rows only takes the first column: let it be a short one."""
        schema = duckdb_schema(self.schema)
        order = sorted(schema.names, key=lambda name: (name != "length", schema.get_field_index(name)))
        nulls = [pa.nulls(0, schema.field(name).type) for name in order]
        return pa.table(nulls, [self.prefix + name for name in order])

    def create_view(self, connection: duckdb.DuckDBPyConnection, present: frozenset[str]) -> None:
        """Make the table of all columns out of those that are there; the others fail when they are looked at."""
        types = {}
        if not present >= set(self.schema.names):
            register_source(connection, "_usr_types", pa.Table.from_batches([], duckdb_schema(self.schema)))
            types = {row[0]: row[1] for row in connection.execute("describe _usr_types").fetchall()}
            connection.unregister("_usr_types")
        cells = [
            (quoted(self.prefix + name) if name in present else f"error('{_NOT_READ}')::{types[name]}")
            + f" as {quoted(name)}"
            for name in self.schema.names
        ]
        connection.execute(f"create view {quoted(self.name)} as select {', '.join(cells)} from {self.rows}")

    def drop(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take the table and its rows away."""
        connection.execute(f"drop view if exists {quoted(self.name)}")
        connection.execute(f"drop view if exists {self.rows}")  # which `unregister` leaves where files stand behind it
        connection.unregister(self.rows)


def _stoppable(connection: duckdb.DuckDBPyConnection, call: Callable[[], pa.Table]) -> pa.Table:
    """Return what `call` returns, in a thread of its own, so that this one can stop the statement.

    DuckDB looks for signals between the pieces of its work only, and a join may be a single piece that takes hours.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="usr-sql") as pool:
        answer = pool.submit(call)
        try:
            return answer.result()
        finally:
            while not answer.done():  # it may be between two statements, where nothing can be interrupted
                connection.interrupt()
                wait([answer], timeout=0.05)


def _run(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    parameters: Parameters | None,
    tables: Sequence[_Source],
    columns: Sequence[Sequence[str]],
    relations: Sequence[FileRelation | None],
    include_deleted: bool,
) -> pa.Table:
    streams = [_Stream(table, names, include_deleted) for table, names in zip(tables, columns, strict=True)]
    try:
        for table, stream, names, relation in zip(tables, streams, columns, relations, strict=True):
            if relation is None:
                register_source(connection, table.rows, stream)
            else:
                connection.execute(f"create view {table.rows} as from {relation.sql}")
            table.create_view(connection, frozenset(names))
        result: Any = connection.sql(statement, params=_bound(parameters))
        return pa.table({}) if result is None else result.to_arrow_table()
    except duckdb.Error as error:
        failure = next((stream.failure for stream in streams if stream.failure is not None), None)
        if failure is not None:
            raise failure from error
        raise
    finally:
        for table, stream in zip(tables, streams, strict=True):
            stream.close()
            table.drop(connection)


def _file_relations(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[_Source],
    columns: Sequence[Sequence[str]],
) -> list[FileRelation | None]:
    """Return for each table how its columns are read from its files, or None."""
    found: list[FileRelation | None] = []
    for table, names in zip(tables, columns, strict=True):
        relation = file_relation(table.view, names, prefix=table.prefix)
        try:
            found.append(relation if relation is not None and relation.holds(connection) else None)
        except duckdb.Error:
            found.append(None)
    return found


class _Stream:
    """What DuckDB scans: each scan of one statement gets a stream of its own over the same view."""

    def __init__(self, table: _Source, names: Sequence[str], include_deleted: bool) -> None:
        self.failure: UsrError | None = None
        self._view = table.view
        self._names = list(names)
        self._include_deleted = include_deleted
        fields = duckdb_schema(pa.schema([table.schema.field(name) for name in names]))
        self._schema = pa.schema([field.with_name(table.prefix + field.name) for field in fields])
        self._lock = Lock()
        self._open: list[Any] = []

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return pa.RecordBatchReader.from_batches(self._schema, self._batches()).__arrow_c_stream__(requested_schema)

    def close(self) -> None:
        """End what DuckDB did not read to its end."""
        for batches in self._open:
            batches.close()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        batches = self._view.batches(self._names, include_deleted=self._include_deleted)
        self._open.append(batches)
        while True:
            with self._lock:  # the view is for one thread at a time, and DuckDB has several
                try:
                    batch = next(batches, None)
                except UsrError as error:
                    self.failure = error
                    raise
            if batch is None:
                return
            batch = batch.rename_columns(self._schema.names)
            yield batch if batch.schema == self._schema else batch.cast(self._schema)


def _check_single(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    found = connection.extract_statements(statement)
    if len(found) != 1:
        raise SqlFailed(f"one statement is expected, and {len(found)} were given")


def _needed_columns(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: Parameters | None, tables: Sequence[_Source]
) -> list[list[str]]:
    """Return the columns of each table that the statement's plan reads, in the view's order.

    At least one, as a table has rows only through its columns; all where the plan does not tell.
    """
    every = [list(table.schema.names) for table in tables]
    probes = [table.probe() for table in tables]
    found: set[str] = set()
    try:
        for table, probe in zip(tables, probes, strict=True):
            register_source(connection, table.rows, probe)
            table.create_view(connection, frozenset(table.schema.names))
        plan = connection.execute(f"explain (format json) {statement}", _bound(parameters)).fetchall()[0][1]
        for scan in _scans(json.loads(plan)):
            columns = scan["extra_info"]["Projections"]
            found.update([columns] if isinstance(columns, str) else columns)
    except duckdb.ParserException:  # a statement that has no plan: a setting, a description
        return every
    except (LookupError, TypeError, ValueError):
        return every
    finally:
        for table in tables:
            table.drop(connection)
    if not found <= {name for probe in probes for name in probe.column_names}:
        return every
    return [
        [name for name in table.schema.names if table.prefix + name in found]
        or [probe.column_names[0].removeprefix(table.prefix)]
        for table, probe in zip(tables, probes, strict=True)
    ]


def _scans(nodes: Any) -> Iterator[Mapping[str, Any]]:
    for node in nodes if isinstance(nodes, list) else [nodes]:
        if _SCAN in node.get("name", ""):
            yield node
        yield from _scans(node.get("children", []))


def _plain(table: pa.Table) -> pa.Table:
    """Return the result with list children called ``item``, as everywhere else."""
    fields = [pa.field(field.name, plain_type(field.type)) for field in table.schema]
    columns = [
        pa.chunked_array([conform(chunk, field.type) for chunk in column.chunks], field.type)
        for field, column in zip(fields, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _bound(parameters: Parameters | None) -> Any:
    if parameters is None:
        return None
    return dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
