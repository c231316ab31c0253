"""Tables and records laid out for a terminal: no word and no number is broken.

A table that is too wide wraps its texts between words. If that is not enough, columns are left out from the right and
counted; if fewer than half of them would be left, each row becomes a block with a line for each column. A single word
that is longer than a line, such as a sequence, stays whole: the terminal wraps it, and it can be copied.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["display_width", "fitted_table", "padded", "record_block", "wrapped"]

_GAP = 2

_FEWEST_COLUMNS = 2

# Behind a blank or a comma, but inside no number (1,234), no size (1.2 MB) and no time (2026-11-20 08:05).
_BETWEEN_WORDS = re.compile(r"(?<=[ ,])(?![ ,\d])(?![kMGT]?B\b)|(?<= )(?=\d)(?!\d\d:\d\d)")


def fitted_table(
    cells: Sequence[Sequence[str]], columns: Sequence[str], numeric: Sequence[bool], *, width: int
) -> list[str]:
    """Return the lines of a table, or of records where the table does not fit."""
    natural = [max(map(display_width, texts)) for texts in zip(columns, *cells, strict=True)]
    # A heading is one word to the layout: with a line of its own for each of its words it would be hard to read.
    least = [
        max([display_width(heading), *map(_longest_word, texts)])
        for heading, *texts in zip(columns, *cells, strict=True)
    ]
    shown = _how_many_fit(least, width)
    if shown < len(columns) and (shown < _FEWEST_COLUMNS or shown * 2 < len(columns)):
        return _records(cells, columns, width)
    widths = _shared(natural[:shown], least[:shown], width)
    lines = [_joined(columns[:shown], widths, numeric), "  ".join("─" * one for one in widths)]
    for row in cells:
        lines += _row(row[:shown], widths, numeric)
    if left := len(columns) - shown:
        what = "1 more column" if left == 1 else f"{left} more columns"
        lines += wrapped(f"{what}, not shown: {', '.join(columns[shown:])}", width)
    return lines


def record_block(pairs: Sequence[tuple[str, str]], *, width: int, indent: str = "") -> list[str]:
    """Return a line for each name and text; a text that is too long goes on below its beginning, between words."""
    start = max((display_width(name) for name, _ in pairs), default=0)
    lines = []
    for name, text in pairs:
        first, *more = wrapped(text, width - len(indent) - start - _GAP)
        lines.append(f"{indent}{padded(name, start)}  {first}".rstrip())
        lines += [f"{indent}{' ' * start}  {line}".rstrip() for line in more]
    return lines


def wrapped(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width`, broken between words only; at least one line."""
    if display_width(text) <= width:
        return [text.rstrip()]
    lines = [""]
    for word in _words(text):
        if lines[-1] and display_width(lines[-1]) + display_width(word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` with blanks up to `width`, before it where it is to stand at the right."""
    blanks = " " * (width - display_width(text))
    return blanks + text if right else text + blanks


def display_width(text: str) -> int:
    """Return how many columns of a terminal `text` takes; a letter of East Asia takes two, a combining mark none."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def _words(text: str) -> list[str]:
    """Return what a line may be broken between: words with the blanks behind them, names with their comma."""
    return [word for word in _BETWEEN_WORDS.split(text) if word]


def _longest_word(text: str) -> int:
    return max((display_width(word.rstrip()) for word in _words(text)), default=0)


def _how_many_fit(least: Sequence[int], width: int) -> int:
    taken = -_GAP
    for count, one in enumerate(least):
        taken += one + _GAP
        if taken > width:
            return count
    return len(least)


def _shared(natural: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """Return the width of each column: its own, or less than that of the widest ones, and never less than a word."""
    room = width - _GAP * (len(natural) - 1)
    widest = min(max(natural, default=0), room)
    while widest > 0:
        widths = [min(own, max(word, widest)) for own, word in zip(natural, least, strict=True)]
        if sum(widths) <= room:
            return widths
        widest -= 1
    return list(least)


def _row(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> list[str]:
    columns = [wrapped(text, width) for text, width in zip(cells, widths, strict=True)]
    height = max(map(len, columns), default=0)
    return [
        _joined([lines[at] if at < len(lines) else "" for lines in columns], widths, numeric) for at in range(height)
    ]


def _joined(texts: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    return "  ".join(
        padded(text, width, right=right) for text, width, right in zip(texts, widths, numeric, strict=False)
    ).rstrip()


def _records(cells: Sequence[Sequence[str]], columns: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for number, row in enumerate(cells, 1):
        lines.append(f"record {number}")
        lines += record_block(list(zip(columns, row, strict=True)), width=width)
    return lines
