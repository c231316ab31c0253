"""Matching records, printed as they are found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from usr_core.api.commands import Format, cell_text, emit_json, emit_text, json_column, note, resolve_format

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["emit_matches"]

_ID_WIDTH = 40


def emit_matches(found: Iterator[pa.RecordBatch], column: str, fmt: Format, *, quiet: bool) -> None:
    """Print records with their id and the column that matched: in JSON a list of objects, else a line each.

    Lines come as soon as there is something to print; ids are of one width, so they are a table all the same.
    """
    as_json = resolve_format(fmt) is Format.JSON
    names = list(dict.fromkeys(["id", column]))
    listed: list[dict[str, object]] = []
    count = 0
    for batch in found:
        rows = list(zip(*(json_column(values) for values in batch.columns), strict=True))
        if as_json:
            listed += [dict(zip(names, row, strict=True)) for row in rows]
            continue
        if not count:
            emit_text(_line(tuple(names)))
        emit_text("\n".join(map(_line, rows)))
        count += len(rows)
    if as_json:
        emit_json(listed)
    elif not count and not quiet:
        note("no record matches")


def _line(cells: tuple[object, ...]) -> str:
    first, *rest = map(cell_text, cells)
    return "  ".join([first.ljust(_ID_WIDTH), *rest]).rstrip()
