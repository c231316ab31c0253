"""Repeated ids are found exactly, from eight bytes of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.store.ids.texts import comparable_ids
from usr_core.store.ids.word_sets import WordStore, find_repeats


def _found(pieces: list[list[str]]) -> list[tuple[int, int]]:
    arrays = [comparable_ids(pa.array(piece, pa.string())) for piece in pieces]
    starts = np.cumsum([0, *map(len, pieces)]).astype(np.int64)
    store = WordStore(starts)
    for piece in reversed(range(len(pieces))):
        store.extend(piece, arrays[piece])

    def read() -> Iterator[tuple[np.ndarray, pa.Array]]:
        for start, array in zip(starts, arrays, strict=False):
            yield np.arange(start, start + len(array)), array

    rows, firsts = find_repeats(store.suspects(), read)
    return list(zip(rows.tolist(), firsts.tolist(), strict=True))


class TestFindRepeats:
    @settings(deadline=None)
    @given(st.lists(st.lists(st.sampled_from(["", "a", "b", "c" * 40, "d" * 41]), max_size=8), min_size=1, max_size=4))
    def test_equals_a_plain_search(self, pieces: list[list[str]]) -> None:
        """Each later occurrence is told with the first one, over any pieces."""
        flat = [text for piece in pieces for text in piece]
        expected = [(row, flat.index(text)) for row, text in enumerate(flat) if flat.index(text) < row]

        assert expected == _found(pieces)

    def test_equal_words_of_different_ids_are_no_repeat(self) -> None:
        """Sixteen common digits raise a suspicion, and the whole id decides."""
        one = "0123456789abcdef" + "0" * 24

        assert [] == _found([[one, one[:-1] + "1", one[:16] + "1" + one[17:]]])

    def test_many_unique_ids_have_none(self) -> None:
        """Nothing is read again where no word occurs twice."""
        ids = [hashlib.sha1(bytes([n % 256, n // 256])).hexdigest() for n in range(2000)]

        assert [] == _found([ids[:700], ids[700:]])
