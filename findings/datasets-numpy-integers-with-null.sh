#!/bin/sh
# datasets 5.2.0 (Hugging Face), with_format("numpy"): a column of int64 with one null comes out as float32, so that whole numbers
# beyond 2^24 are other numbers. The same column without a null comes out as int64.
# Seen with Python 3.11: 16777216.0 for 16777217, dtype float32, without a warning; Python's own format gives 16777217.
# Why it hurts: counts, positions on a genome and seeds of runs change for the whole batch because one record has no value.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0
HF_HOME=$folder HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import datasets

rows = datasets.Dataset.from_dict({"with_null": [16777217, None], "without": [16777217, 1]})
frame = rows.with_format("numpy")[:]
seen = str(frame["with_null"].dtype), float(frame["with_null"][0]), str(frame["without"].dtype), rows[0]["with_null"]
print(f"datasets {datasets.__version__}: {seen}")
sys.exit(0 if seen == ("float32", 16777216.0, "int64", 16777217) else 1)
PYTHON
