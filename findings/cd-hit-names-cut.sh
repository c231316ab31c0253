#!/bin/sh
# CD-HIT 4.8.1 (Debian 12, cd-hit-est with default options): names are cut after 20 characters in the .clstr file, so two
# records of one library have one name there; and sequences shorter than 11 letters are left out of everything.
# Seen: ">guide_library_plate..." twice for guide_library_plate01_A01 and guide_library_plate01_A02, "total seq: 2" for three
# records, exit code 0. (-d 0 keeps the first word of the header, -l sets the shortest length.)
# Why it hurts: a cluster table that is joined back by name gives the members of one well to another, and barcodes and
# short motifs vanish from the counts.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v cd-hit-est >/dev/null || { echo "needs Debian's package cd-hit"; exit 2; }
cd "$folder"
printf '>guide_library_plate01_A01\nGATTACAGATTACAGATTAC\n>guide_library_plate01_A02\nGATTACAGATTACAGATTAC\n>barcode\nACGTACGTA\n' >in.fasta
cd-hit-est -i in.fasta -o out.fasta -c 1.0 >log.txt
dpkg-query -W cd-hit
grep '^total seq' log.txt
cat out.fasta.clstr
[ "$(grep -c '>guide_library_plate\.\.\.' out.fasta.clstr)" = 2 ] && grep -q '^total seq: 2' log.txt && ! grep -q barcode out.fasta.clstr
