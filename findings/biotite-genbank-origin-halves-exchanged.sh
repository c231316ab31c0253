#!/bin/sh
# biotite 1.6.0: a feature that goes across the origin of a circular GenBank record is spelled with its two halves exchanged.
# Seen with Python 3.11: join(20..24,1..4) of a record of 24 letters gives the letters 1 to 4 and then 20 to 24. The parts of a
# location are kept as a set, and read in the order of their positions; written back, they have either order, from run to run.
# Why it hurts: plasmid editors put position 1 anywhere, so that many plasmids have such a gene; its protein, primers and
# restriction sites are then those of a sequence that does not exist.
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

text = """LOCUS       pTest                     24 bp    DNA     circular SYN 21-JAN-2022
FEATURES             Location/Qualifiers
     CDS             join(20..24,1..4)
                     /label="a"
ORIGIN
        1 aaaccccccc cccccccccg tttt
//
"""
record = genbank.get_annotated_sequence(genbank.GenBankFile.read(io.StringIO(text)))
(feature,) = record.annotation
spelled = str(record[feature])
print(f"biotite {importlib.metadata.version('biotite')}: join(20..24,1..4) is {spelled}, not GTTTTAAAC")
sys.exit(0 if spelled == "AAACGTTTT" else 1)
PYTHON
