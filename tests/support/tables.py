"""Small input files, written as people write them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["read_csv", "write_csv"]


def write_csv(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV file and return its path; None is an unquoted empty cell."""
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows(rows)
    return file


def read_csv(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file as mappings of texts."""
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))
