"""Read a Parquet file with one reader and print the values of some columns: run by scripts/readers.py."""

from __future__ import annotations

import datetime as dt
import importlib
import importlib.metadata
import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

DISTRIBUTIONS = {"lance": "pylance"}


def spelled(value: Any) -> str:  # noqa: PLR0911  (a line for each kind of value)
    """Return one spelling of a value for all readers: types of numbers and of containers don't matter, digits do."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "null"
    if hasattr(value, "tolist") and not isinstance(value, str | bytes):
        value = str(value) if type(value).__name__ == "datetime64" else value.tolist()
    if isinstance(value, bool | Spelled):
        return str(value) if isinstance(value, Spelled) else str(value).lower()
    if isinstance(value, float):
        return "nan" if math.isnan(value) else str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, dt.datetime):
        return (value.astimezone(dt.UTC) if value.tzinfo else value).replace(tzinfo=None).isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return "0x" + bytes(value).hex()
    if isinstance(value, Mapping) or hasattr(value, "asDict"):
        items = value.asDict() if hasattr(value, "asDict") else value
        return "{" + ", ".join(f"{key}: {spelled(one)}" for key, one in items.items()) + "}"
    if isinstance(value, list | tuple) or type(value).__name__ == "Series":
        return "[" + ", ".join(map(spelled, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def from_arrow(column: Any) -> Any:
    """Return the values of an Arrow column; Python's datetime has no nanoseconds, which are told as text."""
    if str(column.type) != "timestamp[ns]":
        return column.to_pylist()
    texts = column.cast("string").to_pylist()
    return [None if text is None else Spelled(text.replace(" ", "T").removesuffix(".000000000")) for text in texts]


class Spelled(str):
    """Text that is spelled already."""


def duckdb(path: str, column: str) -> Any:
    import duckdb

    return [row[0] for row in duckdb.sql(f"select \"{column}\" from '{path}'").fetchall()]


def polars(path: str, column: str) -> Any:
    import polars

    return polars.read_parquet(path, columns=[column])[column].to_list()


def pandas(path: str, column: str) -> Any:
    import pandas

    return list(pandas.read_parquet(path, columns=[column])[column])


def datafusion(path: str, column: str) -> Any:
    import datafusion

    context = datafusion.SessionContext()
    context.register_parquet("t", path)
    return from_arrow(context.sql(f'select "{column}" from t').to_arrow_table().column(0))


def daft(path: str, column: str) -> Any:
    import daft

    return daft.read_parquet(path).select(column).to_pydict()[column]


def datasets(path: str, column: str) -> Any:
    import datasets

    return list(datasets.Dataset.from_parquet(path, columns=[column], cache_dir=f"{path}.cache")[column])


def lance(path: str, column: str) -> Any:
    import lance
    import pyarrow.parquet as pq

    target = f"{path}.{column}.lance"
    lance.write_dataset(pq.read_table(path, columns=[column]), target)
    return from_arrow(lance.dataset(target).to_table().column(column))


def chdb(path: str, column: str) -> Any:
    import chdb

    return from_arrow(chdb.query(f"select `{column}` from file('{path}', Parquet)", "ArrowTable").column(0))


def fastparquet(path: str, column: str) -> Any:
    import fastparquet

    frame = fastparquet.ParquetFile(path).to_pandas(columns=[column])
    return list(frame[column])


def pyspark(path: str, column: str) -> Any:
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    return [row[0] for row in session.read.parquet(path).select(column).collect()]


def main() -> None:
    reader, path, *names = sys.argv[1:]
    read: Callable[[str, str], Any] = globals()[reader]
    columns: dict[str, object] = {}
    for name in names:
        try:
            columns[name] = [spelled(value) for value in read(path, f"m__{name}")]
        except Exception as error:  # noqa: BLE001  (whatever a reader raises is what there is to tell)
            columns[name] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    version = importlib.metadata.version(DISTRIBUTIONS.get(reader, reader))
    print(json.dumps({"version": version, "columns": columns}))


if __name__ == "__main__":
    main()
