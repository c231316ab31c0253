#!/bin/sh
# pyfastx 2.3.1: where a FASTA record follows in a FASTQ file, it is read as a read with the qualities of the read before it.
# Seen with Python 3.11: the record >b of 6 letters comes as ('b', 'TTGACA', 'IIII'), with four qualities of another read. There is no
# error and no warning.
# Why it hurts: files joined with a shell's * mix formats now and then. The qualities are as plausible as those that were measured, and
# where the lengths agree nothing shows that they belong to another molecule.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyfastx==2.3.1
cd "$folder"
printf '@a\nACGT\n+\nIIII\n>b\nTTGACA\n>c\nTTTT\n' > mixed.fastq
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import pyfastx

reads = list(pyfastx.Fastq("mixed.fastq", build_index=False))
print(f"pyfastx {version('pyfastx')}: {reads}")
sys.exit(0 if reads == [("a", "ACGT", "IIII"), ("b", "TTGACA", "IIII"), ("c", "TTTT", "IIII")] else 1)
PYTHON
