"""Where a motif stands in many sequences at once.

Sequences lie in memory one behind the other, and a motif is compared with all of them as one long text: each letter is
one comparison of two arrays. After a few letters hardly any place is left, and only these are looked at further. What
reaches from one sequence into the next is left out at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import text_scalar
from usr_core.store.questions.motif import FOLD, Spacing, other_strand

__all__ = ["Letters", "Sites", "find_sites", "site_texts"]

_PIECE = 1 << 17
"""Places that are compared at once: what is made of them stays in the processor's cache."""

_LEAST_PIECE = 1 << 14
_EVERYWHERE = (5, 8, 10, 12)
"""How many letters are compared everywhere, by mismatches: among four letters, one place in a thousand is left."""


@dataclass(frozen=True, slots=True)
class Letters:
    """Sequences, one behind the other.

    Attributes:
        text: The bytes of all of them.
        begins: Where each begins in it, and at the end where the last one ends.
        lengths: How many letters each has; a circular one has more of `text`.
    """

    text: npt.NDArray[np.uint8]
    begins: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sequences: pa.StringArray) -> Self:
        """Return the letters of an array of text, which are not copied; a null has none."""
        if sequences.null_count:
            sequences = sequences.fill_null(text_scalar(""))
        bounds = np.frombuffer(sequences.buffers()[1], np.int32, len(sequences) + 1, 4 * sequences.offset)
        text = np.frombuffer(sequences.buffers()[2] or b"", np.uint8)[bounds[0] : bounds[-1]]
        begins = bounds.astype(np.int64) - int(bounds[0])
        return cls(text, begins, np.diff(begins))

    def closed(self, circular: npt.NDArray[np.bool_], width: int) -> Self:
        """Return them with the beginning of each circular one once more at its end: hits of `width` may go on there."""
        texts, ends = [self.text[:0]], [0]
        for row, (begin, end) in enumerate(zip(self.begins[:-1].tolist(), self.begins[1:].tolist(), strict=True)):
            texts.append(self.text[begin:end])
            if circular[row]:
                texts.append(self.text[begin : min(end, begin + width - 1)])
            ends.append(ends[-1] + len(texts[-1]) + (end - begin if circular[row] else 0))
        return type(self)(np.concatenate(texts), np.array(ends, np.int64), self.lengths)


@dataclass(frozen=True, slots=True)
class Sites:
    """Hits, in ascending order of row, start and end, a ``+`` before its ``-``.

    Attributes:
        rows: In which sequence.
        starts: The first letter of each, from 0; on both strands counted on the sequence as it is.
        widths: How many letters.
        minus: Whether it is the reverse complement that matches.
        mismatches: How many fixed letters differ; of several ways to fit into the same place, the best one counts.
    """

    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int64]
    minus: npt.NDArray[np.bool_]
    mismatches: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> Self:
        return type(self)(
            self.rows[rows], self.starts[rows], self.widths[rows], self.minus[rows], self.mismatches[rows]
        )


def find_sites(letters: Letters, wanted: Sequence[Spacing], *, mismatches: int = 0) -> Iterator[Sites]:
    """Yield every place where one of `wanted` stands, overlapping ones too; no yield is empty.

    Memory does not grow with the letters, nor with the hits.
    """
    widest = max(one.width for one in wanted)
    repeated = max(Counter((one.strand, one.width) for one in wanted).values()) > 1
    step = max(8 * _PIECE // max(8, len(wanted)), 2 * widest, _LEAST_PIECE)
    plans = [_Plan.of(one, mismatches) for one in wanted]
    codes = {
        letter: np.flatnonzero(table).astype(np.uint8)
        for one in wanted
        for letter, table in zip(one.letters, one.accepted, strict=True)
    }
    for first in range(0, len(letters.text), step):
        piece = letters.text[first : first + step + widest - 1] & np.uint8(FOLD)
        differs = _comparisons(piece, codes)
        found = []
        for plan in plans:
            places, counts = plan.places(differs, min(step, len(piece) - plan.wanted.width + 1), mismatches)
            if len(places):
                found.append(_inside(letters, places + first, plan.wanted, counts))
        if found and (sites := _ordered(found, repeated)):
            yield sites


def site_texts(letters: Letters, sites: Sites, bio_type: str) -> pa.StringArray:
    """Return the letters of each hit as they are read on its strand; all together take less than 2 GiB."""
    ends = np.cumsum(sites.widths)
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sites.widths, sites.widths)
    first = letters.begins[sites.rows] + sites.starts
    backwards = np.repeat(sites.minus, sites.widths)
    last = np.repeat(first + sites.widths - 1, sites.widths)
    text = letters.text[np.where(backwards, last - inside, np.repeat(first, sites.widths) + inside)]
    text = np.where(backwards, other_strand(bio_type)[text], text)
    bounds = np.append(0, ends).astype(np.int32)
    return pa.Array.from_buffers(pa.string(), len(sites), [None, pa.py_buffer(bounds), pa.py_buffer(text)])


