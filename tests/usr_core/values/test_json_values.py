"""JSON to Arrow and back."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.column_types import arrays, bits, column_types
from usr_core.values.bad_cell import BadCell
from usr_core.values.json_values import dumps, from_json, loads, to_json

STRUCT = pa.struct([("a", pa.int64()), ("b", pa.string())])


class TestRoundTrip:
    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_every_type_and_value_comes_back_from_its_json(self, data):
        """to_json, dumps, loads and from_json give back the same type and bits, slices and nulls included."""
        kind = data.draw(column_types()).to_arrow()
        array = data.draw(arrays(kind))

        back = from_json([loads(dumps(value)) for value in to_json(array)], kind)
        back.validate(full=True)

        assert kind == back.type
        assert bits(array) == bits(back)

    def test_a_float32_is_written_with_its_shortest_digits(self):
        """0.1 as float32 is written 0.1, not the digits of its float64 neighbour."""
        assert [0.1, 3.4e38, -0.0] == to_json(pa.array([0.1, 3.4e38, -0.0], pa.float32()))

    def test_non_finite_floats_are_written_as_texts(self):
        """NaN and the infinities, which JSON lacks, become texts at any depth."""
        array = pa.array([[float("nan"), float("inf"), float("-inf"), 1.0, None]], pa.list_(pa.float64()))

        assert [["NaN", "Infinity", "-Infinity", 1.0, None]] == to_json(array)

    def test_a_zoned_timestamp_is_written_in_utc_with_all_digits_of_its_unit(self):
        """An instant is written with Z whatever its column's zone, and with six digits for microseconds."""
        array = pa.array([0, 1_500_000], pa.int64()).cast(pa.timestamp("us", "Europe/Zurich"))

        assert ["1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:01.500000Z"] == to_json(array)

    def test_text_is_written_compact_and_not_escaped(self):
        """dumps puts no blanks between parts, and leaves letters outside ASCII alone."""
        assert '{"a":[1,2],"ü":"é"}' == dumps({"a": [1, 2], "ü": "é"})

    def test_large_and_tiny_finite_floats_are_no_infinities(self):
        """A column whose sum overflows is written as numbers all the same."""
        assert [1e308, 1e308] == to_json(pa.array([1e308, 1e308]))


class TestIntegers:
    def test_digits_beyond_float64_are_kept(self):
        """2^53 + 1 and the ends of uint64 come through exactly."""
        values = [2**53 + 1, 2**64 - 1, 0]

        assert values == from_json(values, pa.uint64()).to_pylist()

    @pytest.mark.parametrize("value", [1.0, 1.5, True, "1", [1]])
    def test_nothing_but_a_whole_number_is_an_integer(self, value):
        """A float, even a whole one, a truth value and a text are refused."""
        with pytest.raises(BadCell) as caught:
            from_json([None, value], pa.int64())

        assert (1, value) == (caught.value.index, caught.value.value)

    @pytest.mark.parametrize(
        ("kind", "value"),
        [(pa.int8(), 128), (pa.int8(), -129), (pa.uint8(), -1), (pa.uint64(), 2**64), (pa.int64(), -(2**63) - 1)],
    )
    def test_a_number_beyond_the_type_is_refused(self, kind, value):
        """The row is named, and the range is in the reason."""
        with pytest.raises(BadCell) as caught:
            from_json([0, value], kind)

        assert 1 == caught.value.index
        assert f"beyond the range of {kind}" in caught.value.reason


