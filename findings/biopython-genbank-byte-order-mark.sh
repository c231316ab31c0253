#!/bin/sh
# Biopython 1.88, SeqIO.parse(…, "genbank"): a file that begins with a byte order mark has no records, and nothing is said.
# Seen with Python 3.11: 1 record without the mark, 0 records with it, no exception and no warning.
# Why it hurts: plasmid editors on Windows save with the mark, and a pipeline goes on with an empty list.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check biopython==1.88
cat >"$folder/plasmid.gb" <<'GENBANK'
LOCUS       pTest                     24 bp    DNA     circular SYN 21-JAN-2022
DEFINITION  test plasmid.
ACCESSION   pTest
VERSION     pTest
FEATURES             Location/Qualifiers
ORIGIN
        1 acgtACGTac gtacgtACGT acgt
//
GENBANK
{ printf '\357\273\277'; cat "$folder/plasmid.gb"; } >"$folder/marked.gb"
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
import warnings

import Bio
from Bio import SeqIO

seen = {}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for name in ("plasmid.gb", "marked.gb"):
        with open(f"{sys.argv[1]}/{name}", encoding="utf-8") as file:
            seen[name] = len(list(SeqIO.parse(file, "genbank")))
print(f"Biopython {Bio.__version__}: records without the mark {seen['plasmid.gb']}, with it {seen['marked.gb']},"
      f" warnings {len(caught)}")
sys.exit(0 if (seen["plasmid.gb"], seen["marked.gb"], len(caught)) == (1, 0, 0) else 1)
PYTHON
