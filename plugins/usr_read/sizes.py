"""Bytes for people."""

from __future__ import annotations

__all__ = ["size_text"]


def size_text(size: int) -> str:
    """Return bytes with at most four letters of number and a unit: ``812 B``, ``1.2 MB`` (a MB is a million)."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{size} B" if unit == "B" else f"{amount:.{1 if amount < 99.95 else 0}f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"
