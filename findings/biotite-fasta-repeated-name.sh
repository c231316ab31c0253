#!/bin/sh
# biotite 1.6.0, FastaFile.read: of two records with one name only the last is kept, without an error or a warning.
# Seen with Python 3.11: one item, 'GGGG'; FastaFile.read_iter, of the same class, gives both records.
# Why it hurts: exports of plate readers and of multi-copy genes repeat names, and the number of sequences shrinks on reading.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check biotite==1.6.0
printf '>p1\nACGT\n>p1\nGGGG\n' >"$folder/parts.fasta"
"$folder/venv/bin/python" - "$folder/parts.fasta" <<'PYTHON'
import sys
from importlib.metadata import version

import biotite.sequence.io.fasta as fasta

read = list(fasta.FastaFile.read(sys.argv[1]).items())
streamed = list(fasta.FastaFile.read_iter(sys.argv[1]))
print(f"biotite {version('biotite')}: read {read}, read_iter {streamed}")
sys.exit(0 if read == [("p1", "GGGG")] and streamed == [("p1", "ACGT"), ("p1", "GGGG")] else 1)
PYTHON
