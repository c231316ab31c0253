"""Validity and truth of arrays, read from their bitmaps, are what Arrow says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.store.ids.row_numbers import all_distinct, ascending_order, true_rows, valid_mask, valid_rows

ARRAYS = {
    "numbers": pa.array([1, None, 3] * 9),
    "texts": pa.array(["a", None, ""] * 9),
    "views": pa.array(["a", None, "longer than twelve letters"] * 9, pa.string_view()),
    "names": pa.array(["a", None, "b"] * 9).dictionary_encode(),
    "vectors": pa.array([[1, 2], None, [3, None]] * 9, pa.list_(pa.int32(), 2)),
    "structs": pa.array([{"x": 1}, None, {"x": None}] * 9),
    "truths": pa.array([True, None, False] * 9),
    "nothing": pa.nulls(27),
    "whole": pa.array(range(27)),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_validity_is_that_of_arrow(kind: str) -> None:
    """For whole arrays and for slices that begin inside a byte."""
    for start, length in ((0, 27), (1, 7), (7, 2), (8, 19), (11, 16), (5, 0)):
        values = ARRAYS[kind].slice(start, length)

        assert values.is_valid().to_pylist() == valid_mask(values).tolist()
        assert (values.null_count == 0) == (valid_rows(values) is None)


def test_truth_is_that_of_arrow_without_nulls() -> None:
    """A null is not true, wherever the slice begins."""
    for start in range(12):
        values = ARRAYS["truths"].slice(start, 14)

        assert [value is True for value in values.to_pylist()] == true_rows(values).tolist()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=40), st.integers(0, 5000))
def test_the_ascending_order_is_that_of_a_sort(numbers: list[int], apart: int) -> None:
    """Of dense and of sparse positions, and there is none where one of them comes twice, which is told as well."""
    positions = np.array([number * (1 + apart) for number in numbers], np.int64)

    order = ascending_order(positions)

    assert all_distinct(positions) == (len(set(numbers)) == len(numbers))
    if len(set(numbers)) < len(numbers):
        assert order is None
    else:
        assert order is not None
        assert np.argsort(positions).tolist() == order.tolist()
