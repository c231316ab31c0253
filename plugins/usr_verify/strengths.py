"""How strong the built-in strategies are: what `auto` orders them by."""

from __future__ import annotations

__all__ = ["STRENGTHS"]

STRENGTHS = {"hash": 30, "parquet": 20, "size": 10}
