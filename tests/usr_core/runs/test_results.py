"""What a function returns: brought to the registered type, or told with the row at fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from usr_core.plugin.executors import FunctionRef
from usr_core.runs.errors import FunctionFailed
from usr_core.runs.results import Applied, Caller

ROWS = 5000
BATCH = pa.record_batch(
    {"id": [f"{at:040x}" for at in range(ROWS)], "sequence": ["ACGT" if at != 777 else "TTTT" for at in range(ROWS)]}
)


def applied(
    call: Callable[..., Any], *into: str, rows: int = 3, on_error: str = "fail", per_record: bool = False
) -> Applied:
    """Call a function on the first rows."""
    ref = FunctionRef(name="mine:f", kind="module", place="", digest="", per_record=per_record)
    pairs = [(name, kind) for name, _, kind in (one.partition(":") for one in into or ("lab__x:float64",))]
    caller = Caller(ref, call, columns=["sequence"], into=pairs, on_error=on_error)
    return caller(BATCH.slice(0, rows), np.arange(rows))


def returned(result: Any, *into: str) -> list[list[object]]:
    """Return what is made of a value that a function returns for three rows."""
    return [array.to_pylist() for array in applied(lambda _: result, *into).columns]


@pytest.mark.parametrize(
    ("result", "into", "expected"),
    [
        ([1.5, None, 2], "lab__x:float64", [1.5, None, 2.0]),
        ((1, 2, 3), "lab__x:float64", [1.0, 2.0, 3.0]),
        (np.array([1, 2, 3], np.int16), "lab__x:int64", [1, 2, 3]),
        (pa.array([1.0, 2.0, 3.0]), "lab__x:int32", [1, 2, 3]),
        (pa.chunked_array([[1.0], [2.0, 3.0]]), "lab__x:float64", [1.0, 2.0, 3.0]),
        ({"lab__x": [True, False, None]}, "lab__x:bool", [True, False, None]),
        ({"x": ["a", "b", "c"], "other": [1, 2, 3]}, "lab__x:string", ["a", "b", "c"]),
        (pa.table({"lab__x": [1, 2, 3]}), "lab__x:int64", [1, 2, 3]),
        (pa.record_batch({"x": [1, 2, 3]}), "lab__x:int64", [1, 2, 3]),
        (np.arange(6, dtype=np.float32).reshape(3, 2), "lab__x:fixed_size_list<float32>[2]", [[0, 1], [2, 3], [4, 5]]),
        ([[1.0], [], None], "lab__x:list<float64>", [[1.0], [], None]),
        ([np.array([1.0, 2.0])] * 3, "lab__x:fixed_size_list<float32>[2]", [[1.0, 2.0]] * 3),
        ([0.1, 0.2, 0.3], "lab__x:float32", [np.float32(0.1), np.float32(0.2), np.float32(0.3)]),
        (pa.nulls(3), "lab__x:int64", [None] * 3),
        (np.ma.masked_array([1, 2, 3], [0, 1, 0]), "lab__x:int64", [1, None, 3]),
        (np.ma.masked_array([np.nan, 2.0, 3.0], [1, 0, 0]), "lab__x:float64", [None, 2.0, 3.0]),
        (
            np.ma.masked_array([[1.0, 2.0]] * 3, [[0, 1], [0, 0], [0, 0]]),
            "lab__x:fixed_size_list<float64>[2]",
            [[1.0, None], [1.0, 2.0], [1.0, 2.0]],
        ),
        (pd.Series([1, None, 2**60 + 1], dtype="Int64"), "lab__x:int64", [1, None, 2**60 + 1]),
        (pl.Series([1, None, 2**60 + 1]), "lab__x:int64", [1, None, 2**60 + 1]),
        (pl.Series(["a", None, "c"]), "lab__x:string", ["a", None, "c"]),
        (pa.table({"id": BATCH["id"][:3], "x": [1, 2, 3]}), "lab__x:int64", [1, 2, 3]),
        ({"id": BATCH["id"][:3].to_pylist(), "x": [1, 2, 3]}, "lab__x:int64", [1, 2, 3]),
        ({"id": ["a", "b", "c"]}, "lab__id:string", ["a", "b", "c"]),
    ],
)
def test_values_get_the_registered_type(result: object, into: str, expected: list[object]) -> None:
    """Arrow, NumPy and Python alike, whatever holds them."""
    assert [expected] == returned(result, into)


def test_several_columns_are_found_by_name() -> None:
    """With or without the namespace, in any order."""
    told = returned({"y": [1, 2, 3], "lab__x": ["a", "b", "c"]}, "lab__x:string", "lab__y:int64")

    assert [["a", "b", "c"], [1, 2, 3]] == told


@pytest.mark.parametrize(
    ("result", "into", "told"),
    [
        ([1.0, 2.0], "lab__x:float64", "returned 2 values of lab__x for 3 rows"),
        ([1.0] * 4, "lab__x:float64", "returned 4 values of lab__x for 3 rows"),
        (np.zeros((3, 2)), "lab__x:float64", "returned fixed_size_list"),
        (np.zeros((3, 2)), "lab__x:fixed_size_list<float32>[3]", "lab__x"),
        (np.zeros((3, 2, 2)), "lab__x:float64", "3 dimensions"),
        (pa.array(["1", "2", "3"]), "lab__x:float64", "returned string for lab__x, which is float64"),
        (["1", "2", "3"], "lab__x:float64", "not float64"),
        ({"other": [1, 2, 3]}, "lab__x:float64", "returned no column lab__x, but other"),
        (None, "lab__x:float64", "returned a NoneType"),
        ("abc", "lab__x:string", "returned a str"),
        (1.5, "lab__x:float64", "returned a float in place of an array"),
        (pa.table({"id": BATCH["id"][:3].take([1, 0, 2]), "x": [1, 2, 3]}), "lab__x:int64", "in another order"),
        ({"id": ["a", "b", "c"], "x": [1, 2, 3]}, "lab__x:int64", "other ids than it was given"),
        (pa.table([[1, 2, 3], [4, 5, 6]], ["x", "x"]), "lab__x:int64", "two columns x"),
    ],
)
def test_what_is_no_value_a_row_is_refused(result: object, into: str, told: str) -> None:
    """Whatever `on_error` says where no row is at fault."""
    for on_error in ("fail", "null", "skip"):
        if on_error != "fail" and told == "not float64":
            continue  # each of these rows is at fault by itself
        with pytest.raises(FunctionFailed) as caught:
            applied(lambda _: result, into, on_error=on_error)
        assert told in caught.value.message
        assert "mine:f" in caught.value.message


@pytest.mark.parametrize(
    ("result", "into", "row", "told"),
    [
        ([1.0, float("nan"), 2.0], "lab__x:float64", 2, "returned NaN for lab__x"),
        (np.array([1.0, 2.0, np.nan], np.float16), "lab__x:float16", 3, "returned NaN for lab__x"),
        ([[1.0], None, [2.0, float("nan")]], "lab__x:list<float64>", 3, "returned NaN for lab__x"),
        (np.array([[1, 2], [3, np.nan], [5, 6]]), "lab__x:fixed_size_list<float64>[2]", 2, "returned NaN for lab__x"),
        ([{"a": 1.0}, None, {"a": float("nan")}], "lab__x:struct<a: float64>", 3, "returned NaN for lab__x"),
        ([1, 2, "c"], "lab__x:int64", 3, "not int64"),
        ([1, 2.5, 3], "lab__x:int64", 2, "returned 2.5 for lab__x, which is int64"),
        (pa.array([1.0, 2.0, 3.5]), "lab__x:int64", 3, "returned 3.5 for lab__x, which is int64"),
        ([1, 300, 2], "lab__x:int8", 2, "returned 300 for lab__x, which is int8"),
    ],
)
def test_a_wrong_value_is_told_with_its_row(result: object, into: str, row: int, told: str) -> None:
    """Counted from 1, with the record's id."""
    with pytest.raises(FunctionFailed) as caught:
        applied(lambda _: result, into)

    assert (row, f"{row - 1:040x}", True) == (caught.value.row, caught.value.id, told in caught.value.message)


