"""Locations of features: what span of the record a location's text is about. The text itself is kept as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

__all__ = ["SIMPLE", "Span", "span_of"]

_TOKEN = re.compile(
    r"(?P<open>[a-z-]*\()|(?P<close>\))|(?P<comma>,)|\.\.[<>]?(?P<behind>\d+)|"  # of one-of(1,3)..9
    r"(?:(?P<other>[A-Za-z][\w.|-]*):)?[<>]?(?P<first>\d+)(?:(?P<between>\.\.|\.|\^)[<>]?(?P<last>\d+))?"
)
SIMPLE = re.compile(r"(complement\()?(\d{1,18})\.\.(\d{1,18})(\))?")
"""How nearly all locations are written; both brackets are there, or none."""
_TOO_LONG = re.compile(r"\d{19}")
"""More digits than a column of 64 bits can hold."""


class Span(NamedTuple):
    """From where to where, counted from 0 and half open; None where the text does not say it.

    Attributes:
        start, end: Of the whole; `start` is greater where a feature of a circular record goes across its origin.
        strand: 1, -1, or 0 where the parts differ.
    """

    start: int | None = None
    end: int | None = None
    strand: int | None = None


def span_of(location: str, *, length: int, circular: bool) -> Span:
    """Return the span of a location; parts in other records do not count.

    Args:
        location: As in a feature table, without blanks.
        length: Letters of the record.
        circular: Whether its end is its beginning.
    """
    simple = SIMPLE.fullmatch(location)
    if simple is not None and bool(simple[1]) == bool(simple[4]):  # nearly all of them
        return Span(start=int(simple[2]) - 1, end=int(simple[3]), strand=-1 if simple[1] else 1)
    try:
        parts = [] if _TOO_LONG.search(location) else list(_parts(location))
    except ValueError:
        return Span()
    if not parts:
        return Span()
    strands = {strand for _, _, strand in parts}
    strand = strands.pop() if len(strands) == 1 else 0
    ordered = parts[::-1] if strand == -1 and parts[0][0] > parts[-1][0] and not _wraps(parts, length) else parts
    if circular and _wraps(ordered, length):
        return Span(start=ordered[0][0], end=ordered[-1][1], strand=strand)
    if circular and len(parts) > 1 and _wraps(parts[::-1], length):
        return Span(start=parts[-1][0], end=parts[0][1], strand=strand)
    return Span(start=min(part[0] for part in parts), end=max(part[1] for part in parts), strand=strand)


def _wraps(parts: list[tuple[int, int, int]], length: int) -> bool:
    """Tell whether the parts ascend but for one step from the record's last letter to its first."""
    steps = [(one, two) for one, two in pairwise(parts) if two[0] < one[0]]
    return len(steps) == 1 and steps[0][0][1] == length and steps[0][1][0] == 0


def _parts(location: str) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and strand of each part that lies in this record, in the order of the text."""
    place, reversals = 0, [False]
    while place < len(location):
        found = _TOKEN.match(location, place)
        if found is None:
            raise ValueError(location)
        place = found.end()
        if found["open"]:
            reversals.append(reversals[-1] != (found["open"] == "complement("))
        elif found["close"]:
            if len(reversals) == 1:
                raise ValueError(location)
            reversals.pop()
        elif found["behind"]:
            yield (int(found["behind"]) - 1, int(found["behind"]), -1 if reversals[-1] else 1)
        elif found["first"] and not found["other"]:
            first = int(found["first"])
            last = int(found["last"] or first)
            strand = -1 if reversals[-1] else 1
            # 12^13 is the place between two letters.
            yield (first, first, strand) if found["between"] == "^" else (first - 1, last, strand)
