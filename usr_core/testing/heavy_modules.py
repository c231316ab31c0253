"""Packages that no plugin's hook module may import: each costs every command that asks for any plugin of that kind."""

from __future__ import annotations

__all__ = ["HEAVY_MODULES"]

HEAVY_MODULES = frozenset(
    {"duckdb", "matplotlib", "numpy", "pandas", "polars", "pyarrow", "pydantic", "requests", "rich", "scipy", "sklearn"}
    | {"tensorflow", "torch", "yaml"}
)
"""By their import names; importing one takes tens of milliseconds and more."""
