#!/bin/sh
# Biopython 1.88: a LOCUS line with a long name and no division loses "circular" without a word; written back, it is linear.
# Seen with Python 3.11: annotations have no "topology", and SeqIO.write gives a LOCUS line without "circular".
# Why it hurts: with a short name the same line is a ValueError, so a user believes that the reader checks it. Tools that
# ask for the topology then cut a plasmid open at its origin.
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

locus = "LOCUS       a_rather_long_plasmid_name_of_forty_chars 24 bp    DNA     circular 21-JAN-2022\n"
text = locus + "FEATURES             Location/Qualifiers\nORIGIN\n        1 acgtacgtac gtacgtacgt acgt\n//\n"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    (record,) = SeqIO.parse(io.StringIO(text), "genbank")
topology = record.annotations.get("topology")
record.annotations.setdefault("molecule_type", "DNA")
record.name = "short"
back = io.StringIO()
SeqIO.write(record, back, "genbank")
written = back.getvalue().splitlines()[0]
print(f"Biopython {Bio.__version__}: read     {locus.rstrip()}")
print(f"topology {topology!r}, warnings {len(caught)}; written  {written}")
sys.exit(0 if topology is None and not caught and "circular" not in written else 1)
PYTHON
