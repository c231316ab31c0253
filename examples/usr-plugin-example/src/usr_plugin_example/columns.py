"""The columns of the namespace `example`."""

from __future__ import annotations

__all__ = ["COLUMNS"]

COLUMNS = (
    ("example__motif", "string"),
    ("example__hits", "int64"),
    ("example__positions", "list<int64>"),
)
"""Full names and registry types."""
