"""Sequences as coloured letters, and a motif marked in them, in HTML; every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

__all__ = ["STYLE", "coloured", "marked"]

_CLASSES = {"A": "a", "C": "c", "G": "g", "T": "t", "U": "t"}
_GROUPS = {"a": "AVLIMC", "c": "DE", "g": "STNQG", "t": "KRH"}
_PROTEIN = {letter: name for name, letters in _GROUPS.items() for letter in letters}
_COLOURS = {"a": "#2e8b57", "c": "#3b6fd4", "g": "#b7791f", "t": "#d1495b"}
_PER_LINE = 60

STYLE = """
.usr-seq{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.usr-seq i{font-style:normal}
.usr-seq i.a{color:#1d7a47}.usr-seq i.c{color:#2f5fc4}.usr-seq i.g{color:#9a6412}.usr-seq i.t{color:#c23a4d}
.dark .usr-seq i.a{color:#6fd39b}.dark .usr-seq i.c{color:#8fb3ff}.dark .usr-seq i.g{color:#f0b95e}
.dark .usr-seq i.t{color:#ff8d9b}
.usr-seq mark{background:#ffe58a;border-bottom:2px solid #b38600;color:inherit;padding:0}
.usr-seq mark.minus{background:#cfe0ff;border-bottom-color:#2f5fc4}
.dark .usr-seq mark{background:#5a4a00;border-bottom-color:#ffd54a}
.dark .usr-seq mark.minus{background:#1e3563;border-bottom-color:#8fb3ff}
.usr-seq .pos{color:#8a94a6;user-select:none}
"""


def coloured(sequence: str, bio_type: str, *, most: int = 40) -> str:
    """Return the first `most` letters in colour, styled in place: for a table's cells, which no style sheet reaches."""
    shown = sequence[:most]
    parts = [
        f'<span style="color:{_COLOURS[name]}">{text}</span>' if name else text for name, text in _runs(shown, bio_type)
    ]
    more = f"… {len(sequence):,}" if len(sequence) > most else ""
    return f'<span style="font-family:monospace">{"".join(parts)}{more}</span>'


def marked(sequence: str, bio_type: str, spans: Sequence[tuple[int, int, str]] = (), *, most: int = 20_000) -> str:
    """Return a whole sequence in lines of 60 letters with positions, hits of a motif marked by their strand."""
    shown = sequence[:most]
    strands = [""] * len(shown)
    for start, end, strand in reversed(spans):  # where two overlap, the first is seen
        for place in range(start, min(end, len(shown))):
            strands[place] = strand
    lines = []
    width = len(f"{len(shown):,}")
    for start in range(0, len(shown), _PER_LINE):
        text = ""
        place = start
        for strand, group in groupby(strands[start : start + _PER_LINE]):
            length = len(list(group))
            letters = "".join(
                f'<i class="{name}">{run}</i>' if name else run
                for name, run in _runs(shown[place : place + length], bio_type)
            )
            text += letters if not strand else f"<mark{' class=minus' if strand == '-' else ''}>{letters}</mark>"
            place += length
        lines.append(f'<span class="pos">{start + 1:>{width},}  </span>{text}')
    if len(sequence) > most:
        lines.append(f'<span class="pos">… {len(sequence):,} letters in all</span>')
    return '<div class="usr-seq">' + "\n".join(lines) + "</div>"


def _runs(text: str, bio_type: str) -> list[tuple[str, str]]:
    classes = _PROTEIN if bio_type == "protein" else _CLASSES
    return [
        (name, escape("".join(letters)))
        for name, letters in groupby(text, key=lambda letter: classes.get(letter.upper(), ""))
    ]
