"""Bringing attached columns to their registered types without losing anything."""

from __future__ import annotations

import pyarrow as pa
import pytest

from usr_core.registry.types import parse_type
from usr_core.store.attach.columns import AttachedColumn
from usr_core.store.attach.errors import AttachCell
from usr_core.store.attach.values import to_registered


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
        (pa.array([0.5, 0.1], F64), "float32", 12),
        (pa.array([1.0, 1.5], F64), "int64", 12),
        (pa.array([1, 300], pa.int64()), "int8", 12),
        (pa.array([[1.0, 2.0], [1.0]], pa.list_(F32)), "fixed_size_list<float32>[2]", 12),
        (pa.array([[0.5], [0.1]], pa.list_(F64)), "list<float32>", 12),
        (pa.array([1, 2], pa.int64()), "string", 11),
        (pa.array([True], pa.bool_()), "int64", 11),
        (pa.array([1], pa.int64()), "bool", 11),
        (pa.array([0], pa.timestamp("us")), "timestamp[us, UTC]", 11),
        (pa.array([1_000_001], pa.timestamp("us", "UTC")), "timestamp[s, UTC]", 11),
    ],
    ids=[
        "int beyond a double",
        "double beyond a float",
        "fraction",
        "range",
        "list length",
        "digits in a list",
        "number as text",
        "bool as number",
        "number as bool",
        "time without zone",
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
