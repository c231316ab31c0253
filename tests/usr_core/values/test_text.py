"""Cells of text to typed columns."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.column_types import arrays, bits, column_types
from usr_core.values.bad_cell import BadCell
from usr_core.values.json_values import dumps, to_json
from usr_core.values.text import parse_text

UTC = pa.timestamp("us", "UTC")


def parse(texts: list[str | None], kind: pa.DataType, *, parse_json: bool = True) -> pa.Array:
    return parse_text(pa.array(texts, pa.string()), kind, parse_json=parse_json)


class TestAccepted:
    def test_text_is_kept_to_the_letter(self):
        """What other tools take for missing or for a number stays text, and so do blanks and the empty string."""
        texts = ["NA", "nan", "007", "", " x ", "None", None, "1e3"]

        assert texts == parse(texts, pa.string()).to_pylist()

    def test_other_string_layouts_are_taken(self):
        """A large_string or string_view column gives the same values."""
        for layout in (pa.large_string(), pa.string_view()):
            assert [1, None] == parse_text(pa.array(["1", None], layout), pa.int8(), parse_json=True).to_pylist()

    @pytest.mark.parametrize(
        ("kind", "text", "value"),
        [
            (pa.int64(), "9007199254740993", 9007199254740993),
            (pa.int64(), "-1", -1),
            (pa.int8(), "007", 7),
            (pa.uint64(), "18446744073709551615", 2**64 - 1),
            (pa.float64(), "1e5", 1e5),
            (pa.float64(), "1152921504606846976", 2.0**60),
            (pa.float64(), "9007199254740993.0", 2.0**53),
            (pa.float32(), "16777217.0", 2.0**24),
            (pa.list_(pa.float64()), "[1152921504606846976]", [2.0**60]),
            (pa.float64(), "-inf", -math.inf),
            (pa.float32(), "Infinity", math.inf),
            (pa.bool_(), "TRUE", True),
            (pa.bool_(), "0", False),
            (pa.date32(), "2024-02-29", dt.date(2024, 2, 29)),
            (pa.binary(), "AAE=", b"\0\1"),
            (pa.binary(), "", b""),
            (pa.timestamp("s"), "2026-01-01T12:00:00", dt.datetime(2026, 1, 1, 12)),
            (UTC, "2026-01-01T12:00:00+02:00", dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC)),
            (pa.list_(pa.float64()), " [1, 2.5] ", [1.0, 2.5]),
            (pa.list_(pa.float64()), "null", None),
        ],
    )
    def test_a_spelling_gives_its_value(self, kind, text, value):
        """Each type takes its plain spellings, beside a null."""
        assert [None, value] == parse([None, text], kind).to_pylist()

    @settings(max_examples=80, deadline=None)
    @given(st.floats(width=16))
    def test_a_float16_is_the_nearest_to_its_text(self, value):
        """Text of a float16 reads back to its bits."""
        assert bits(pa.array([value], pa.float16())) == bits(parse([repr(value)], pa.float16()))

    def test_a_float32_is_rounded_from_the_text_once(self):
        """The nearest float32 of the written number, as numpy reads it."""
        assert [float(np.float32("0.1"))] == parse(["0.1"], pa.float32()).to_pylist()

    @settings(max_examples=80, deadline=None)
    @given(st.data())
    def test_exported_cells_read_back(self, data):
        """A column written the way CSV cells are (text plain, all else as JSON) reads back bit by bit."""
        kind = data.draw(column_types()).to_arrow()
        array = data.draw(arrays(kind))
        cells = [v if v is None or isinstance(v, str) else dumps(v) for v in to_json(array)]

        assert bits(array) == bits(parse(cells, kind))


class TestRefused:
    @pytest.mark.parametrize(
        ("kind", "text", "reason"),
        [
            (pa.int64(), "1.5", "not a whole number"),
            (pa.int64(), "0x10", "not a whole number"),
            (pa.int64(), "", "blank"),
            (pa.int64(), " 1", "blanks around"),
            (pa.int64(), "9223372036854775808", "beyond the range of int64"),
            (pa.uint8(), "-1", "beyond the range of uint8"),
            (pa.float64(), "high", "not a number"),
            (pa.float64(), "1,5", "not a number"),
            (pa.float64(), "1.5 ", "blanks around"),
            (pa.float64(), "1e400", "beyond the range of float64"),
            (pa.float32(), "-1e39", "beyond the range of float32"),
            (pa.float16(), "65520", "beyond the range of float16"),
            (pa.float64(), "9007199254740993", "can't hold it exactly"),
            (pa.float64(), "-0" + "0" * 5000 + "9007199254740993", "can't hold it exactly"),
            (pa.float32(), "+16777217", "can't hold it exactly"),
            (pa.float16(), "2049", "can't hold it exactly"),
            (pa.list_(pa.float64()), "[1,9007199254740993]", "can't hold it exactly"),
            (pa.list_(pa.float32(), 2), "[1, 16777217]", "can't hold it exactly"),
            (pa.struct([("a", pa.list_(pa.float16()))]), '{"a": [2049]}', "can't hold it exactly"),
            (pa.bool_(), "maybe", "not true or false"),
            (pa.bool_(), "", "blank"),
            (pa.date32(), "2026-02-30", "no such day"),
            (pa.date32(), "31.1.2026", "not a date"),
            (pa.binary(), "AAE", "not base64"),
            (pa.binary(), "é", "not base64"),
            (UTC, "2026-01-01T12:00:00", "needs an offset"),
            (UTC, "2026-01-01", "needs an offset"),
            (pa.timestamp("us"), "2026-01-01T12:00:00Z", "no time zone"),
            (pa.timestamp("ms"), "2026-01-01T12:00:00.1234", "finer"),
            (pa.timestamp("ns"), "2300-01-01", "beyond the range"),
            (pa.timestamp("us"), "2026-01-01T24:00:00", "no such time"),
            (pa.list_(pa.float64()), "1, 2", "not JSON"),
            (pa.list_(pa.float64()), "", "not JSON"),
            (pa.list_(pa.float64()), '["a"]', "not a number"),
            (pa.list_(pa.float64()), "[1e400]", "beyond the range"),
        ],
    )
    def test_a_bad_cell_is_found_among_good_ones(self, kind, text, reason):
        """The first row at fault is named, with its text or the part that is wrong, and why."""
        with pytest.raises(BadCell) as caught:
            parse([None, None, text, text, None], kind)

        assert 2 == caught.value.index
        assert reason in caught.value.reason

    @pytest.mark.parametrize("row", [0, 1, 499, 998, 999])
    def test_the_row_is_exact_anywhere(self, row):
        """Looking for the row by halves finds the first one."""
        texts = ["1"] * 1000
        texts[row] = "x"
        texts[-1] = "x"

        with pytest.raises(BadCell) as caught:
            parse(texts, pa.int64())

        assert row == caught.value.index

    def test_nested_text_without_parsing_is_refused(self):
        """With JSON parsing off a list column takes nulls and nothing else."""
        assert [None] == parse([None], pa.list_(pa.int64()), parse_json=False).to_pylist()
        with pytest.raises(BadCell, match="--parse-json"):
            parse([None, "[1]"], pa.list_(pa.int64()), parse_json=False)

    def test_two_cells_do_not_make_one_value(self):
        """Each cell is JSON by itself: halves that would fit together are refused."""
        with pytest.raises(BadCell) as caught:
            parse(["[1", "2],[3]"], pa.list_(pa.int64()))

        assert 0 == caught.value.index
