#!/bin/sh
# Biopython 1.88: where the line of // between two GenBank or EMBL records is missing, the second record's annotation becomes letters of
# the first one's sequence, and the second record is lost. There is no error; a warning speaks of the first record's length.
# Seen with Python 3.11: of two records of 10 letters one comes, and its sequence holds the words of the other's first lines.
# Why it hurts: files are joined by hand and by scripts. The letters are upper-cased and look like a protein or like ambiguity codes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check biopython==1.88
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys
import warnings

import Bio
from Bio import SeqIO


def genbank(name):
    return (
        f"LOCUS       {name}                10 bp    DNA     linear   SYN 01-JAN-2020\n"
        "FEATURES             Location/Qualifiers\nORIGIN\n        1 acgtacgtac\n"
    )


def embl(name):
    return f"ID   {name}; SV 1; linear; DNA; STD; SYN; 10 BP.\nSQ   Sequence 10 BP;\n     acgtacgtac        10\n"


found = {}
for kind, make in (("genbank", genbank), ("embl", embl)):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        records = list(SeqIO.parse(io.StringIO(make("p1") + make("p2") + "//\n"), kind))
    found[kind] = len(records), str(records[0].seq)
    print(f"Biopython {Bio.__version__}, {kind}: {found[kind]}; warnings: {sorted({str(one.message) for one in said})}")
lost = all(count == 1 and letters.startswith("ACGTACGTAC") and "P2" in letters for count, letters in found.values())
sys.exit(0 if lost else 1)
PYTHON
