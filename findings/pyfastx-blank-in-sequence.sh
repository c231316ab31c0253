#!/bin/sh
# pyfastx 2.3.1, Fasta: a sequence line with a blank in it comes out with a NUL character at its end.
# Seen with Python 3.11: 'ACGTACGT\x00', nine characters; len(record) is nine as well. Fastx, of the same package, keeps the blank.
# Why it hurts: sequences in blocks of ten letters are common in files that were copied from a web page or GenBank, and the
# NUL is invisible in a terminal, in a table and in most editors: the sequence equals no other and has another length.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyfastx==2.3.1
printf '>part1\nACGT ACGT\n>part2\nACGT\n' >"$folder/parts.fasta"
"$folder/venv/bin/python" - "$folder/parts.fasta" <<'PYTHON'
import sys
from importlib.metadata import version

import pyfastx

record = pyfastx.Fasta(sys.argv[1])[0]
streamed = next(iter(pyfastx.Fastx(sys.argv[1])))[1]
print(f"pyfastx {version('pyfastx')}: Fasta {record.seq!r}, length {len(record)}; Fastx {streamed!r}")
sys.exit(0 if (record.seq, streamed) == ("ACGTACGT\x00", "ACGT ACGT") else 1)
PYTHON
