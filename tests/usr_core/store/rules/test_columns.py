"""Bounded chunks of an importer's batches."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.store.rules.columns import FewTexts, bounded


class TestBounded:
    @settings(deadline=None)
    @given(st.lists(st.lists(st.text("A", max_size=50), max_size=10), max_size=5), st.integers(1, 200))
    def test_rows_stay_in_order_within_the_limit(self, batches: list[list[str]], limit: int) -> None:
        """All rows come in order; a chunk holds one row, or at most the limit."""
        whole = [pa.record_batch({"s": pa.array(values, pa.string())}) for values in batches]

        chunks = list(bounded(iter(whole), limit=limit))

        assert [value for values in batches for value in values] == [
            value for chunk in chunks for value in chunk.column(0).to_pylist()
        ]
        assert all(chunk.num_rows == 1 or chunk.nbytes <= limit for chunk in chunks)

    def test_encoded_text_is_not_cut_row_by_row(self) -> None:
        """Slices share a dictionary or the text of views, which is not theirs alone."""
        text = pa.array([f"{number:0100d}" for number in range(1_000)])
        for column in (text.dictionary_encode(), text.cast(pa.string_view())):
            chunks = list(bounded(iter([pa.record_batch({"s": column})]), limit=20_000))

            assert 4 <= len(chunks) <= 16
            assert text.to_pylist() == [value for chunk in chunks for value in chunk.column(0).to_pylist()]


class TestFewTexts:
    """A column with few distinct texts, however it is encoded."""

    @pytest.mark.parametrize("encode", [pa.array, lambda texts: pa.array(texts).dictionary_encode()])
    @pytest.mark.parametrize("texts", [["b", "b"], ["b", "a", "b"], ["", "a"], ["ab", "a"]])
    def test_every_row_keeps_its_text(self, encode: Callable[[list[str]], pa.Array], texts: list[str]) -> None:
        """Each row has its text, and one that all rows have is known as such."""
        column = FewTexts.of(encode(texts))

        assert texts == [column.at(row) for row in range(len(texts))] == column.texts().to_pylist()
        assert (texts[0] if len(set(texts)) == 1 else None) == column.only

    def test_a_null_is_empty(self) -> None:
        """A null becomes the empty text, which no rule admits."""
        assert ["a", ""] == FewTexts.of(pa.array(["a", None])).texts().to_pylist()

    def test_what_no_row_of_a_dictionary_has_does_not_count(self) -> None:
        """A slice of a dictionary column has one text where all of its rows have it."""
        assert "a" == FewTexts.of(pa.array(["a", "a", "b"]).dictionary_encode().slice(0, 2)).only
