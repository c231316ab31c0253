#!/bin/sh
# fastparquet 2026.9.0 on a file of pyarrow 26.0.1: a date before 1677 is read as another date, without an error.
# Seen with Python 3.11: 1500-01-02 is read as 2084-07-21, while 1700-01-02 is right. pyarrow reads both as they were written.
# Why it hurts: pandas uses this reader where pyarrow is not installed, and a date in this century looks plausible.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fastparquet==2026.9.0 pyarrow==26.0.1
"$folder/venv/bin/python" - "$folder/values.parquet" <<'PYTHON'
import datetime
import sys
import warnings
from importlib.metadata import version

import pyarrow as pa
import pyarrow.parquet as pq

warnings.simplefilter("ignore")
import fastparquet

dates = [datetime.date(1500, 1, 2), datetime.date(1700, 1, 2)]
pq.write_table(pa.table({"d": pa.array(dates, pa.date32())}), sys.argv[1])
seen = [str(value)[:10] for value in fastparquet.ParquetFile(sys.argv[1]).to_pandas()["d"]]
own = [str(value) for value in pq.read_table(sys.argv[1])["d"].to_pylist()]
print(f"fastparquet {version('fastparquet')}: {seen}; pyarrow {version('pyarrow')}: {own}")
sys.exit(0 if seen == ["2084-07-21", "1700-01-02"] and own == ["1500-01-02", "1700-01-02"] else 1)
PYTHON
