#!/bin/sh
# DuckDB 2.0.1 and pyarrow 26.0.1: a Parquet file that DuckDB wrote from a fixed-size array column (INTEGER[3]) with a null row
# can't be read by pyarrow.
# Seen with Python 3.11: pyarrow raises ArrowInvalid, "Length spanned by list offsets … larger than values array"; DuckDB
# reads its own file. A column of the same values that was cast to INTEGER[] before is read by both.
# Why it hurts: embeddings are fixed-size arrays, and the one record without an embedding makes the whole file unreadable.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from importlib.metadata import version

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

rows = "select * from (values (1, [1, 2, 3]::INTEGER[3]), (2, null), (3, [4, 5, 6]::INTEGER[3])) t(id, v)"
duckdb.sql(f"copy ({rows}) to '{sys.argv[1]}/array.parquet' (format parquet)")
duckdb.sql(f"copy (select id, v::INTEGER[] as v from ({rows})) to '{sys.argv[1]}/list.parquet' (format parquet)")
seen = {}
for name in ("array", "list"):
    try:
        seen[name] = pq.read_table(f"{sys.argv[1]}/{name}.parquet")["v"].to_pylist()
    except pa.ArrowInvalid as error:
        seen[name] = f"ArrowInvalid: {error}"
own = duckdb.sql(f"select v from '{sys.argv[1]}/array.parquet' order by id").fetchall()
print(f"duckdb {version('duckdb')} reads its array file as {own}")
print(f"pyarrow {version('pyarrow')}: array {seen['array']}; list {seen['list']}")
sys.exit(0 if str(seen["array"]).startswith("ArrowInvalid") and seen["list"] == [[1, 2, 3], None, [4, 5, 6]] else 1)
PYTHON
