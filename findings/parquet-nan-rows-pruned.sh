#!/bin/sh
# DuckDB 2.0.1 and DataFusion 55.0.0 miss NaN rows of a Parquet file that pyarrow 26.0.1 wrote with its default statistics.
# Seen with Python 3.11, 3 of 6 values NaN: DuckDB finds 0 rows for isnan(x) and 0 for x > 10 (3 and 3 in memory, where NaN is
# greater than all numbers); DataFusion finds 3 for isnan(x) but 0 for x > 10. With write_statistics=False both find 3 and 3.
# The minimum and maximum in a Parquet file leave NaN out, as its specification says; the engines compare the condition with
# them and skip the row group.
# Why it hurts: NaN marks failed measurements and diverged models, and "how many failed?" is answered with 0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1 datafusion==55.0.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from importlib.metadata import version

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from datafusion import SessionContext

nan = float("nan")
table = pa.table({"x": pa.array([1.0, nan, 2.0, nan, 3.0, nan])})
found = {}
for name, statistics in (("with", True), ("without", False)):
    path = f"{sys.argv[1]}/{name}.parquet"
    pq.write_table(table, path, write_statistics=statistics)
    context = SessionContext()
    context.register_parquet("t", path)
    for condition in ("isnan(x)", "x > 10"):
        found[name, condition] = (
            duckdb.sql(f"select count(*) from '{path}' where {condition}").fetchall()[0][0],
            context.sql(f"select count(*) as n from t where {condition}").to_pydict()["n"][0],
        )
for package in ("duckdb", "datafusion", "pyarrow"):
    print(package, version(package))
for (name, condition), (in_duckdb, in_datafusion) in found.items():
    print(f"{name} statistics, where {condition}: DuckDB {in_duckdb} rows, DataFusion {in_datafusion} rows")
sys.exit(0 if list(found.values()) == [(0, 3), (0, 0), (3, 3), (3, 3)] else 1)
PYTHON
