"""Arrow tables as frames of pandas and Polars, without losing a digit.

pandas by itself turns integers with gaps into floats. Here every integer or boolean column that may hold a null
gets pandas' nullable type (``Int64``, ``boolean``), whether it holds one or not, so that the types of a frame
do not depend on its rows. In a column of floats a null is NaN, as pandas has no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from usr_core.store.query.errors import PackageMissing

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["pandas_frame", "polars_frame", "require_pandas"]


def require_pandas(*, instead: str = "to_arrow()") -> None:
    """Refuse, before anything is read for a frame, where there can be none; `instead` is a method that needs no pandas.

    Raises:
        PackageMissing: pandas is not installed.
    """
    try:
        import pandas as pd  # noqa: F401
    except ImportError as error:
        raise PackageMissing("pandas", instead=instead) from error


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
    frame = table.to_pandas(types_mapper=nullable.get, date_as_object=True)
    for field in table.schema:
        if not field.nullable and field.type in nullable:
            frame[field.name] = table.column(field.name).to_numpy()
    return frame


def polars_frame(table: pa.Table) -> pl.DataFrame:
    """Return `table` as a Polars DataFrame; it shares memory with the table where it can.

    Raises:
        PackageMissing: Polars is not installed.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise PackageMissing("polars") from error
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame
