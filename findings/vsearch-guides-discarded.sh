#!/bin/sh
# VSEARCH 2.22.1 (Debian 12), --derep_fulllength: every sequence shorter than 32 letters is left out by default, so of a library of
# 20-letter guides nothing is written, with exit code 0; and an RNA counts as a duplicate of its DNA.
# Seen: an empty output for three guides; with --minseqlength 1 one record, whose size is 3 although one of the three is
# written with U. The line "minseqlength 32: 3 sequences discarded." stands between the progress lines on stderr.
# Why it hurts: a pipeline that checks exit codes goes on with no sequences; and where DNA and RNA are different records,
# a dereplicated set has lost some of them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v vsearch >/dev/null || { echo "needs Debian's package vsearch"; exit 2; }
cd "$folder"
printf '>a\nGATTACAGATTACAGATTAC\n>b\nGATTACAGATTACAGATTAC\n>c\nGAUUACAGAUUACAGAUUAC\n' >guides.fasta
vsearch --version 2>&1 | head -n 1 | cut -d, -f1
vsearch --quiet --derep_fulllength guides.fasta --output default.fasta --sizeout
vsearch --quiet --derep_fulllength guides.fasta --output all.fasta --sizeout --minseqlength 1
echo "default: $(grep -c '^>' default.fasta || true) records; --minseqlength 1: $(grep '^>' all.fasta)"
[ ! -s default.fasta ] && [ "$(grep '^>' all.fasta)" = ">a;size=3" ]
