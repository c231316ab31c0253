"""Bounded chunks of an importer's batches."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.store.rules.columns import bounded, first_empty


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


class TestFirstEmpty:
    def test_null_and_empty_are_found(self) -> None:
        """The index of the first null or empty value, else None."""
        assert 1 == first_empty(pa.array(["a", "", None]))
        assert 1 == first_empty(pa.array(["a", None, ""]))
        assert first_empty(pa.array(["a"])) is None
