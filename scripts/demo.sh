#!/bin/sh
# demo.sh: the main job on real sequences, step by step, in a fresh folder. Needs `usr` and its `python` first on PATH.
# It is a test as well: every step has to do what its explanation says, the refusals included.
set -eu
material=$(cd "$(dirname "$0")/../datasets/demo_material" && pwd)
dataset=demo/anderson_promoters

# Nothing of the caller's settings takes part.
for name in $(env | sed -n 's/^\(USR_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done

folder=$(mktemp -d "${TMPDIR:-/tmp}/usr-demo.XXXXXX")
export USR_ROOT="$folder/datasets"
mkdir "$USR_ROOT" "$folder/exports"
errors=$folder/errors.txt

step() {
    printf '\n# %s\n' "$*"
}

# The command as a person would type it, then what it says.
run() {
    show "$@"
    usr "$@"
}

# Print a command so that it can be pasted: what the shell would take apart is quoted.
show() {
    printf '$ usr'
    for part in "$@"; do
        case $part in
        *[!A-Za-z0-9_./:,=-]*) printf " '%s'" "$part" ;;
        *) printf ' %s' "$part" ;;
        esac
    done
    printf '\n'
}

# refused WORD ARGUMENT…: the command has to fail with exit code 1 and an error that names WORD.
refused() {
    word=$1
    shift
    show "$@"
    code=0
    usr "$@" 2>"$errors" || code=$?
    cat "$errors"
    if [ "$code" != 1 ] || ! grep -q "error\[USR-" "$errors" || ! grep -q "$word" "$errors"; then
        echo "demo: this had to be refused with exit code 1 and name $word; the exit code was $code" >&2
        exit 1
    fi
    echo "(refused as it should be, exit code 1)"
}

echo "The demo works in $folder"

step "Make this folder a root, and in it a dataset; import a FASTA file as it is. Names and descriptions stay."
run init demo/parts --new-root --source "make demo"
run import demo/parts "$material/anderson.fasta"

step "A table whose rows are keyed by name: register its column, and attach it by the names of the FASTA file."
run namespace register plate --columns plate__strength:float64
run attach demo/parts "$material/relative_strength.csv" --namespace plate --key fasta__name --key-col part
run head demo/parts -n 3 --columns fasta__name,length,plate__strength,sequence

step "Register a namespace: the columns that may be attached, each with its type."
run namespace register quickstart --columns \
    'quickstart__X_value:list<float64>,quickstart__intensity_log2_offset_delta:float64,quickstart__y_sfxi:fixed_size_list<float64>[8]' \
    --description "numbers about the Anderson promoters"

step "Make an empty dataset."
run init "$dataset" --source "make demo" --notes "constitutive promoters, BBa_J23100 to BBa_J23119"

step "Import the sequences: 19 records."
run import "$dataset" --from csv --path "$material/demo_sequences.csv" --bio-type dna --alphabet dna_4

step "J23112 carries the same sequence as J23103, which is in the dataset. The import says so and writes nothing."
refused ctgatagctagctcagtcctagggattatgctagc \
    import "$dataset" --from csv --path "$material/demo_sequence_repeated.csv" --bio-type dna --alphabet dna_4

step "Say what is to happen with duplicates: leave them out. The dataset still has 19 records."
run import "$dataset" --from csv --path "$material/demo_sequence_repeated.csv" --bio-type dna --alphabet dna_4 \
    --on-duplicate skip

step "Attach a list of numbers to each sequence: box matches and GC content. The base file stays as it is."
run attach "$dataset" --path "$material/demo_attachment_one.csv" --namespace quickstart \
    --key sequence --key-col sequence --columns X_value

step "Attach a file in which sequences repeat, one row a tag. One key can't have two values: refused, nothing changes."
refused ttgacggctagctcagtcctaggtacagtgctagc \
    attach "$dataset" --path "$material/demo_attachment_two.csv" --namespace quickstart \
    --key sequence --key-col sequence --columns X_value --allow-overwrite

step "Attach measurements that exist for 17 of the 19 only; the others stay without a value."
run attach "$dataset" --path "$material/demo_y_sfxi.csv" --namespace quickstart \
    --key sequence --key-col sequence --columns intensity_log2_offset_delta,y_sfxi --allow-missing

step "Look: what the dataset is, its first rows with the attached columns, its typed schema."
run info "$dataset"
run head "$dataset" -n 3
run schema "$dataset" --tree

step "Compute a value of each sequence: a function by name, run in processes, attached as one more overlay."
run namespace register features --columns features__gc:float64
run map "$dataset" --fn gc --into features__gc
run head "$dataset" -n 3 --columns sequence,features__gc

step "Fold the attached columns into the base file, with a snapshot of it before."
run materialize "$dataset" --snapshot-before --yes

step "Check everything: every id recomputed, types, keys, the chain of events."
run validate "$dataset" --strict

step "Export for other tools."
run export "$dataset" --fmt parquet --out "$folder/exports"
run export "$dataset" --fmt csv --out "$folder/exports"

step "Ask a question, and take the answer along: a FASTA file of the strongest promoters."
run export demo/parts --where "plate__strength >= 0.7" --fmt fasta --out "$folder/exports/strongest.fasta"
grep '^>' "$folder/exports/strongest.fasta"

step "Every change has left one line."
run events tail "$dataset" --n 0

step "The exported Parquet is plain Parquet. DuckDB reads it without USR: the five strongest promoters."
python - "$folder/exports/demo__anderson_promoters.parquet" <<'PYTHON'
import sys

import duckdb

promoters = duckdb.read_parquet(sys.argv[1])
rows, measured, vectors = promoters.aggregate(
    "count(*), count(quickstart__intensity_log2_offset_delta), count(quickstart__y_sfxi)"
).fetchall()[0]
assert (rows, measured, vectors) == (19, 17, 17), (rows, measured, vectors)
print(f"{rows} promoters, {measured} with a published strength")
print("sequence                              log2 strength  -35 match  -10 match")
for sequence, intensity, minus_35, minus_10 in duckdb.sql(
    "select sequence, quickstart__intensity_log2_offset_delta as strength, quickstart__X_value[1],"
    " quickstart__X_value[2] from promoters where strength is not null order by strength desc limit 5"
).fetchall():
    print(f"{sequence}   {intensity:12.2f}   {minus_35:8.2f}   {minus_10:8.2f}")
PYTHON

rm -f "$errors"
printf '\nAll of it is in %s; look around, and remove it when you are done.\n' "$folder"
