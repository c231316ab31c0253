"""Bringing attached columns to their registered types without losing anything."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from usr_core.registry.type_parser import parse_type
from usr_core.store.changes.attach.errors import AttachCell, AttachColumnType
from usr_core.store.changes.attach.values import AttachedColumn, to_registered


def target(type_text: str) -> AttachedColumn:
    kind = parse_type(type_text)
    return AttachedColumn(in_file="c", name="mock__c", type_text=kind.canonical(), type=kind.to_arrow())


def converted(array: pa.Array, type_text: str, *, first_row: int = 1) -> pa.Array:
    return to_registered(array, target(type_text), label="a.parquet", first_row=first_row, parse_json=True)


F64, F32 = pa.float64(), pa.float32()


@pytest.mark.parametrize(
    ("array", "type_text", "expected"),
    [
        (pa.array([1, None, 3], pa.int32()), "int64", [1, None, 3]),
        (pa.array([0.5, float("inf"), None], F64), "float32", [0.5, float("inf"), None]),
        (pa.array([2**53], pa.int64()), "float64", [float(2**53)]),
        (pa.array([2**53 + 2, None, -(2**63)], pa.int64()), "float64", [2.0**53 + 2, None, -(2.0**63)]),
        (pa.array([2**63], pa.uint64()), "float64", [2.0**63]),
        (pa.array([2**24 + 2, 2**62], pa.int64()), "float32", [2.0**24 + 2, 2.0**62]),
        (pa.array([4096, 65504], pa.int32()), "float16", [4096.0, 65504.0]),
        (pa.array([[2**53 + 2], None, [None]], pa.list_(pa.int64())), "list<float64>", [[2.0**53 + 2], None, [None]]),
        (pa.array([{"x": 2**53 + 2}, None]), "struct<x:float64>", [{"x": 2.0**53 + 2}, None]),
        (pa.array([2.0**53 + 2, None], F64), "int64", [2**53 + 2, None]),
        (pa.array([[1.0, 2.0], None], pa.list_(F64)), "fixed_size_list<float32>[2]", [[1.0, 2.0], None]),
        (pa.array([[1.0, 2.0]], pa.list_(F32, 2)), "list<float32>", [[1.0, 2.0]]),
        (pa.array(["a", None]).dictionary_encode(), "string", ["a", None]),
        (pa.array(["007", ""], pa.large_string()), "string", ["007", ""]),
        (pa.nulls(2), "list<struct<a:int64>>", [None, None]),
        (pa.array([b"\x00", None], pa.large_binary()), "binary", [b"\x00", None]),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else None,
)
def test_a_cast_that_keeps_every_value_is_made(array: pa.Array, type_text: str, expected: list[object]) -> None:
    """A column of a near type gets the registered one, values unchanged."""
    got = converted(array, type_text)

    assert parse_type(type_text).to_arrow() == got.type
    assert expected == got.to_pylist()


def test_nan_survives_a_cast(tmp_path: object) -> None:
    """NaN is a value, though it does not equal itself."""
    got = converted(pa.array([float("nan"), 1.0], F64), "float32")

    assert str(got[0].as_py()) == "nan"


@pytest.mark.parametrize(
    ("array", "type_text", "row"),
    [
        (pa.array([1, 2**53 + 1], pa.int64()), "float64", 12),
        (pa.array([2**53 + 2, 2**63 - 1], pa.int64()), "float64", 12),
        (pa.array([2**63, 2**64 - 1], pa.uint64()), "float64", 12),
        (pa.array([2**24 + 2, 2**24 + 1], pa.int64()), "float32", 12),
        (pa.array([65504, 70000], pa.int32()), "float16", 12),
        (pa.array([[2**53 + 2], [0, 2**53 + 1]], pa.list_(pa.int64())), "list<float64>", 12),
        (pa.array([0.0, 2.0**63], F64), "int64", 12),
        (pa.array([0.0, float("nan")], F64), "int64", 12),
        (pa.array([0.5, 0.1], F64), "float32", 12),
        (pa.array([1.0, 1.5], F64), "int64", 12),
        (pa.array([1, 300], pa.int64()), "int8", 12),
        (pa.array([[1.0, 2.0], [1.0]], pa.list_(F32)), "fixed_size_list<float32>[2]", 12),
        (pa.array([[0.5], [0.1]], pa.list_(F64)), "list<float32>", 12),
        (pa.array([1_000_001], pa.timestamp("us", "UTC")), "timestamp[s, UTC]", 11),
    ],
    ids=[
        "int beyond a double",
        "int64's largest",
        "uint64's largest",
        "int beyond a float",
        "int beyond a half",
        "int beyond a double in a list",
        "double beyond an int",
        "nan as int",
        "double beyond a float",
        "fraction",
        "range",
        "list length",
        "digits in a list",
        "microseconds lost",
    ],
)
def test_a_cast_that_would_lose_something_is_refused(array: pa.Array, type_text: str, row: int) -> None:
    """The error names the row and the column, and nothing is rounded."""
    with pytest.raises(AttachCell) as caught:
        converted(array, type_text, first_row=11)

    assert (row, "mock__c") == (caught.value.row, caught.value.column)


def test_nan_in_a_struct_survives_a_cast() -> None:
    """A struct's floats are compared one by one, and a null stays one."""
    kind = pa.struct([("x", F64), ("n", pa.int32())])
    rows = [{"x": float("nan"), "n": 1}, None, {"x": None, "n": None}]
    got = converted(pa.array(rows, kind), "struct<x:float32,n:int64>").to_pylist()

    assert "nan" == str(got[0]["x"])
    assert [None, {"x": None, "n": None}] == got[1:]


