#!/bin/sh
# dask 2026.8.0, distributed 2026.8.0: a `with dask.config.set({"distributed.…": …})` around the first import of distributed takes
# all defaults of distributed away when it ends, so that every later client, cluster or Security of the process fails.
# Seen with Python 3.11: KeyError: 'distributed' from Security(); after an import before the `with`, or without the `with`, it works.
# Why it hurts: libraries import distributed late because it is heavy, and set options around that; the error comes later, from
# another place, and names a key that nobody has removed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dask==2026.8.0 distributed==2026.8.0
cat >"$folder/seen.py" <<'PYTHON'
import sys
from importlib.metadata import version

import dask

if sys.argv[1] == "before":
    import distributed
with dask.config.set({"distributed.scheduler.worker-ttl": "60s"}):
    import distributed
try:
    distributed.Security()
    seen = "a Security"
except KeyError as error:
    seen = f"KeyError: {error}"
print(f"distributed {version('distributed')}, imported {sys.argv[1]} the with: {seen}")
sys.exit(0 if seen.startswith("KeyError") == (sys.argv[1] == "inside") else 1)
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" before
"$folder/venv/bin/python" "$folder/seen.py" inside
