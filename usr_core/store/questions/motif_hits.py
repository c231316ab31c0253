"""The hits of a motif in the records of a view, in the base's order, found while streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import fixed_array, text_array
from usr_core.store.ids.row_numbers import row_numbers, true_rows
from usr_core.store.questions.motif import Spacing, parse_motif, spacings
from usr_core.store.questions.motif_sites import Letters, Sites, find_sites, site_texts
from usr_core.store.questions.row_filter import Where
from usr_core.store.questions.scan import first_rows, select_rows
from usr_core.store.view.merged_view import MergedView

__all__ = ["HITS", "find_motif", "motif_records", "motif_spans"]

HITS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("strand", pa.string(), nullable=False),
        pa.field("mismatches", pa.int8(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
    ]
)
"""One row a hit: ``start`` is its first letter, from 0, and ``end`` the one behind it, on the sequence as it is."""

_ROWS = 8_192
_LETTERS = 1 << 22
_TOPOLOGY = "__topology"


def find_motif(
    view: MergedView,
    motif: str,
    *,
    mismatches: int = 0,
    both_strands: bool | None = None,
    circular: bool | None = None,
    limit: int = 0,
    where: Where | None = None,
    include_deleted: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the hits of a motif, overlapping ones too, see `HITS`; by record, then start, end and strand.

    Args:
        view: The dataset.
        motif: See `usr_core.store.questions.motif`.
        mismatches: How many letters that are not gaps may differ, up to 3.
        both_strands: Look for the reverse complement too; None where there is another strand.
        circular: Whether sequences are closed, so that a hit may reach beyond the last letter, and its end may be more
            than the length; None where a text column ``…__topology`` of the record says ``circular``.
        limit: Stop after so many hits; 0 is all.
        where: Look only at records that meet it, see `row_filter`.
        include_deleted: Look at deleted records too.
        progress: Called with the number of rows searched since its last call.

    Raises:
        MotifInvalid, MotifMismatches: The motif can't be looked for; raised at the call where no record is needed.
        MotifStrands: `both_strands` is set, and a record is a protein.
        ConditionInvalid, FilterInvalid, PatternInvalid, UnknownColumn: `where` can't be used; raised at the call.

    Memory grows neither with the rows nor with the hits.
    """
    known = view.schema(include_deleted=True)
    closing = [field.name for field in known if field.name.endswith(_TOPOLOGY) and pa.types.is_string(field.type)]
    search = _Search(motif, mismatches, both_strands, closing if circular is None else [], bool(circular))
    schema = view.schema(["id", "sequence", "bio_type", *search.topologies])
    batches = partial(view.batches, include_deleted=include_deleted, progress=progress)
    asked = None if include_deleted else view
    chosen = select_rows(batches, schema, known, where, view=asked, progress=progress)
    first = next(chosen, None)
    if first is not None:
        search.check(first)
        chosen = chain([first], chosen)
    return first_rows(chain.from_iterable(map(search.hits, chosen)), limit or None)


def motif_records(
    sequences: pa.StringArray, motif: str, bio_type: str, *, mismatches: int = 0
) -> npt.NDArray[np.bool_]:
    """Return which of many sequences of one bio type have a motif, on any strand that there is; none is circular.

    Raises:
        MotifInvalid, MotifMismatches: The motif can't be looked for in them.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.records import motif_records
        >>> motif_records(pa.array(["GGAATTTT", "GATTACA", "AAAATTCC"]), "GGAATT", "dna").tolist()
        [True, False, True]
    """
    wanted = spacings(motif, bio_type, mismatches=mismatches)
    found = np.zeros(len(sequences), np.bool_)
    for sites in find_sites(Letters.of(sequences), wanted, mismatches=mismatches):
        found[sites.rows] = True
    return found


def motif_spans(sequence: str, motif: str, bio_type: str, *, mismatches: int = 0) -> list[tuple[int, int, str]]:
    """Return start, end and strand of each hit of a motif in one sequence, in this order; it is not circular.

    Raises:
        MotifInvalid, MotifMismatches: The motif can't be looked for in it.

    Example:
        >>> from usr_core.api.records import motif_spans
        >>> motif_spans("CCGGAATTTTTAGTCC", "GGAAN{2,3}T", "dna")
        [(2, 9, '+'), (2, 10, '+')]
    """
    wanted = spacings(motif, bio_type, mismatches=mismatches)
    found: list[tuple[int, int, str]] = []
    for sites in find_sites(Letters.of(text_array([sequence])), wanted, mismatches=mismatches):
        ends = (sites.starts + sites.widths).tolist()
        strands = ("-" if minus else "+" for minus in sites.minus)
        found += zip(sites.starts.tolist(), ends, strands, strict=True)
    return found


class _Search:
    def __init__(
        self, motif: str, mismatches: int, both_strands: bool | None, topologies: list[str], circular: bool
    ) -> None:
        self.topologies = topologies
        self._mismatches = mismatches
        self._circular = circular
        self._spacings: Callable[[str], list[Spacing]] = cache(
            partial(spacings, motif, mismatches=mismatches, both_strands=both_strands)
        )
        known = parse_motif(motif)
        if "dna" in known or not both_strands:
            self._spacings(next(iter(known)))

    def check(self, batch: pa.RecordBatch) -> None:
        """Raise where the motif can't be looked for in one of the records."""
        for bio_type in batch.column("bio_type").unique().to_pylist():
            self._spacings(bio_type)

    def hits(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        kinds = batch.column("bio_type").unique().to_pylist()
        if len(kinds) == 1:
            yield from self._hits(batch, kinds[0])
            return
        for begin, end in _runs(batch.column("bio_type")):
            part = batch.slice(begin, end - begin)
            yield from self._hits(part, part.column("bio_type")[0].as_py())

    def _hits(self, batch: pa.RecordBatch, bio_type: str) -> Iterator[pa.RecordBatch]:
        wanted = self._spacings(bio_type)
        letters = Letters.of(batch.column("sequence"))
        circular = self._closed(batch)
        if circular.any():
            letters = letters.closed(circular, max(one.width for one in wanted))
        for sites in find_sites(letters, wanted, mismatches=self._mismatches):
            rows = max(1, min(_ROWS, _LETTERS // int(sites.widths.max(initial=1))))
            for start in range(0, len(sites), rows):
                yield _batch(batch.column("id"), letters, sites[start : start + rows], bio_type)

    def _closed(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        import pyarrow.compute as pc

        closed = np.full(len(batch), self._circular)
        for name in self.topologies:
            closed |= true_rows(pc.equal(batch.column(name), "circular"))
        return closed


def _batch(ids: pa.Array, letters: Letters, sites: Sites, bio_type: str) -> pa.RecordBatch:
    strands = text_array(["+", "-"]).take(fixed_array(sites.minus.astype(np.int32), pa.int32()))
    return pa.RecordBatch.from_arrays(
        [
            ids.take(row_numbers(sites.rows)),
            fixed_array(sites.starts, pa.int64()),
            fixed_array(sites.starts + sites.widths, pa.int64()),
            strands,
            fixed_array(sites.mismatches, pa.int8()),
            site_texts(letters, sites, bio_type),
        ],
        schema=HITS,
    )


def _runs(values: pa.Array) -> Iterator[tuple[int, int]]:
    """Yield where neighbours with the same value begin and end."""
    codes = np.asarray(values.dictionary_encode().indices)
    bounds = [0, *(np.flatnonzero(codes[1:] != codes[:-1]) + 1).tolist(), len(codes)]
    return pairwise(bounds)
