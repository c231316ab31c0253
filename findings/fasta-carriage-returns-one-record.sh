#!/bin/sh
# oxbow 0.8.2, polars-bio 0.36.2 and screed 1.2.0: a FASTA file with carriage returns as line ends is read as one record whose
# sequence is empty; the letters of all records stand in its name or description. No error, no warning.
# Seen with Python 3.11 for a file of two records; biotite 1.6.0 reads two records of 8 and 4 letters.
# Why it hurts: old sequence editors and instruments write these line ends. A count of sequences says 1, a count of letters 0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check oxbow==0.8.2 polars-bio==0.36.2 screed==1.2.0 biotite==1.6.0
printf '>p1\rACGT\rACGT\r>p2\rGGGG\r' >"$folder/parts.fasta"
"$folder/venv/bin/python" - "$folder/parts.fasta" <<'PYTHON'
import sys
from importlib.metadata import version

import biotite.sequence.io.fasta as fasta
import oxbow
import polars_bio
import screed

path = sys.argv[1]
with screed.open(path) as file:
    by_screed = [record.sequence for record in file]
seen = {
    "oxbow": oxbow.from_fasta(path).pl()["sequence"].to_list(),
    "polars-bio": polars_bio.read_fasta(path)["sequence"].to_list(),
    "screed": by_screed,
    "biotite": [sequence for _, sequence in fasta.FastaFile.read_iter(path)],
}
for package, sequences in seen.items():
    print(f"{package} {version(package)}: {sequences}")
wrong = [seen[package] for package in ("oxbow", "polars-bio", "screed")]
sys.exit(0 if wrong == [[""]] * 3 and seen["biotite"] == ["ACGTACGT", "GGGG"] else 1)
PYTHON
