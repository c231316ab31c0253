"""How many imported records differ from another record only in the case of their letters.

Where every letter of the file and of the base has one case there are none, and nothing is read; the base's
footer says so for the rows that an import wrote. Otherwise each record gets a second word, that of the id
which its sequence would have in upper case: two records with equal words, whose ids are known to
differ, are case variants. (Words have 64 bits: among ten million records the chance of one
wrong count, in what is only a warning, is three in a million.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from usr_core.records.base_schema import META_LETTER_CASE
from usr_core.records.bulk_ids import IdHasher, id_words
from usr_core.store.ids.word_sets import WordList, Words, WordSet, row_groups_from
from usr_core.store.rules.record import LetterCase

__all__ = ["case_note", "count_case_variants", "noted_case"]

_READ_ROWS = 16_384


def case_note(case: LetterCase, rows: int) -> str | None:
    """Return what the footer says of a base of `rows` rows whose letters are `case`; None where both cases occur."""
    return f"{case.uniform}:{rows}" if case.uniform else None


def noted_case(path: Path) -> LetterCase | None:
    """Return the case of all letters of a base, or None where its footer does not say so for its very rows."""
    metadata = pq.read_metadata(path)
    if metadata.num_rows == 0:
        return LetterCase()
    note = (metadata.metadata or {}).get(META_LETTER_CASE.encode(), b"").decode("utf-8", "replace")
    name, _, rows = note.partition(":")
    if rows != str(metadata.num_rows) or name not in ("upper", "lower"):
        return None
    return LetterCase(upper=name == "upper", lower=name == "lower")


def count_case_variants(written: Path, *, offset: int) -> int:
    """Count the rows from `offset` on that differ only in letter case from another row of the file.

    Args:
        written: A finished base whose ids are unique.
        offset: Rows that were there before; they count as the other row, but are not counted.

    Holds 16 bytes a new row; the rows before are streamed.
    """
    folded = WordList()
    with IdHasher() as hasher:
        for words in _folded_words(written, hasher, offset, None):
            folded.extend(words)
        ordered = np.sort(folded.words())
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        counts = np.diff(np.append(starts, len(ordered)))
        distinct = ordered[starts]
        shared = counts > 1
        if offset:
            known = WordSet(distinct)
            for words in _folded_words(written, hasher, 0, offset):
                shared[np.searchsorted(distinct, words[known.contains(words)])] = True
    return int(counts[shared].sum())


def _folded_words(written: Path, hasher: IdHasher, start: int, stop: int | None) -> Iterator[Words]:
    """Yield the words of the rows `start` to `stop`, as if every sequence were in upper case."""
    import pyarrow.compute as pc

    with pq.ParquetFile(written) as source:
        for group, first in row_groups_from(source, start):
            at = first
            columns = ["bio_type", "sequence"]
            for batch in source.iter_batches(_READ_ROWS, row_groups=[group], columns=columns):
                low = max(0, start - at)
                high = batch.num_rows if stop is None else max(0, min(batch.num_rows, stop - at))
                at += batch.num_rows
                if low < high:
                    part = batch.slice(low, high - low)
                    yield id_words(hasher.ids(part.column(0), pc.ascii_upper(part.column(1))))
            if stop is not None and at >= stop:
                return
