#!/bin/sh
# dnaio 1.2.4, pyfastx 2.3.1 and Biopython 1.88 give three names to one FASTA record whose header has a blank behind ">".
# Seen with Python 3.11 for "> part1 a promoter": dnaio ' part1 a promoter' (its id is ''), pyfastx '', Biopython 'part1'.
# No exception and no warning from any of them.
# Why it hurts: some editors write the blank. Records of a whole file then share the empty name, and a join by name
# either loses all but one of them or matches none.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dnaio==1.2.4 pyfastx==2.3.1 biopython==1.88
printf '> part1 a promoter\nACGTACGT\n' >"$folder/parts.fasta"
"$folder/venv/bin/python" - "$folder/parts.fasta" <<'PYTHON'
import sys
from importlib.metadata import version

import dnaio
import pyfastx
from Bio import SeqIO

path = sys.argv[1]
with dnaio.open(path) as file:
    (record,) = file
names = {
    "dnaio": (record.name, record.id),
    "pyfastx": next(iter(pyfastx.Fastx(path)))[0],
    "biopython": next(SeqIO.parse(path, "fasta")).id,
}
for package, name in names.items():
    print(f"{package} {version(package)}: {name!r}")
sys.exit(0 if names == {"dnaio": (" part1 a promoter", ""), "pyfastx": "", "biopython": "part1"} else 1)
PYTHON