def test_a_digit_lost_in_a_struct_is_refused() -> None:
    """The row is named."""
    rows = pa.array([{"x": float("nan")}, {"x": 0.1}], pa.struct([("x", F64)]))
    with pytest.raises(AttachCell) as caught:
        converted(rows, "struct<x:float32>")

    assert 2 == caught.value.row


class TestSpellings:
    @pytest.mark.parametrize("strings", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
    @pytest.mark.parametrize("lists", [pa.list_, pa.large_list, pa.list_view, pa.large_list_view])
    def test_text_in_lists_of_any_spelling_is_text_in_lists(self, lists: Any, strings: pa.DataType) -> None:
        """Whatever a frame calls them, the values are the same, nulls at every level included, sliced or not."""
        rows = [["x"], ["a", None], None, [], ["c"], ["d", "e"]]
        array = pa.array(rows, lists(strings))

        assert rows == converted(array, "list<string>").to_pylist()
        assert rows[1:5] == converted(array.slice(1, 4), "list<string>").to_pylist()

    def test_spellings_are_taken_at_any_depth(self) -> None:
        """Bytes and text as views in a struct in a large list in a fixed-size one; types within it are cast as well."""
        kind = pa.list_(
            pa.large_list(pa.struct([("t", pa.string_view()), ("b", pa.binary_view()), ("n", pa.int8())])), 1
        )
        rows = [[[{"t": "a", "b": b"\x00", "n": 1}, None]], None, [None]]

        got = converted(pa.array(rows, kind), "fixed_size_list<list<struct<t:string,b:binary,n:int64>>>[1]")

        assert rows == got.to_pylist()
        got.validate(full=True)

    def test_encodings_are_taken(self) -> None:
        """Dictionaries of views, as Polars has categories, and runs."""
        words = pa.DictionaryArray.from_arrays(
            pa.array([1, None, 0], pa.uint32()), pa.array(["a", "b"], pa.string_view())
        )
        runs = pc.run_end_encode(pa.array(["a", "a", None]))

        assert ["b", None, "a"] == converted(words, "string").to_pylist()
        assert ["a", "a", None] == converted(runs, "string").to_pylist()
        assert [1, 1] == converted(pc.run_end_encode(pa.array([1, 1])), "int8").to_pylist()

    def test_json_and_uuid_are_text_and_bytes(self) -> None:
        """Two names that other writers give to them."""
        uuid = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef", None], pa.binary(16)))
        json = pa.ExtensionArray.from_storage(pa.json_(), pa.array(["[1]", None], pa.string()))

        assert [b"0123456789abcdef", None] == converted(uuid, "binary").to_pylist()
        assert ["[1]", None] == converted(json, "string").to_pylist()
        assert [[1], None] == converted(json, "list<int64>").to_pylist()

    def test_lists_that_are_all_empty_have_any_type(self) -> None:
        """A frame calls their items null."""
        assert [[], None] == converted(pa.array([[], None], pa.list_(pa.null())), "list<int64>").to_pylist()
        assert [{"a": None}] == converted(pa.array([{"a": None}]), "struct<a:list<string>>").to_pylist()


class TestStructs:
    def test_fields_are_found_by_name(self) -> None:
        """At any depth, whatever their order, and with casts within."""
        inner = pa.struct([("y", pa.int8()), ("x", pa.large_string())])
        rows = [{"b": [{"y": 1, "x": "q"}, None], "a": 2}, None, {"b": None, "a": None}]

        got = converted(pa.array(rows, pa.struct([("b", pa.large_list(inner)), ("a", pa.int64())])),
                        "struct<a:int64,b:list<struct<x:string,y:int64>>>")  # fmt: skip

        assert rows == got.to_pylist()

    def test_fields_of_equal_types_are_not_mixed_up(self) -> None:
        """Two numbers that change places stay with their names."""
        got = converted(pa.array([{"b": 1, "a": 2}]), "struct<a:int64,b:int64>")

        assert [{"a": 2, "b": 1}] == got.to_pylist()

    @pytest.mark.parametrize(
        ("names", "told"),
        [(["a"], "lacks the field 'b'"), (["a", "b", "c"], "unknown field 'c'"), (["a", "b", "b"], "'b' twice")],
    )
    def test_missing_and_unknown_fields_are_told(self, names: list[str], told: str) -> None:
        """By name and place, as a fault of the column, with the fields that it should have."""
        struct = pa.StructArray.from_arrays([pa.array([1])] * len(names), names=names)
        with pytest.raises(AttachColumnType, match=told) as caught:
            converted(pa.ListArray.from_arrays([0, 1], struct), "list<struct<a:int64,b:int64>>")

        assert "[]" in caught.value.message
        assert "struct<a:int64,b:int64>" in caught.value.hint


class TestTypesThatDiffer:
    @pytest.mark.parametrize(
        ("array", "type_text", "found", "cast"),
        [
            (pa.array([1, 2], pa.decimal128(20, 0)), "int64", "decimal128(20, 0)", 'CAST("c" AS BIGINT)'),
            (pa.array([[1]], pa.list_(pa.decimal64(5, 2))), "list<float32>", "decimal64(5, 2)", "FLOAT[]"),
            (pa.array([1, 2], pa.int64()), "string", "int64", "VARCHAR"),
            (pa.array([True], pa.bool_()), "int64", "bool", "BIGINT"),
            (pa.array([1], pa.int64()), "bool", "int64", "BOOLEAN"),
            (pa.array([0], pa.timestamp("us")), "timestamp[us, UTC]", "timestamp[us]", "AT TIME ZONE 'UTC'"),
            (pa.array([0], pa.timestamp("us", "UTC")), "timestamp[us]", "timestamp[us, tz=UTC]", "AT TIME ZONE 'UTC'"),
            (pa.array([0], pa.time64("us")), "int64", "time64[us]", "BIGINT"),
            (pa.array([0], pa.duration("us")), "int64", "duration[us]", "BIGINT"),
            (pa.array([["1"]]), "list<int64>", "string", "BIGINT[]"),
            (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "struct<a:int64>", "map", "STRUCT(a BIGINT)"),
            (pa.array([1]), "list<int64>", "int64", "BIGINT[]"),
        ],
        ids=lambda value: value if isinstance(value, str) else None,
    )  # fmt: skip
    def test_the_type_is_told_and_the_cast_to_make(
        self, array: pa.Array, type_text: str, found: str, cast: str
    ) -> None:
        """Not as a cell that is wrong: no cell could be corrected."""
        with pytest.raises(AttachColumnType) as caught:
            converted(array, type_text)

        assert found in caught.value.message
        assert "cell" not in caught.value.message + caught.value.hint
        assert cast in caught.value.hint
        assert "USR-ATTACH-007" == caught.value.code
