"""Lists of plain numbers, read the short way."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.column_types import bits
from usr_core.values.json_values import from_json, loads
from usr_core.values.number_lists import parse_number_lists

ITEMS = [pa.float64(), pa.float32(), pa.float16(), pa.int64(), pa.uint8()]


def column(texts: list[str | None]) -> pa.Array:
    return pa.array(["padding", *texts], pa.string()).slice(1)


class TestShortWay:
    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_it_gives_what_the_json_parser_gives(self, data):
        """Bit by bit, for lists of any and of fixed length, with nulls, sliced, with or without blanks."""
        item, size = data.draw(st.sampled_from(ITEMS)), data.draw(st.sampled_from([None, 1, 3]))
        whole = pa.types.is_integer(item)
        limit = 255 if item == pa.uint8() else 2**63 - 1
        numbers = (
            st.integers(0, limit)
            if whole
            else st.integers(-9, 9)
            | st.floats(-6e4, 6e4).filter(lambda v: v == 0 or abs(v) > 1e-4)  # what float16 would hold as 0 is refused
            | st.floats(width=16).filter(lambda v: v - v == 0)
        )
        rows = data.draw(st.lists(st.none() | st.lists(numbers, min_size=size or 0, max_size=size or 4), max_size=5))
        separators = data.draw(st.sampled_from([(",", ":"), (", ", ": ")]))
        texts = [None if row is None else json.dumps(row, separators=separators) for row in rows]
        kind = pa.list_(item) if size is None else pa.list_(item, size)

        found = parse_number_lists(column(texts), kind)

        assert found is not None
        found.validate(full=True)
        assert kind == found.type
        assert bits(from_json([None if text is None else loads(text) for text in texts], kind)) == bits(found)

    @pytest.mark.parametrize(
        "text",
        ["[01]", "[1.]", "[.5]", "[+1]", "[1,]", "[nan]", "[inf]", "[0x1]", "[1 ,2]", "1,2", "[1", "[[1]]", "[null]",
         '["1"]', "[1,2]\n", "[1]]", "[1_0]", "[\u0661]", "[1e400]", "[]x"],
    )  # fmt: skip
    def test_what_is_not_plain_is_left_to_the_json_parser(self, text):
        """Spellings that Arrow's number parser would take and JSON does not, too."""
        for beside in ("[1.5]", "[1, 2]", None):
            assert parse_number_lists(column([beside, text]), pa.list_(pa.float64())) is None

    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            (pa.list_(pa.int8()), "[128]"),
            (pa.list_(pa.int64()), "[1.5]"),
            (pa.list_(pa.float32()), "[1e39]"),
            (pa.list_(pa.float32(), 2), "[1]"),
            (pa.list_(pa.float32(), 2), "[]"),
            (pa.list_(pa.string()), '["a"]'),
            (pa.struct([("a", pa.int8())]), "{}"),
        ],
    )
    def test_what_does_not_fit_is_left_to_the_json_parser(self, kind, text):
        """It finds the place of the fault."""
        assert parse_number_lists(column([None, text]), kind) is None
