#!/bin/sh
# SeqKit 2.3.0 (Debian 12), `seqkit seq -r -p`: the kind of the first record is taken for the whole file. Behind a record with a
# stop sign or with no letters, every DNA record is only reversed, not complemented; behind an RNA record, the T of DNA stays T.
# Seen: ACGTT comes out as TTGCA behind ">p" MKV*, as TTCGU behind ">r" ACGU, and as AACGT alone. Exit code 0, with a
# warning on standard error that does not name the records ("complement does no take effect on protein/unlimit sequence").
# Why it hurts: reverse complements of a library are wrong for all of its records because of one odd record at its head.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v seqkit >/dev/null || { echo "needs Debian's package seqkit"; exit 2; }
cd "$folder"
seqkit version
complement() { printf '%b>b\nACGTT\n' "$1" | seqkit seq -r -p 2>warnings.txt | tail -n 1; }
alone=$(complement '')
behind_protein=$(complement '>p\nMKV*\n')
behind_nothing=$(complement '>e\n\n')
behind_rna=$(complement '>r\nACGU\n')
echo "ACGTT alone: $alone; behind a protein: $behind_protein; behind no letters: $behind_nothing; behind RNA: $behind_rna"
[ "$alone $behind_protein $behind_nothing $behind_rna" = "AACGT TTGCA TTGCA TTCGU" ]
