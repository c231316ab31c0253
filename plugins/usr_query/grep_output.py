"""Matching records, printed as they are found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from usr_core.api.commands import Format, cell_text, emit_json, emit_text, json_column, note, resolve_format

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["emit_hits", "emit_matches"]

_WIDTHS = {"id": 40, "start": 9, "end": 9, "strand": 6, "mismatches": 10}
"""Of columns behind which something stands; lines are printed before the widths of later cells are known."""


def emit_matches(found: Iterator[pa.RecordBatch], column: str, fmt: Format, *, quiet: bool) -> None:
    """Print records with their id and the column that matched: in JSON a list of objects, else a line each.

    Lines come as soon as there is something to print; ids are of one width, so they are a table all the same.
    """
    _emit(found, list(dict.fromkeys(["id", column])), fmt, nothing=None if quiet else "no record matches")


def emit_hits(found: pa.RecordBatchReader, fmt: Format, *, quiet: bool) -> None:
    """Print the hits of a motif, as `emit_matches` prints records."""
    _emit(found, found.schema.names, fmt, nothing=None if quiet else "no record has the motif")


def _emit(found: Iterable[pa.RecordBatch], names: list[str], fmt: Format, *, nothing: str | None) -> None:
    as_json = resolve_format(fmt) is Format.JSON
    listed: list[dict[str, object]] = []
    count = 0
    for batch in found:
        rows = list(zip(*(json_column(values) for values in batch.columns), strict=True))
        if as_json:
            listed += [dict(zip(names, row, strict=True)) for row in rows]
            continue
        if not count:
            emit_text(_line(names, tuple(names)))
        emit_text("\n".join(_line(names, row) for row in rows))
        count += len(rows)
    if as_json:
        emit_json(listed)
    elif not count and nothing is not None:
        note(nothing)


def _line(names: list[str], cells: tuple[object, ...]) -> str:
    *before, last = map(cell_text, cells)
    return "  ".join([*(cell.ljust(_WIDTHS[name]) for name, cell in zip(names, before, strict=False)), last]).rstrip()
