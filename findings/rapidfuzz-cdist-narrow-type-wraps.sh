#!/bin/sh
# rapidfuzz 3.14.6, process.cdist(…, dtype=numpy.uint8): a distance above 255 is stored without its high bits, without an error.
# Seen with Python 3.11: 44 for two sequences of 300 letters that differ in each of them, and -56 for 200 letters with int8.
# Why it hurts: uint8 is what saves memory in a matrix of all pairs, and unlike sequences come out as near neighbours.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rapidfuzz==3.14.6 numpy==2.4.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy
import rapidfuzz
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein


def told(letters: int, kind: type) -> int:
    table = process.cdist(["A" * letters], ["C" * letters], scorer=Levenshtein.distance, dtype=kind)
    return int(table[0, 0])


seen = told(300, numpy.uint8), told(200, numpy.int8), told(300, numpy.uint16)
print(f"rapidfuzz {rapidfuzz.__version__}: uint8 {seen[0]} for 300, int8 {seen[1]} for 200, uint16 {seen[2]} for 300")
sys.exit(0 if seen == (44, -56, 300) else 1)
PYTHON
