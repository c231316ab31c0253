#!/bin/sh
# biotite 1.6.0: a value of a GenBank qualifier is cut at a doubled quote, and what follows becomes qualifiers of its own.
# Seen with Python 3.11: /note="binds the ""left"" arm" is {'note': 'binds the ', ...} with further keys made of the rest. In
# the format, "" inside a value stands for one quote.
# Why it hurts: names in quotes and 5" ends are common in notes of primers and features; the note is shortened without a word,
# and a file that was read and written holds keys that no program knows. Two such pieces that are alike end in a TypeError.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check biotite==1.6.0
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import io
import sys

import biotite.sequence.io.genbank as genbank

text = '''LOCUS       pTest                     24 bp    DNA     circular SYN 21-JAN-2022
FEATURES             Location/Qualifiers
     primer_bind     1..8
                     /note="binds the ""left"" arm"
ORIGIN
        1 acgtacgtac gtacgtacgt acgt
//
'''
(feature,) = genbank.get_annotation(genbank.GenBankFile.read(io.StringIO(text)))
print(f"biotite {importlib.metadata.version('biotite')}: {feature.qual}, not a note with the word left in quotes")
cut = feature.qual.get("note", "").strip() == "binds the" and len(feature.qual) > 1
sys.exit(0 if cut else 1)
PYTHON
