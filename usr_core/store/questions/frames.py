"""Arrow tables as frames of pandas and Polars, without losing a digit.

pandas by itself turns integers with gaps into floats. Here every integer or boolean column that may hold a null
gets pandas' nullable type (``Int64``, ``boolean``), whether it holds one or not, so that the types of a frame
do not depend on its rows. In a column of floats a null is NaN, as pandas has no other. Inside lists and structs
integers are Python's where one of them is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.store.questions.errors import PackageMissing

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["pandas_frame", "polars_frame", "require_pandas"]


def require_pandas(*, instead: str = "to_arrow()") -> None:
    """Refuse before anything is read if pandas is not there; `instead` is a method that does not need pandas.

    Raises:
        PackageMissing: pandas is not installed.
    """
    try:
        import pandas as pd  # noqa: F401
    except ImportError as error:
        raise PackageMissing(package="pandas", instead=instead) from error


def pandas_frame(table: pa.Table) -> pd.DataFrame:
    """Return `table` as a pandas DataFrame.

    Raises:
        PackageMissing: pandas is not installed.
    """
    require_pandas()
    import pandas as pd

    nullable: dict[pa.DataType, Any] = {
        pa.bool_(): pd.BooleanDtype(),
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
    }
    careful = [i for i, column in enumerate(table.columns) if any(map(_changes_in_pandas, column.chunks))]
    plain = table
    for index in careful:
        plain = plain.set_column(index, plain.field(index).name, pa.nulls(len(plain)))
    frame = plain.to_pandas(types_mapper=nullable.get, date_as_object=True)
    for field in table.schema:
        if not field.nullable and field.type in nullable:
            frame[field.name] = table.column(field.name).to_numpy()
    for index in careful:
        cells = [cell for chunk in table.column(index).chunks for cell in _cells(chunk)]
        frame.isetitem(index, pd.Series(cells, dtype=object))
    return frame


def _changes_in_pandas(values: pa.Array, *, in_struct: bool = False) -> bool:
    """Tell whether pandas would change a value inside lists or structs: integers beside a null become floats.

    In a struct, nanoseconds lose their meaning besides: times become bare integers.
    """
    kinds, kind = pa.types, values.type
    if kinds.is_struct(kind):
        fields = (values.field(index) for index in range(kind.num_fields))
        return any(_is_careful(field) or _changes_in_pandas(field, in_struct=True) for field in fields)
    if kinds.is_list(kind) or kinds.is_fixed_size_list(kind):
        items = values.flatten()
        return _is_careful(items, times=in_struct) or _changes_in_pandas(items, in_struct=in_struct)
    return False


def _is_careful(values: pa.Array, *, times: bool = True) -> bool:
    if pa.types.is_integer(values.type):
        return bool(values.null_count)
    return times and pa.types.is_timestamp(values.type) and values.type.unit == "ns"


def _cells(values: pa.Array) -> list[object]:
    """Return a cell a row as pandas has them: dicts for structs, NumPy arrays for lists."""
    kinds, kind = pa.types, values.type
    rows: list[object]
    if kinds.is_struct(kind):
        names = [field.name for field in kind]
        parts = [_cells(values.field(index)) for index in range(kind.num_fields)]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*parts, strict=True)]
    elif kinds.is_list(kind) or kinds.is_fixed_size_list(kind):
        lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False)
        rows = list(np.split(_items(values.flatten()), np.cumsum(lengths)[:-1])) if len(values) else []
    else:
        return values.to_pylist()  # type: ignore[no-any-return]
    return [row if valid else None for row, valid in zip(rows, values.is_valid().to_pylist(), strict=True)]


def _items(values: pa.Array) -> np.ndarray:
    kinds, kind = pa.types, values.type
    if not (kinds.is_nested(kind) or kinds.is_date(kind) or (kinds.is_integer(kind) and values.null_count)):
        return np.asarray(values.to_numpy(zero_copy_only=False))
    items = np.empty(len(values), object)
    for index, item in enumerate(_cells(values)):
        items[index] = item
    return items


def polars_frame(table: pa.Table) -> pl.DataFrame:
    """Return `table` as a Polars DataFrame; it shares memory with the table where it can.

    Raises:
        PackageMissing: Polars is not installed.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise PackageMissing(package="polars") from error
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame
