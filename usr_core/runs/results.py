"""Calling a function on a batch: what it returned in the registered types, or the row at fault."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from usr_core.errors import ExitCode, UsrError, first_line, visible
from usr_core.plugin.errors import PluginCallError
from usr_core.plugin.executors import FunctionRef
from usr_core.plugin.printing import printing_to_stderr
from usr_core.records.arrays import plain_type
from usr_core.registry.type_parser import parse_type
from usr_core.runs.errors import FunctionFailed
from usr_core.store.changes.attach.values import cast_exactly, may_cast
from usr_core.values.bad_cell import BadCell

__all__ = ["Applied", "Caller"]


@dataclass(slots=True)
class Applied:
    """The values of a batch: `columns` of the rows at the places `kept`; for `failed` rows the function gave none."""

    kept: np.ndarray
    columns: list[pa.Array]
    failed: int = 0


class Caller:
    """Calls the function of a run on batches.

    Args:
        ref: The function, for errors.
        call: It, loaded.
        columns: What it is given besides ``id``.
        into: Full names and type texts of what it has to return.
        on_error: What becomes of a row that it fails on.
        shard: The shard, or ``sample``, for errors.
    """

    def __init__(
        self,
        ref: FunctionRef,
        call: Callable[..., Any],
        *,
        columns: Sequence[str],
        into: Sequence[tuple[str, str]],
        on_error: str = "fail",
        shard: int | str | None = None,
    ) -> None:
        self._ref, self._call, self._columns, self._on_error, self._shard = ref, call, list(columns), on_error, shard
        self._into = [(name, text, parse_type(text).to_arrow()) for name, text in into]

    @property
    def schema(self) -> pa.Schema:
        """The fields of the values, in order."""
        return pa.schema([pa.field(name, kind) for name, _, kind in self._into])

    def __call__(self, batch: pa.RecordBatch, rows: np.ndarray) -> Applied:
        """Return the values of a batch.

        Args:
            batch: ``id`` and the columns asked for.
            rows: The number of each row in the base, from 0, for errors.

        Raises:
            FunctionFailed: The function failed, and `on_error` does not let that pass, or no row is at fault.
        """
        try:
            return Applied(np.arange(len(rows)), self._once(batch, rows))
        except FunctionFailed as error:
            if error.kind == "returned" and error.row is None:
                raise  # the function itself is wrong, whatever the record
            if self._on_error == "fail":
                raise self._narrowed(batch, rows, error) from error
            return self._without(batch, rows, error)

    # ------------------------------------------------------------- rows at fault

    def _narrowed(self, batch: pa.RecordBatch, rows: np.ndarray, error: FunctionFailed) -> FunctionFailed:
        """Return the error of the first row that fails alone, where there is one."""
        while error.row is None and len(rows) > 1:
            half = len(rows) // 2
            for low, high in ((0, half), (half, len(rows))):
                try:
                    self._once(batch.slice(low, high - low), rows[low:high])
                except FunctionFailed as found:
                    batch, rows, error = batch.slice(low, high - low), rows[low:high], found
                    break
            else:
                return error  # each half alone is fine: no row can be named
        if error.row is None and len(rows) == 1:
            return self._failed(
                error.reason, batch, rows, 0, kind=error.kind, trace=error.trace, misused=bool(error.mistaken)
            )
        return error

    def _without(self, batch: pa.RecordBatch, rows: np.ndarray, error: FunctionFailed) -> Applied:
        """Return the values of the rows that the function does not fail on."""
        if len(rows) == 1:
            if self._on_error == "skip":
                return Applied(np.empty(0, np.int64), [pa.nulls(0, kind) for _, _, kind in self._into], 1)
            return Applied(np.arange(1), [pa.nulls(1, kind) for _, _, kind in self._into], 1)
        half, parts = len(rows) // 2, []
        for low, high in ((0, half), (half, len(rows))):
            try:
                part = Applied(np.arange(high - low), self._once(batch.slice(low, high - low), rows[low:high]))
            except FunctionFailed as found:
                if found.kind == "returned" and found.row is None:
                    raise
                part = self._without(batch.slice(low, high - low), rows[low:high], found)
            part.kept = part.kept + low
            parts.append(part)
        columns = [pa.concat_arrays([part.columns[at] for part in parts]) for at in range(len(self._into))]
        return Applied(np.concatenate([part.kept for part in parts]), columns, sum(part.failed for part in parts))

    # ------------------------------------------------------------- one call

    def _once(self, batch: pa.RecordBatch, rows: np.ndarray) -> list[pa.Array]:
        if self._ref.per_record:
            result: Any = self._record_by_record(batch, rows)
        else:
            try:
                with printing_to_stderr():
                    result = self._call(batch)
            except (Exception, SystemExit) as error:
                raise self._raised(error, batch, rows) from error
        return self._arrays(result, batch, rows)

    def _record_by_record(self, batch: pa.RecordBatch, rows: np.ndarray) -> Any:
        given = [batch.column(name).to_pylist() for name in self._columns]
        values = []
        with printing_to_stderr():
            for at, arguments in enumerate(zip(*given, strict=True)):
                try:
                    values.append(self._call(*arguments))
                except (Exception, SystemExit) as error:
                    raise self._raised(error, batch, rows, at) from error
        if len(self._into) == 1:
            return values
        if not all(isinstance(value, Mapping) for value in values):
            raise self._failed("did not return a mapping of column names to values", batch, rows, kind="returned")
        return {name: [_named(value, name, None) for value in values] for name, _, _ in self._into}

    def _raised(
        self, error: BaseException, batch: pa.RecordBatch, rows: np.ndarray, at: int | None = None
    ) -> FunctionFailed:
        """Return the error for what a function raised; what it says of its parameters is raised as it is."""
        if isinstance(error, UsrError) and error.exit_code == ExitCode.USAGE:
            raise error  # whatever the record, so that `on_error` lets none of them pass
        if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
            reason = "ran out of memory"
        else:
            told = error.__cause__ if isinstance(error, PluginCallError) and error.__cause__ else error
            said = first_line(told)
            name = type(told).__name__
            ended = isinstance(told, SystemExit)
            reason = "called sys.exit" if ended else f"raised {name}" + (f": {said}" if said != name else "")
        trace = "".join(traceback.format_exception(error))
        return self._failed(
            reason, batch, rows, at, trace=trace, misused=isinstance(error, (AttributeError, TypeError))
        )

    def _failed(
        self,
        reason: str,
        batch: pa.RecordBatch,
        rows: np.ndarray,
        at: int | None = None,
        *,
        kind: str = "raised",
        trace: str = "",
        misused: bool = False,
    ) -> FunctionFailed:
        """Return the error; `misused`: so fails what was written for one record and gets a batch, or for a batch."""
        if at is None and len(rows) == 1 and kind == "raised":
            at = 0
        row = None if at is None else int(rows[at]) + 1
        record = None if at is None else batch.column("id")[at].as_py()
        given = "record" if self._ref.per_record else "batch"
        return FunctionFailed(
            function=self._ref.name,
            reason=reason,
            shard=self._shard,
            row=row,
            rows=(int(rows[0]) + 1, int(rows[-1]) + 1) if len(rows) else None,
            id=record,
            kind=kind,
            trace=trace,
            mistaken=given if misused and self._ref.kind != "plugin" else "",
        )

    # ------------------------------------------------------------- what it returned

    def _arrays(self, result: Any, batch: pa.RecordBatch, rows: np.ndarray) -> list[pa.Array]:
        names = [name for name, _, _ in self._into]
        found: dict[str, Any]
        if isinstance(result, (pa.RecordBatch, pa.Table)):
            found = {name: result.column(at) for at, name in enumerate(result.schema.names)}
            if len(found) < result.num_columns:
                twice = next(name for name in found if result.schema.names.count(name) > 1)
                raise self._failed(f"returned two columns {visible(twice, limit=60)}", batch, rows, kind="returned")
        elif isinstance(result, Mapping):
            found = dict(result)
        elif len(names) == 1 and hasattr(result, "__len__") and not isinstance(result, (str, bytes)):
            found = {names[0]: result}
        else:
            wanted = "a batch, a table, or a mapping of names to arrays"
            reason = f"returned a {type(result).__name__} in place of {'an array, ' if len(names) == 1 else ''}{wanted}"
            raise self._failed(reason, batch, rows, kind="returned", misused=True)
        if "id" in found and not any(name.endswith("__id") for name in names):
            self._refuse_other_ids(found["id"], batch, rows)
        arrays = []
        for name, text, kind in self._into:
            values = _named(found, name)
            if values is _ABSENT:
                there = ", ".join(visible(str(one), limit=60) for one in found) or "nothing"
                raise self._failed(f"returned no column {name}, but {there}", batch, rows, kind="returned")
            arrays.append(self._typed(values, name, text, kind, batch, rows))
        return arrays

    def _refuse_other_ids(self, values: Any, batch: pa.RecordBatch, rows: np.ndarray) -> None:
        """Refuse values that come with ids which are not those that were given, or in another order."""
        try:
            same = _as_array(values, pa.string()).cast(pa.string()).equals(batch.column("id").cast(pa.string()))
        except (pa.ArrowException, TypeError, ValueError):
            same = False
        if not same:
            raise self._failed(
                "returned other ids than it was given, or in another order", batch, rows, kind="returned"
            )

    def _typed(
        self, values: Any, name: str, text: str, kind: pa.DataType, batch: pa.RecordBatch, rows: np.ndarray
    ) -> pa.Array:
        try:
            array = _as_array(values, kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            at = _first_bad(values, kind, len(rows))
            reason = f"returned values for {name} that are not {text}: {first_line(error)}"
            raise self._failed(reason, batch, rows, at, kind="returned") from error
        if len(array) != len(rows):
            reason = f"returned {len(array):,} values of {name} for {len(rows):,} rows"
            raise self._failed(reason, batch, rows, kind="returned")
        if not array.type.equals(kind):
            if not may_cast(plain_type(array.type), kind):
                reason = f"returned {array.type} for {name}, which is {text}"
                raise self._failed(reason, batch, rows, kind="returned")
            try:
                array = cast_exactly(array, kind)
            except BadCell as bad:
                reason = f"returned {visible(str(bad.value), limit=60)} for {name}, which is {text}: {bad.reason}"
                raise self._failed(reason, batch, rows, bad.index, kind="returned") from bad
            except pa.ArrowException as error:  # a list of another length
                reason = f"returned {array.type} for {name}, which is {text}"
                raise self._failed(reason, batch, rows, kind="returned") from error
        at = _first_nan(array)
        if at is not None:
            raise self._failed(f"returned NaN for {name}", batch, rows, at, kind="returned")
        return array


_ABSENT = object()


def _named(found: Mapping[str, Any], name: str, absent: Any = _ABSENT) -> Any:
    """Return a column by its full name, or without its namespace."""
    return found[name] if name in found else found.get(name.partition("__")[2], absent)


def _as_array(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    if isinstance(values, pa.Array):
        return values
    if not isinstance(values, (list, tuple)):
        return _of_other_library(values)
    if any(isinstance(value, np.ndarray) for value in values):
        values = [value.tolist() if isinstance(value, np.ndarray) else value for value in values]
    # Numbers of Python have no width: as float32 they are rounded. Anything else is cast exactly, by the caller: Arrow
    # itself would make 2 of 2.5 where it is told int64.
    return pa.array(values, kind if _is_of_floats(kind) else None)


def _of_other_library(values: Any) -> pa.Array:
    if not isinstance(getattr(values, "dtype", None), np.dtype):
        # A column of Polars, or one of pandas that knows nulls: for NumPy these would be NaN.
        if hasattr(values, "__arrow_c_stream__"):
            return pa.chunked_array(values).combine_chunks()
        # A Series of pandas before 3 has neither, but what it holds has.
        if hasattr(getattr(values, "array", values), "__arrow_array__"):
            return pa.array(values)
    if not (isinstance(values, np.ndarray) and hasattr(values, "mask")):
        values = np.asarray(values)  # of a masked array this would take the mask away
    if values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
    if values.ndim != 1:
        raise TypeError(f"an array of {values.ndim} dimensions is not one value a row")
    return pa.array(values)


def _is_of_floats(kind: pa.DataType) -> bool:
    while pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_floating(kind))


def _first_bad(values: Any, kind: pa.DataType, rows: int) -> int | None:
    """Return the first of several values that can't be had in a type."""
    if not isinstance(values, (list, tuple)) or len(values) != rows:
        return None
    for at, value in enumerate(values):
        try:
            if not may_cast(plain_type(_as_array([value], kind).type), kind):
                return at
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return at
    return None


def _first_nan(array: pa.Array) -> int | None:
    """Return the first row that holds a NaN, at any depth of lists and structs."""
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind):
        at = _first_nan(array.flatten())
        if at is None:
            return None
        return int(pc.list_parent_indices(array)[at].as_py())
    if pa.types.is_struct(kind):
        return min((at for field in array.flatten() if (at := _first_nan(field)) is not None), default=None)
    if not pa.types.is_floating(kind):
        return None
    wide = array.cast(pa.float32()) if pa.types.is_float16(kind) else array
    found = pc.index(pc.is_nan(wide).fill_null(False), True).as_py()
    return None if found < 0 else int(found)
