#!/bin/sh
# Biopython 1.88: the case of letters in a GenBank file is lost: they are read as capitals and written as small letters.
# Seen with Python 3.11: "acgtACGTac" below ORIGIN is read as ACGTACGTAC and written as acgtacgtac, while FASTA keeps the case.
# A qualifier without a value, /pseudo, comes back as /pseudo="", which is another value.
# Why it hurts: case is how masked repeats, primers' tails, exons and changed bases are marked; reading and writing a file,
# or converting it to FASTA, removes the marks without a word.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check biopython==1.88
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import io
import sys

from Bio import SeqIO

text = """LOCUS       pTest                     10 bp    DNA     circular SYN 21-JAN-2022
DEFINITION  test.
ACCESSION   pTest
VERSION     pTest.1
KEYWORDS    .
FEATURES             Location/Qualifiers
     CDS             1..9
                     /pseudo
ORIGIN
        1 acgtACGTac
//
"""
record = next(SeqIO.parse(io.StringIO(text), "genbank"))
out = io.StringIO()
SeqIO.write([record], out, "genbank")
letters = out.getvalue().split("ORIGIN")[1].split()[1]
pseudo = next(line.strip() for line in out.getvalue().splitlines() if "/pseudo" in line)
print(f"Biopython {importlib.metadata.version('biopython')}: acgtACGTac is read as {record.seq}, written as {letters}; /pseudo as {pseudo}")
sys.exit(0 if (str(record.seq), letters, pseudo) == ("ACGTACGTAC", "acgtacgtac", '/pseudo=""') else 1)
PYTHON
