#!/bin/sh
# gb-io 0.4.0 (Python): a LOCUS line whose name holds a blank is dropped whole, without an error or a warning; written
# back, the circular plasmid of 2022 is a linear record named UNTITLED of 1 January 1970.
# Seen with Python 3.11: name None, circular False; the line written is "linear UNK 01-JAN-1970".
# Why it hurts: plasmid editors let users name a construct freely, and a round trip through this library changes its topology.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gb-io==0.4.0
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import io
import sys

import gb_io

locus = "LOCUS       my plasmid                24 bp    DNA     circular SYN 21-JAN-2022"
text = locus + "\nFEATURES             Location/Qualifiers\nORIGIN\n        1 acgtacgtac gtacgtacgt acgt\n//\n"
(record,) = gb_io.load(io.BytesIO(text.encode()))
back = io.BytesIO()
gb_io.dump([record], back)
written = back.getvalue().decode().splitlines()[0]
print(f"gb-io {importlib.metadata.version('gb-io')}: read     {locus}")
print(f"name {record.name!r}, circular {record.circular}; written  {written}")
lost = record.name is None and not record.circular and "linear" in written and written.endswith("01-JAN-1970")
sys.exit(0 if lost else 1)
PYTHON
