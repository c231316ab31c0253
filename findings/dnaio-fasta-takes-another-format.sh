#!/bin/sh
# dnaio 1.2.4, Biopython 1.88: FASTQ reads or a GenBank record behind a FASTA record are letters of that record's sequence: headers,
# qualities, numbers and all.
# Seen with Python 3.11: a file of two FASTA records and one read gives two records, the second with the sequence TTGACA@aACGT+IIII. Neither
# raises an error or warns. pyfastx 2.3.1 reads the same file as three records.
# Why it hurts: one record takes up the rest of the file, so that a count of records is lower and no tool says that anything is missing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dnaio==1.2.4 biopython==1.88 pyfastx==2.3.1
cd "$folder"
printf '>x\nACGT\n>b\nTTGACA\n@a\nACGT\n+\nIIII\n' > mixed.fasta
venv/bin/python - <<'PYTHON'
import sys

import dnaio
import pyfastx
from Bio import SeqIO

with dnaio.open("mixed.fasta") as file:
    by_dnaio = [(record.name, record.sequence) for record in file]
by_biopython = [(record.id, str(record.seq)) for record in SeqIO.parse("mixed.fasta", "fasta")]
by_pyfastx = list(pyfastx.Fasta("mixed.fasta", build_index=False))
print(f"dnaio: {by_dnaio}\nBiopython: {by_biopython}\npyfastx: {by_pyfastx}")
joined = [("x", "ACGT"), ("b", "TTGACA@aACGT+IIII")]
sys.exit(0 if by_dnaio == by_biopython == joined and len(by_pyfastx) == 3 else 1)
PYTHON
