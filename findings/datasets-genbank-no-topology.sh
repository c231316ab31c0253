#!/bin/sh
# datasets 5.2.0 (Hugging Face), load_dataset("genbank"): the loader has no column for circular or linear, and capitals and small
# letters are made one, so a plasmid and a linear piece of the same letters are equal rows.
# Seen with Python 3.11: equal rows for two files that differ in "circular" or "linear" and in the case of four letters.
# Why it hurts: positions over the origin of a plasmid have no meaning any more, and soft-masked letters are lost.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 biopython==1.88
cd "$folder"
for shape in circular linear; do
    cat >"$shape.gb" <<GENBANK
LOCUS       pTest                     24 bp    DNA     $(printf '%-8s' "$shape") SYN 21-JAN-2022
FEATURES             Location/Qualifiers
     misc_feature    join(20..24,1..4)
                     /label="a"
ORIGIN
        1 $([ "$shape" = linear ] && echo ACGTacgtac || echo acgtacgtac) gtacgtacgt acgt
//
GENBANK
done
HF_HOME=$folder HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import datasets

datasets.disable_progress_bars()
circular, linear = (
    datasets.load_dataset("genbank", data_files=f"{shape}.gb", cache_dir=shape, split="train").remove_columns("record")[0]
    for shape in ("circular", "linear")
)
print(f"datasets {datasets.__version__}: {sorted(circular)}; equal: {circular == linear}")
sys.exit(0 if circular == linear and circular["sequence"] == "ACGT" * 6 else 1)
PYTHON
