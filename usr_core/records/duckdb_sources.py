"""Giving Arrow values a name in DuckDB without importing pandas, which DuckDB would look the value's class up in.

That import takes 0.4 seconds and 40 MB, once a process. Where pandas is imported already, nothing is different.
"""

from __future__ import annotations

import importlib.abc
import sys
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["register_source"]


def register_source(connection: duckdb.DuckDBPyConnection, name: str, source: object) -> None:
    """Let `connection` know an Arrow table, or an object with an Arrow stream, as `name`; it is not copied."""
    if "pandas" in sys.modules:
        connection.register(name, source)
        return
    finder = _WithoutPandas()
    sys.meta_path.insert(0, finder)
    try:
        connection.register(name, source)
    finally:
        sys.meta_path.remove(finder)


class _WithoutPandas(importlib.abc.MetaPathFinder):
    """Tells the thread that made it that there is no pandas; other threads may import it meanwhile."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Find nothing, and raise for pandas."""
        if name == "pandas" and get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
