#!/bin/sh
# samtools 1.16.1 (Debian 12), pysam 0.24.1 and pyfaidx 0.9.2.2 on a FASTA file in blocks of ten letters ("ACGTACGTAC GTACGTACGT"):
# the index counts the blanks, so a position behind one names another letter.
# Seen: samtools faidx prints the whole record rightly, but G for the letter at position 12, which is a T; so does pysam;
# pyfaidx returns a blank for position 11, and takes 40 letters for 42.
# No error and no warning from any of them.
# Why it hurts: blocks of ten are what GenBank, UniProt and many web pages show. A variant or a guide is then looked up one
# letter beside its place, while the whole sequence looks right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v samtools >/dev/null || { echo "needs Debian's package samtools"; exit 2; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pysam==0.24.1 pyfaidx==0.9.2.2
printf '>p\nACGTACGTAC GTACGTACGT\nACGTACGTAC GTACGTACGT\n' >"$folder/blocks.fasta"
cp "$folder/blocks.fasta" "$folder/a.fasta"
cp "$folder/blocks.fasta" "$folder/b.fasta"
samtools --version | head -n 1
whole=$(samtools faidx "$folder/blocks.fasta" p | tail -n +2 | tr -d '\n')
single=$(for at in 9 12 15 20 35; do samtools faidx "$folder/blocks.fasta" "p:$at-$at" | tail -n 1; done | tr -d '\n')
echo "samtools: whole $whole; letters 9 12 15 20 35: $single"
"$folder/venv/bin/python" - "$folder" "$whole" "$single" <<'PYTHON'
import sys
from importlib.metadata import version

import pyfaidx
import pysam

folder, whole, single = sys.argv[1:]
places = (9, 12, 15, 20, 35)
right = "ACGTACGTACGTACGTACGT" * 2
expected = "".join(right[at - 1] for at in places)
with pysam.FastaFile(f"{folder}/a.fasta") as file:
    by_pysam = (file.get_reference_length("p"), "".join(file.fetch("p", at - 1, at) for at in places))
record = pyfaidx.Fasta(f"{folder}/b.fasta")["p"]
by_pyfaidx = (len(record), str(record[10:11]))
print(f"right: 40 letters, letters {' '.join(map(str, places))}: {expected}; letter 11: {right[10]!r}")
print(f"pysam {version('pysam')}: length {by_pysam[0]}, letters {by_pysam[1]}")
print(f"pyfaidx {version('pyfaidx')}: length {by_pyfaidx[0]}, letter 11: {by_pyfaidx[1]!r}")
same = (whole, single, by_pysam, by_pyfaidx) == (right, "AGCGC", (40, "AGCGC"), (42, " "))
sys.exit(0 if same else 1)
PYTHON