def picky(batch: pa.RecordBatch) -> list[int]:
    """Fail on a batch that has the one odd record."""
    if "TTTT" in batch["sequence"].to_pylist():
        raise RuntimeError("cannot fold TTTT")
    return [len(one) for one in batch["sequence"].to_pylist()]


def picky_record(sequence: str) -> float:
    return float("nan") if sequence == "TTTT" else 1.0


@pytest.mark.parametrize(("call", "per_record"), [(picky, False), (picky_record, True)])
def test_one_record_in_thousands_is_found(call: Callable[..., Any], per_record: bool) -> None:
    """By its row, or left out, or without a value."""
    with pytest.raises(FunctionFailed, match="in row 778") as caught:
        applied(call, rows=ROWS, per_record=per_record)
    null = applied(call, rows=ROWS, per_record=per_record, on_error="null")
    skipped = applied(call, rows=ROWS, per_record=per_record, on_error="skip")

    assert f"{777:040x}" == caught.value.id
    assert (1, ROWS, 1, None) == (null.failed, len(null.kept), null.columns[0].null_count, null.columns[0][777].as_py())
    assert (1, ROWS - 1, 0) == (skipped.failed, len(skipped.kept), skipped.columns[0].null_count)
    assert 777 not in skipped.kept


def test_a_failure_that_no_half_repeats_names_no_row() -> None:
    """A function that minds the size of its batch has no row at fault."""

    def greedy(batch: pa.RecordBatch) -> list[int]:
        if batch.num_rows > 100:
            raise RuntimeError("too many")
        return [1] * batch.num_rows

    with pytest.raises(FunctionFailed, match="raised RuntimeError: too many") as caught:
        applied(greedy, rows=150)
    assert caught.value.row is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SystemExit(0), "called sys.exit"),
        (MemoryError(), "ran out of memory"),
        (KeyError("x"), "raised KeyError: 'x'"),
        (ValueError("a\nb"), "raised ValueError: a"),
    ],
)
def test_whatever_a_function_raises_is_one_error(error: BaseException, told: str) -> None:
    """With its traceback."""

    def failing(batch: pa.RecordBatch) -> None:
        raise error

    with pytest.raises(FunctionFailed, match=told) as caught:
        applied(failing, rows=1)
    assert "in failing" in caught.value.trace
    assert 1 == caught.value.row


