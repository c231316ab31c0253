"""One column of one window: the newest value of each row, to the bit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from usr_core.records.arrays import conform, plain_type, row_width
from usr_core.store.ids.row_numbers import valid_rows
from usr_core.store.view.contributions import Contribution, merge_column, pick_rows

VALUES = {
    pa.int8(): [1, 2, 3],
    pa.uint64(): [2**64 - 1, 0, 1],
    pa.float16(): [1.5, 2.5, 3.5],
    pa.float64(): [1.5, -0.0, 3.5],
    pa.date32(): [1, 2, 3],
    pa.timestamp("ns", tz="Europe/Berlin"): [1, 2, 3],
    pa.duration("us"): [1, 2, 3],
    pa.bool_(): [True, False, True],
    pa.string(): ["a", "", "ccc"],
    pa.binary(): [b"a", b"", b"\xff"],
    pa.decimal128(20, 2): [1, 2, 3],
    pa.list_(pa.float64()): [[1.0], [], [None, 2.0]],
    pa.list_(pa.float32(), 2): [[1.0, 2.0], [None, 4.0], [5.0, 6.0]],
    pa.struct([("x", pa.int8())]): [{"x": 1}, {"x": None}, {"x": 3}],
}


def rows(*numbers: int) -> np.ndarray:
    """Return row numbers as contributions hold them."""
    return np.array(numbers, np.int32)


@pytest.mark.parametrize("kind", VALUES, ids=str)
class TestEveryType:
    def test_later_values_win_and_nulls_do_not(self, kind):
        """A later value replaces an earlier one; a later null leaves it; a row nobody speaks of is null."""
        one, two, three = (pa.array([value], kind) for value in VALUES[kind])
        older = Contribution(rows(3, 0, 1), pa.concat_arrays([one, two, three]))
        newer = Contribution(rows(1, 3), pa.concat_arrays([one, pa.nulls(1, kind)]))

        merged = merge_column(kind, 4, [older, newer])

        merged.validate(full=True)
        assert pa.concat_arrays([two, one, pa.nulls(1, kind), one]).equals(merged)

    def test_slices_and_picked_rows_are_contributions_too(self, kind):
        """Runs of rows, values at an offset of their array, and chosen values land where they belong."""
        cells = pa.array([None, *VALUES[kind], None], kind)
        run = Contribution(slice(1, 4), cells.slice(1, 3))
        chosen = Contribution(rows(4, 0), cells, rows(3, 2))
        nothing = Contribution(slice(2, 4), cells, rows(0, 4))

        merged = merge_column(kind, 5, [run, chosen, nothing])

        merged.validate(full=True)
        first, second, third = VALUES[kind]
        assert pa.array([second, first, second, third, third], kind).equals(merged)

    def test_many_scattered_winners_are_gathered(self, kind):
        """Rows that alternate between two sources come out as row by row choice would give them."""
        pool = pa.array([*VALUES[kind], None], kind)
        rng = np.random.default_rng(3)
        picks = [rng.integers(0, 4, 900).astype(np.int32) for _ in range(2)]
        places = [rng.permutation(1_000)[:900].astype(np.int32) for _ in range(2)]
        expected: list[object] = [None] * 1_000
        cells = pool.to_pylist() if not pa.types.is_timestamp(kind) else [1, 2, 3, None]
        for place, pick in zip(places, picks, strict=True):
            for row, at in zip(place, pick, strict=True):
                expected[row] = cells[at] if cells[at] is not None else expected[row]

        merged = merge_column(kind, 1_000, [Contribution(p, pool, at) for p, at in zip(places, picks, strict=True)])

        merged.validate(full=True)
        assert pa.array(expected, kind).equals(merged)

    def test_no_contribution_is_null_throughout(self, kind):
        """Without any value the column is null, and has its type."""
        assert pa.nulls(3, kind).equals(merge_column(kind, 3, []))
        assert pa.nulls(0, kind).equals(merge_column(kind, 0, []))


def test_a_float_keeps_its_bits() -> None:
    """NaN is a value that hides older ones, with its payload; minus zero stays minus zero."""
    payload = np.array([0x7FF8_0000_0000_BEEF, 0x8000_0000_0000_0000], np.uint64).view(np.float64)

    merged = merge_column(
        pa.float64(),
        3,
        [Contribution(slice(0, 3), pa.array([1.0, 2.0, 3.0])), Contribution(rows(2, 0), pa.array(payload))],
    )

    found = np.frombuffer(merged.buffers()[1], np.uint64, 3)
    assert [0x8000_0000_0000_0000, np.float64(2).view(np.uint64), 0x7FF8_0000_0000_BEEF] == found.tolist()
    assert 0 == merged.null_count


def test_a_full_contribution_is_passed_on_without_a_copy() -> None:
    """A wide column that covers the window is not copied, and what is older does not matter."""
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(64, dtype=np.float32)), 8)

    merged = merge_column(
        vectors.type, 8, [Contribution(rows(1), vectors.slice(0, 1)), Contribution(slice(0, 8), vectors)]
    )

    assert merged.values.buffers()[1].address == vectors.values.buffers()[1].address


def test_picked_rows_of_an_array() -> None:
    """Chosen rows come out in their order, the values none of them twice."""
    assert ["a", "c", "d"] == pick_rows(pa.array(["a", "b", "c", "d"]), np.array([0, 2, 3])).to_pylist()
    assert [] == pick_rows(pa.array(["a"]), np.array([], np.int64)).to_pylist()


def test_validity_is_read_at_any_offset() -> None:
    """The bits of a sliced array are its own."""
    pattern = [number % 3 != 0 for number in range(40)]
    column = pa.array([1 if one else None for one in pattern])

    for start in range(20):
        assert pattern[start : start + 9] == valid_rows(column.slice(start, 9)).tolist()
    assert valid_rows(pa.array([1, 2])) is None
    assert [False, False] == valid_rows(pa.nulls(2)).tolist()


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (pa.list_(pa.field("element", pa.int8(), nullable=False)), pa.list_(pa.int8())),
        (pa.large_list(pa.large_string()), pa.list_(pa.string())),
        (pa.list_(pa.field("x", pa.float32()), 3), pa.list_(pa.float32(), 3)),
        (pa.dictionary(pa.int8(), pa.string()), pa.string()),
        (pa.large_binary(), pa.binary()),
        (
            pa.struct([pa.field("a", pa.list_(pa.field("element", pa.bool_())), nullable=False)]),
            pa.struct([("a", pa.list_(pa.bool_()))]),
        ),
        (pa.timestamp("ms", tz="UTC"), pa.timestamp("ms", tz="UTC")),
    ],
    ids=str,
)
def test_spellings_of_a_type_become_the_registry_s(written: pa.DataType, plain: pa.DataType) -> None:
    """Names of list children, inner nullability and encodings go; values stay."""
    values = pa.array([None], written)

    assert plain.equals(plain_type(written), check_metadata=True)
    assert conform(values, plain).type.equals(plain, check_metadata=True)
    assert [None] == conform(values, plain).to_pylist()


@pytest.mark.parametrize("start", [0, 1, 3])
def test_respelling_keeps_values_nulls_and_offsets(start: int) -> None:
    """Nested arrays, sliced too, come out value for value under the other spelling, sharing memory."""
    inner = pa.list_(pa.field("element", pa.int8(), nullable=False))
    written = pa.struct([pa.field("a", inner, nullable=False), pa.field("b", pa.list_(pa.field("x", pa.int8()), 2))])
    rows_ = [{"a": [1, 2], "b": [1, None]}, None, {"a": [], "b": None}, {"a": [3], "b": [5, 6]}, {"a": [], "b": [7, 8]}]
    values = pa.array(rows_, written).slice(start)

    found = conform(values, plain_type(written))

    found.validate(full=True)
    assert rows_[start:] == found.to_pylist()
    assert found.type.equals(plain_type(written), check_metadata=True)
    shared = [one for one in found.buffers() if one is not None]
    assert {one.address for one in shared} <= {one.address for one in values.buffers() if one is not None}


def test_widths_count_nested_values() -> None:
    """A vector's width is that of its numbers; text counts a little."""
    assert (2048, 8, 1) == (row_width(pa.list_(pa.float32(), 512)), row_width(pa.float64()), row_width(pa.bool_()))
    assert 5 == row_width(pa.struct([("x", pa.int8()), ("y", pa.float32())]))
    assert row_width(pa.string()) > 4
