#!/bin/sh
# vortex-data 0.93.0 (Python), scan(expr=column("f") == 0.0): conditions order floats by their bits. A row with -0.0 is not
# equal to 0.0, is less than it, and is left out of f >= 0.0; a row with NaN is greater than every number.
# Seen with Python 3.11: rows [2], [1], [0, 2, 3] and [3] for == 0.0, < 0.0, >= 0.0 and > 1.0 of [0.5, -0.0, 0.0, NaN], where
# pyarrow 26.0.1 gives [1, 2], [], [0, 1, 2] and [].
# Why it hurts: scores that were rounded to zero from below vanish from a selection, and failed ones (NaN) are among the best.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check vortex-data==0.93.0 pyarrow==26.0.1
"$folder/venv/bin/python" - "$folder/scores.vortex" <<'PYTHON'
import importlib.metadata
import sys

import pyarrow as pa
import pyarrow.compute as pc
import vortex
from vortex import expr

table = pa.table({"row": [0, 1, 2, 3], "f": [0.5, -0.0, 0.0, float("nan")]})
vortex.io.write(table, sys.argv[1])
opened, column, field = vortex.open(sys.argv[1]), expr.column("f"), pc.field("f")
seen = [
    opened.scan(expr=condition).read_all().to_arrow_table()["row"].to_pylist()
    for condition in (column == 0.0, column < 0.0, column >= 0.0, column > 1.0)
]
arrow = [table.filter(condition)["row"].to_pylist() for condition in (field == 0.0, field < 0.0, field >= 0.0, field > 1.0)]
print(f"vortex-data {importlib.metadata.version('vortex-data')}: {seen}; pyarrow {pa.__version__}: {arrow}")
sys.exit(0 if seen == [[2], [1], [0, 2, 3], [3]] and arrow == [[1, 2], [], [0, 1, 2], []] else 1)
PYTHON
