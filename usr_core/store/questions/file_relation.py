"""Columns of a view as DuckDB reads them from the files themselves: no batch is made in Python, and nothing is merged.

That is possible where the columns stand in the base's order in each of their files (`usr_core.store.view.aligned`);
a positional join puts the files side by side. DuckDB opens the descriptors that the view holds, so that it reads the
very files of the view, whatever has their names by now. What it gives is what the merged view gives, or an error:
whoever uses this takes the merged view then, which knows what to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from usr_core.store.base.parquet import OpenParquet
from usr_core.store.view.aligned import AlignedColumn
from usr_core.store.view.merged_view import MergedView

__all__ = ["FileRelation", "allow_files_of", "file_relation", "quoted"]

_DESCRIPTORS = Path("/proc/self/fd")
_MOST_FILES = 16
_SAME_IN_DUCKDB = frozenset(
    [
        pa.string(),
        pa.bool_(),
        pa.date32(),
        pa.timestamp("us", "UTC"),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float32(), pa.float64()),
    ]
)
"""Types of which DuckDB reads from a file what it is given by Arrow."""


@dataclass(frozen=True, slots=True)
class FileRelation:
    """What stands behind ``from`` in a statement, and the schema that it must turn out to have."""

    sql: str
    schema: pa.Schema

    def holds(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Tell whether DuckDB finds the types in the files that Arrow finds there.

        Raises:
            duckdb.Error: It can't read the files.
        """
        found = connection.sql(f"from {self.sql} limit 0").to_arrow_table().schema
        return list(zip(found.names, found.types, strict=True)) == list(
            zip(self.schema.names, self.schema.types, strict=True)
        )


def allow_files_of(connection: duckdb.DuckDBPyConnection, views: Sequence[MergedView]) -> None:
    """Let a connection that will be shut off from files read those of `views`, and no others.

    To be called before ``enable_external_access`` is taken away.
    """
    files = [view.source for view in views]
    files += [part.source for view in views for one in view.overlays.values() for part in one.parts]
    if len(files) <= _MOST_FILES and _DESCRIPTORS.is_dir():
        connection.execute(f"set allowed_paths = [{', '.join(map(_place, files))}]")


def file_relation(view: MergedView, columns: Sequence[str], *, prefix: str = "") -> FileRelation | None:
    """Return how to read `columns` from the files; None where that might not give what the merged view gives.

    Args:
        view: It must stay open as long as the relation is used.
        columns: At least one.
        prefix: Stands before the names of the columns.
    """
    if view.source.cut_from is not None:
        return None  # DuckDB goes by the footer in the file
    if not columns or not _DESCRIPTORS.is_dir() or _differ_in_case_only(columns):
        return None
    if any(field.type not in _SAME_IN_DUCKDB for field in view.schema(columns)):
        return None
    found = view.aligned(columns)
    if found is None:
        return None
    files = {file.handle.fileno(): file for column in found for file in column.files}
    if len(files) > _MOST_FILES or any(_differ_in_case_only(file.schema.names) for file in files.values()):
        return None
    names = {number: f"f{at}" for at, number in enumerate(files)}
    # Statistics leave NaN out, which is greater than any number to DuckDB.
    sources = [f"read_parquet({_place(file)}, can_have_nan = true) {names[at]}" for at, file in files.items()]
    cells = [f"{_value(column, names)} as {quoted(prefix + column.field.name)}" for column in found]
    sql = f"(select {', '.join(cells)} from {' positional join '.join(sources)})"
    return FileRelation(sql, pa.schema([column.field.with_name(prefix + column.field.name) for column in found]))


def quoted(name: str) -> str:
    """Return a name as it stands in a statement."""
    return '"' + name.replace('"', '""') + '"'


def _value(column: AlignedColumn, names: dict[int, str]) -> str:
    cells = [f"{names[file.handle.fileno()]}.{quoted(column.field.name)}" for file in column.files]
    return cells[0] if len(cells) == 1 else f"coalesce({', '.join(cells)})"


def _place(file: OpenParquet) -> str:
    return f"'{_DESCRIPTORS}/{file.handle.fileno()}'"


def _differ_in_case_only(names: Sequence[str]) -> bool:
    """DuckDB takes such names for the same."""
    return len({name.lower() for name in names}) < len(names)