_Comparison = Callable[[str], npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """In which order the letters of a motif are compared: the choosiest first, the first `everywhere` at each place."""

    wanted: Spacing
    steps: tuple[tuple[str, int], ...]
    everywhere: int

    @classmethod
    def of(cls, wanted: Spacing, mismatches: int) -> Self:
        order = sorted(range(len(wanted.places)), key=lambda one: int(wanted.accepted[one].sum()))
        return cls(wanted, tuple((wanted.letters[one], wanted.places[one]) for one in order), _EVERYWHERE[mismatches])

    def places(
        self, differs: _Comparison, count: int, mismatches: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
        """Return where it fits among the first `count` places, and the mismatches; it may reach beyond a sequence."""
        if count <= 0:
            return np.empty(0, np.int64), np.empty(0, np.int8)
        combine, kind = (np.add, np.int8) if mismatches else (np.logical_or, np.bool_)
        letter, first = self.steps[0]
        tally: npt.NDArray[Any] = differs(letter)[first : first + count].view(kind).copy()
        for letter, place in self.steps[1 : self.everywhere]:
            # With a mismatch they are counted: 0 and 1 as bytes.
            combine(tally, differs(letter)[place : place + count].view(tally.dtype), out=tally)
        places = np.flatnonzero(tally <= mismatches if mismatches else ~tally)
        counts = tally[places].view(np.int8)
        for letter, place in self.steps[self.everywhere :]:
            if not len(places):
                break
            counts += differs(letter)[places + place]
            kept = counts <= mismatches
            places, counts = places[kept], counts[kept]
        return places, counts


def _comparisons(piece: npt.NDArray[np.uint8], codes: Mapping[str, npt.NDArray[np.uint8]]) -> _Comparison:
    """Return a function that says where in the piece a letter of a motif does not match; each is compared once."""

    @cache
    def differs(letter: str) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = piece != codes[letter][0]
        for code in codes[letter][1:]:
            found &= piece != code
        return found

    return differs


def _inside(letters: Letters, places: npt.NDArray[np.int64], one: Spacing, counts: npt.NDArray[np.int8]) -> Sites:
    """Return the places that begin and end in the same sequence."""
    rows = np.searchsorted(letters.begins, places, side="right") - 1
    starts = places - letters.begins[rows]
    kept = (places + one.width <= letters.begins[rows + 1]) & (starts < letters.lengths[rows])
    kept &= one.width <= letters.lengths[rows]
    rows, starts, counts = rows[kept], starts[kept], counts[kept]
    return Sites(rows, starts, np.full(len(rows), one.width, np.int64), np.full(len(rows), one.strand == "-"), counts)


def _ordered(found: list[Sites], repeated: bool) -> Sites:
    """Return all of them in order; where several are of the same place and strand, the one that fits best."""
    sites = Sites(
        *(
            np.concatenate([getattr(one, name) for one in found])
            for name in ("rows", "starts", "widths", "minus", "mismatches")
        )
    )
    if len(found) == 1:
        return sites
    sites = sites[np.lexsort((sites.mismatches, sites.minus, sites.widths, sites.starts, sites.rows))]
    if not repeated or not len(sites):
        return sites
    same = np.ones(len(sites), np.bool_)
    same[0] = False
    for values in (sites.rows, sites.starts, sites.widths, sites.minus):
        same[1:] &= values[1:] == values[:-1]
    return sites[np.flatnonzero(~same)]