class TestFloats:
    @pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
    def test_minus_zero_keeps_its_sign(self, kind):
        """With and without a point, alone, in a list and in an object; beside it a 0 is a 0."""
        values = [loads(text) for text in ("-0", "0", "-0.0", "-0e2", "[-0]")]
        nested = from_json([loads('{"a": [ -0, 0, -10 ]}')], pa.struct([("a", pa.list_(kind))]))

        assert ["-0.0", "0.0", "-0.0", "-0.0"] == [str(one) for one in from_json(values[:4], kind).to_pylist()]
        assert ["-0.0", "0.0", "-10.0"] == [str(one) for one in nested.to_pylist()[0]["a"]]

    def test_minus_zero_is_the_integer_0(self):
        """In a column of integers, and it is no text."""
        assert [0] == from_json([loads("-0")], pa.int8()).to_pylist()
        with pytest.raises(BadCell, match="not text"):
            from_json([loads("-0")], pa.string())

    def test_whole_numbers_are_floats_too(self):
        """A JSON number without a point fits a float column, as large as it may be, where the float equals it."""
        assert [1.0, 2.5, None, 2.0**80] == from_json([1, 2.5, None, 2**80], pa.float64()).to_pylist()

    @pytest.mark.parametrize(
        ("kind", "whole"), [(pa.float64(), 2**53 + 1), (pa.float32(), -(2**24) - 1), (pa.float16(), 2049)]
    )
    def test_an_integer_that_would_become_another_is_refused(self, kind, whole):
        """Alone, in a list and in a struct; written with a point it is a float, and rounded as floats are."""
        nested = pa.struct([("a", pa.list_(kind))])
        with pytest.raises(BadCell, match="exactly") as caught:
            from_json([{"a": [1.0]}, {"a": [1, whole]}], nested)

        assert (1, ".a[1]", whole) == (caught.value.index, caught.value.path, caught.value.value)
        assert from_json([1.5, float(whole)], kind).is_valid().to_pylist() == [True, True]

    @pytest.mark.parametrize("value", [True, "high", [1.0], "1.5"])
    def test_what_is_no_number_is_refused(self, value):
        """Truth values and texts, other than those for NaN and infinity, are refused."""
        with pytest.raises(BadCell) as caught:
            from_json([1.0, value], pa.float64())

        assert 1 == caught.value.index

    @pytest.mark.parametrize(
        ("kind", "text"),
        [(pa.float64(), "1e400"), (pa.float32(), "1e39"), (pa.float16(), "65520"), (pa.float64(), "9" * 400)],
    )
    def test_a_number_does_not_overflow_to_infinity(self, kind, text):
        """A finite number beyond the type's range is refused instead of becoming infinity."""
        with pytest.raises(BadCell, match="beyond the range"):
            from_json([0.0, loads(text)], kind)

    def test_written_infinities_stand_beside_overflowing_numbers(self):
        """Only the number is refused where a row before it holds infinity on purpose."""
        with pytest.raises(BadCell) as caught:
            from_json(["Infinity", "NaN", 1e39], pa.float32())

        assert 2 == caught.value.index


class TestPlaces:
    @pytest.mark.parametrize(
        ("kind", "text", "path"),
        [
            (pa.list_(pa.struct([("a", pa.int64())])), '[{"a":1},null,{"a":"x"}]', "[2].a"),
            (pa.list_(pa.float64(), 2), '[1,"x"]', "[1]"),
            (pa.struct([("v", pa.list_(pa.bool_()))]), '{"v":[true,0]}', ".v[1]"),
            (pa.list_(pa.list_(pa.date32())), '[[],["2026-01-01","2026-13-01"]]', "[1][1]"),
            (pa.list_(STRUCT), '[{"a":1,"c":2}]', "[0]"),
            (pa.list_(pa.string()), '["\\ud800"]', "[0]"),
        ],
    )
    def test_an_error_says_where_inside_the_cell(self, kind, text, path):
        """The row and the path within it are exact, with nulls and empty lists before it."""
        good = {"list": [], "struct": {}}.get("struct" if pa.types.is_struct(kind) else "list")
        before = [None, None if pa.types.is_fixed_size_list(kind) else good]

        with pytest.raises(BadCell) as caught:
            from_json([*before, loads(text)], kind)

        assert (2, path) == (caught.value.index, caught.value.path)

    def test_a_fixed_size_list_has_exactly_its_length(self):
        """One item too few is refused, for the cell as a whole."""
        with pytest.raises(BadCell, match="2 items, not 3") as caught:
            from_json([[1, 2, 3], [1, 2]], pa.list_(pa.float32(), 3))

        assert (1, "") == (caught.value.index, caught.value.path)

    def test_a_missing_key_of_a_struct_is_null(self):
        """Keys may be left out."""
        assert [{"a": None, "b": "x"}] == from_json([{"b": "x"}], STRUCT).to_pylist()


class TestLoads:
    @pytest.mark.parametrize(
        "text",
        ['{"a":1,"a":2}', "[1,2] x", "[1,", "", "nan", "'a'", "[1],[2]", "[" * 100_000, "1" * 5000],
        ids=["repeated", "trailing", "cut", "empty", "nan", "quotes", "two", "deep", "long"],
    )
    def test_what_is_not_one_json_value_is_a_value_error(self, text):
        """Nothing else comes out of it, however deep or long the text."""
        with pytest.raises(ValueError):
            loads(text)

    def test_the_literals_that_python_writes_for_nan_are_read(self):
        """NaN and Infinity without quotes mean the same as with them."""
        value = loads(json.dumps([float("nan"), float("inf")]))

        assert ["NaN", "Infinity"] == value


def test_few_and_many_floats_are_written_alike():
    """However many there are, a float has one form, those that are not finite included."""
    few = pa.array([0.1, None, float("nan"), float("-inf"), 1e308, -0.0], pa.float64())

    assert to_json(few) * 20 == to_json(pa.concat_arrays([few] * 20))
    assert to_json(few.slice(0, 2)) * 60 == to_json(pa.concat_arrays([few.slice(0, 2)] * 60))
