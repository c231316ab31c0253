#!/bin/sh
# gb-io 0.4.0 (Python): the locations order(…) and bond(…) are both read as Join, so they can't be told apart in memory.
# Seen with Python 3.11: Join([Range(0, 4), Range(8, 12)]) for order(1..4,9..12), Join([Range(0, 1), Range(8, 9)]) for bond(1,9).
# Why it hurts: order() says that the joining is not known, bond() that two residues are linked; a program that spells a
# feature's sequence from these objects splices what nobody said belongs together.
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

text = """LOCUS       pTest                     24 bp    DNA     circular SYN 21-JAN-2022
FEATURES             Location/Qualifiers
     misc_feature    {}
                     /label="a"
ORIGIN
        1 acgtacgtac gtacgtacgt acgt
//
"""
kinds = {}
for location in ("join(1..4,9..12)", "order(1..4,9..12)", "bond(1,9)"):
    (record,) = gb_io.load(io.BytesIO(text.format(location).encode()))
    kinds[location] = type(record.features[0].location).__name__
print(f"gb-io {importlib.metadata.version('gb-io')}: {kinds}")
sys.exit(0 if set(kinds.values()) == {"Join"} else 1)
PYTHON
