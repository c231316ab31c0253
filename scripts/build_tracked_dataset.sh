#!/bin/sh
# build_tracked_dataset.sh: build datasets/registry.yaml and datasets/usr/anderson_promoters anew, with the tool itself.
# It runs under the host name `demo` and in /tmp/usr-demo, so that the event log names nobody's machine. Needs `usr`
# first on PATH and the right to a host name of its own (root, or user namespaces).
set -eu
checkout=$(cd "$(dirname "$0")/.." && pwd)
work=/tmp/usr-demo

if [ "${1:-}" != inside ]; then
    if [ -e "$work" ]; then
        echo "build_tracked_dataset: $work exists; remove it first" >&2
        exit 1
    fi
    own_name="--uts"
    [ "$(id -u)" = 0 ] || own_name="--uts --map-root-user"
    # Unquoted: one or two words.
    # shellcheck disable=SC2086
    exec unshare $own_name sh "$0" inside
fi

hostname demo
trap 'rm -rf "$work"' EXIT
for name in $(env | sed -n 's/^\(USR_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
export USR_ROOT="$work/datasets"
mkdir -p "$USR_ROOT"
cp -R "$checkout/datasets/demo_material" "$work/"
# Paths that end up in events are relative to here.
cd "$work"
dataset=usr/anderson_promoters

usr namespace register quickstart --owner usr --description "numbers about the Anderson promoters" --columns \
    'quickstart__X_value:list<float64>,quickstart__intensity_log2_offset_delta:float64,quickstart__y_sfxi:fixed_size_list<float64>[8]'
usr init "$dataset" --source "iGEM Registry of Standard Biological Parts" \
    --notes "The Anderson collection of constitutive E. coli promoters, BBa_J23100 to BBa_J23119"
usr import "$dataset" --from csv --path demo_material/demo_sequences.csv --bio-type dna --alphabet dna_4
usr attach "$dataset" --path demo_material/demo_attachment_one.csv --namespace quickstart \
    --key sequence --key-col sequence --columns X_value
usr attach "$dataset" --path demo_material/demo_y_sfxi.csv --namespace quickstart \
    --key sequence --key-col sequence --columns intensity_log2_offset_delta,y_sfxi --allow-missing
usr validate "$dataset" --strict

rm -rf "$checkout/datasets/usr/anderson_promoters" "$checkout/datasets/registry.yaml"
mkdir -p "$checkout/datasets/usr"
cp -R "$USR_ROOT/$dataset" "$checkout/datasets/usr/"
cp "$USR_ROOT/registry.yaml" "$checkout/datasets/"
# Machinery is never tracked.
rm -rf "$checkout/datasets/usr/anderson_promoters/.usr.lock" "$checkout/datasets/usr/anderson_promoters/.usr.tmp"
