"""Databases of DuckDB that do not reach beyond what they are given, and Arrow values in them.

DuckDB looks the class of a value up in pandas, and imports it for that: 0.4 seconds and 40 MB, once a process. Values
get their names here without it. Where pandas is imported already, nothing is different.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["QUERY_MEMORY", "open_database", "query_threads", "register_source", "unnamed_source"]

QUERY_MEMORY = "1GB"
"""What a question to a dataset takes at most."""

_MOST_THREADS = 4


def open_database(
    path: str = ":memory:", *, memory_limit: str, spill: str = "", threads: int | None = None, files: bool = True
) -> duckdb.DuckDBPyConnection:
    """Return a database that fetches no extension from the network and takes no variable of Python for a table.

    Args:
        path: Its file, by default none.
        memory_limit: As DuckDB writes it, such as ``1GB``.
        spill: The folder for what does not fit. Without one that is an error; else DuckDB would use the current one.
        threads: How many; None leaves it to DuckDB.
        files: Whether statements may read files.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": spill,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
    }
    if threads is not None:
        config["threads"] = threads
    database = duckdb.connect(path, config=config)
    if not files:  # the folder for spilling can't be set behind it
        database.execute("set enable_external_access = false")
    return database


def query_threads() -> int:
    """Return how many threads a question to a dataset takes: more do not pay where its rows are merged by one."""
    return min(_MOST_THREADS, os.cpu_count() or 1)


def register_source(connection: duckdb.DuckDBPyConnection, name: str, source: object) -> None:
    """Let `connection` know an Arrow table, or an object with an Arrow stream, as `name`; it is not copied."""
    with _pandas_left_out():
        connection.register(name, source)


def unnamed_source(connection: duckdb.DuckDBPyConnection, source: pa.Table) -> duckdb.DuckDBPyRelation:
    """Return an Arrow table as a relation; it is not copied, and `connection` gets no name for it."""
    with _pandas_left_out():
        return connection.from_arrow(source)


@contextlib.contextmanager
def _pandas_left_out() -> Iterator[None]:
    if "pandas" in sys.modules:
        yield
        return
    finder = _WithoutPandas()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _WithoutPandas:
    """Tells the thread that made it that there is no pandas; other threads may import it meanwhile."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Find nothing, and raise for pandas."""
        if name == "pandas" and get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
