#!/bin/sh
# pyfastx 2.3.1: a FASTQ file that ends inside the qualities of its last read is read without that read, and without an error (Fastx).
# Seen with Python 3.11: of the reads a and b only a comes out; dnaio 1.2.4 and pysam 0.24.1 raise an error.
# Why it hurts: a file that was cut off looks whole.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyfastx==2.3.1
printf '@a\nACGT\n+\nIIII\n@b\nACGT\n+\nII\n' >"$folder/cut.fastq"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import pyfastx

found = [read[0] for read in pyfastx.Fastx("cut.fastq")]
print(f"pyfastx {pyfastx.version()}: reads {found}")
sys.exit(0 if found == ["a"] else 1)
PYTHON