@pytest.mark.parametrize(
    ("call", "per_record", "advised"),
    [
        (lambda sequence: sequence.count("G") / len(sequence), False, "a function of one sequence needs --per-record"),
        (len, False, "a function of one sequence needs --per-record"),
        (str, False, "a function of one sequence needs --per-record"),
        (lambda sequence: sequence + "A", False, "a function of one sequence needs --per-record"),
        (lambda batch: batch["sequence"].to_pylist(), True, "a function of batches goes without --per-record"),
        (lambda batch: batch.num_rows, True, "a function of batches goes without --per-record"),
        (lambda batch: {}["x"], False, None),
        (lambda sequence: sequence.index("GAT"), True, None),
        (lambda batch: [1], False, None),
    ],
)
def test_a_function_of_the_other_kind_is_told(call: Callable[..., Any], per_record: bool, advised: str | None) -> None:
    """What was written for one record and gets a batch, or for a batch and gets one record, needs the other option."""
    with pytest.raises(FunctionFailed) as caught:
        applied(call, per_record=per_record)

    told = str(caught.value.hint)
    assert advised in told if advised else "per-record" not in told


def test_values_of_another_type_are_told_how_to_be_kept() -> None:
    """A plugin's function can't be changed by who uses it, but a column of its type can be registered."""
    with pytest.raises(FunctionFailed, match="which is fixed_size_list<int32>") as caught:
        applied(lambda _: np.ones((3, 1), np.int32), "lab__x:fixed_size_list<int32>[2]")

    assert "`usr namespace register NS --add NAME:TYPE`" in str(caught.value.hint)


def test_an_interrupt_is_let_out() -> None:
    """Ctrl-C is not the function's fault."""

    def interrupted(batch: pa.RecordBatch) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        applied(interrupted)
