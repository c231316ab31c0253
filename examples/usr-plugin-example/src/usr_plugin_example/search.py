"""Looking for a motif in a dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from usr_plugin_example.errors import BadMotif

if TYPE_CHECKING:
    from usr_core.api import Dataset

__all__ = ["best_hits", "find_motif"]


def find_motif(dataset: Dataset, motif: str) -> Iterator[tuple[str, str, list[int]]]:
    """Yield id, motif and positions (from 0, overlapping hits too) of every record, in the base's order.

    Raises:
        BadMotif: The motif is not made of letters.
    """
    if not motif.isalpha() or not motif.isascii():
        raise BadMotif(motif=motif)
    pattern = re.compile(f"(?={motif})", re.IGNORECASE)
    with dataset.scan(columns=["id", "sequence"]) as reader:
        for batch in reader:
            for row in batch.to_pylist():
                yield row["id"], motif.upper(), [found.start() for found in pattern.finditer(row["sequence"])]


def best_hits(dataset: Dataset, limit: int) -> list[dict[str, object]]:
    """Return the records with the most hits, the most first, then by id."""
    columns = ["id", "example__motif", "example__hits"]
    rows = dataset.to_arrow(columns=columns, where=[("example__hits", ">", 0)]).to_pylist()
    return sorted(rows, key=lambda row: (-row["example__hits"], row["id"]))[:limit]
