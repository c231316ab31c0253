"""How results show themselves: a few lines of text at a prompt, a small table of HTML in a notebook.

What is shown is bounded, whatever there is. HTML names no colour, so that it can be read on a light page and on a dark
one; it loads nothing, and values stand in it as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from itertools import zip_longest
from reprlib import Repr
from typing import Any, ClassVar

from usr_core.errors import visible

__all__ = ["LINE", "Shown", "escape", "html_table", "short_text", "text_table"]

LINE = 100
"""Letters of a line of text."""

_ROWS = 12
_CELL = 60
_CELL_STYLE = "text-align:left;vertical-align:top;padding:0 0.75em 0 0"
_VALUES = Repr()
_VALUES.maxlevel, _VALUES.maxstring, _VALUES.maxother = 3, _CELL, _CELL
_VALUES.maxdict = 6


class Shown:
    """A result, a dataclass, that shows its fields; those that have nothing to tell are left out.

    A field that is a sequence of records is a table below the others.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def _shown(self) -> Mapping[str, object]:
        """Return what is shown, by name."""
        told = ((field, getattr(self, field.name)) for field in fields(self) if field.repr)
        return {field.name: value for field, value in told if not _says_nothing(field, value)}

    def __repr__(self) -> str:
        plain, tables = _split(self._shown())
        parts = [f"{name}={_value(value)}" for name, value in plain.items()]
        line = f"{type(self).__name__}({', '.join(parts)})"
        lines = [line] if len(line) <= LINE else [f"{type(self).__name__}(", *(f"    {part}," for part in parts), ")"]
        for name, rows in tables.items():
            lines += [f"{name}:", *(f"  {text}" for text in text_table(*_cells(rows), total=len(rows)))]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        plain, tables = _split(self._shown())
        shown = [f"<strong>{escape(type(self).__name__)}</strong>"]
        shown.append(html_table([[name, short_text(value)] for name, value in plain.items()]))
        for name, rows in tables.items():
            cells, header = _cells(rows)
            shown.append(f"<div>{escape(name)}</div>{html_table(cells, header, total=len(rows))}")
        return f"<div>{''.join(shown)}</div>"


def short_text(value: object, *, most: int = _CELL) -> str:
    """Return a value on one line of `most` letters; None is empty."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else str(value) if _is_plain(value) else _value(value)
    shown = visible(text[: most + 1], limit=most + 1)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def text_table(
    cells: Sequence[Sequence[str]], header: Sequence[str], *, total: int | None = None, right: Sequence[bool] = ()
) -> list[str]:
    """Return aligned lines; columns that do not fit are left out from the right, and counted.

    Args:
        cells: The first rows.
        header: The names of the columns.
        total: How many rows there are; None where that is told elsewhere.
        right: Which columns are aligned to the right.
    """
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    fitting = 0
    while fitting < len(widths) and sum(widths[: fitting + 1]) + 2 * fitting <= LINE:
        fitting += 1
    fitting = max(fitting, min(1, len(widths)))
    lines = []
    for row in (header, *cells):
        padded = (
            text.rjust(width) if last else text.ljust(width)
            for text, width, last in zip_longest(row[:fitting], widths[:fitting], right[:fitting], fillvalue=False)
            if isinstance(text, str)
        )
        lines.append("  ".join(padded).rstrip())
    more = [] if total is None or total <= len(cells) else [f"{total - len(cells):,} more rows"]
    if fitting < len(header):
        more.append(f"columns not shown: {short_text(', '.join(header[fitting:]))}")
    return [*lines, *([f"… {'; '.join(more)}"] if more else [])]


def html_table(cells: Sequence[Sequence[str]], header: Sequence[str] = (), *, total: int | None = None) -> str:
    """Return a table of HTML; every cell is text."""
    rows = [f"<tr>{''.join(_cell('th', name) for name in header)}</tr>"] if header else []
    rows += [f"<tr>{''.join(_cell('td', text) for text in row)}</tr>" for row in cells]
    more = f"<div>… {total - len(cells):,} more rows</div>" if total is not None and total > len(cells) else ""
    return f'<table style="border-collapse:collapse">{"".join(rows)}</table>{more}'


def escape(text: str) -> str:
    """Return a text as HTML that shows it."""
    from html import escape as escaped  # its names of letters cost 2 ms, and every command imports this module

    return escaped(text)


def _cell(tag: str, text: str) -> str:
    return f'<{tag} style="{_CELL_STYLE}">{escape(text)}</{tag}>'


def _says_nothing(field: Field[Any], value: object) -> bool:
    if value is None or (isinstance(value, (str, Sequence, Mapping)) and not value):
        return True
    return field.default is not MISSING and type(value) is type(field.default) and value == field.default


def _split(shown: Mapping[str, object]) -> tuple[dict[str, object], dict[str, Sequence[object]]]:
    tables = {
        name: value
        for name, value in shown.items()
        if isinstance(value, (list, tuple)) and value and all(map(_is_record, value))
    }
    return {name: value for name, value in shown.items() if name not in tables}, dict(tables)


def _is_record(value: object) -> bool:
    return isinstance(value, Mapping) or (is_dataclass(value) and not isinstance(value, type))


def _is_plain(value: object) -> bool:
    """Tell whether a value's own text says it, as that of numbers, times and paths does."""
    return not isinstance(value, (bytes, Mapping, list, tuple, set, frozenset)) and not _is_record(value)


def _cells(rows: Sequence[object]) -> tuple[list[list[str]], list[str]]:
    """Return the first records of a table as cells, and their header."""
    records = [_record(row) for row in rows[:_ROWS]]
    header = list(dict.fromkeys(name for record in records for name in record))
    return [[short_text(record.get(name)) for name in header] for record in records], header


def _record(value: Any) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {one.name: getattr(value, one.name) for one in fields(value)}


def _value(value: object) -> str:
    if isinstance(value, Mapping) and {"action", "seq"} <= value.keys():
        return f"<{value['action']}, {value['seq']}>"
    return f"<{type(value).__name__}>" if _is_record(value) and not isinstance(value, Mapping) else _VALUES.repr(value)
