#!/bin/sh
# needletail 0.7.3, oxbow 0.8.2, polars-bio 0.36.2 and screed 1.2.0: a comment line of a FASTA file (it begins with ";") is joined to
# the letters of its record. No error, no warning.
# Seen with Python 3.11: the sequence is '; checked by sequencingACGT' instead of 'ACGT', which is what biotite 1.6.0 reads.
# Why it hurts: the letters of the comment are counted, hashed and embedded, and "c", "g", "n" are valid letters.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check needletail==0.7.3 oxbow==0.8.2 polars-bio==0.36.2 \
    screed==1.2.0 biotite==1.6.0
printf '>p1\n; checked by sequencing\nACGT\n' >"$folder/parts.fasta"
"$folder/venv/bin/python" - "$folder/parts.fasta" <<'PYTHON'
import sys
from importlib.metadata import version

import biotite.sequence.io.fasta as fasta
import needletail
import oxbow
import polars_bio
import screed

path = sys.argv[1]
with screed.open(path) as file:
    by_screed = [record.sequence for record in file]
seen = {
    "needletail": [record.seq for record in needletail.parse_fastx_file(path)],
    "oxbow": oxbow.from_fasta(path).pl()["sequence"].to_list(),
    "polars-bio": polars_bio.read_fasta(path)["sequence"].to_list(),
    "screed": by_screed,
    "biotite": [sequence for _, sequence in fasta.FastaFile.read_iter(path)],
}
for package, sequences in seen.items():
    print(f"{package} {version(package)}: {sequences}")
expected = dict.fromkeys(seen, ["; checked by sequencingACGT"]) | {"biotite": ["ACGT"]}
sys.exit(0 if seen == expected else 1)
PYTHON
