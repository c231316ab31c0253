#!/bin/sh
# EMBOSS 6.6.0 (Debian 12), `seqret -feature`: the value of a /label loses its blanks and its quotes, and the VERSION line is lost.
# Seen: /label="lac operator 2" is written as /label=lacoperator2; a /note keeps its blanks. Exit code 0, no message.
# Why it hurts: plasmid editors give every feature its name by /label, so features can't be found by name behind a conversion.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v seqret >/dev/null || { echo "needs Debian's package emboss"; exit 2; }
cd "$folder"
cat >in.gb <<'GENBANK'
LOCUS       pTest                     24 bp    DNA     circular SYN 21-JAN-2022
DEFINITION  a plasmid.
ACCESSION   pTest
VERSION     pTest.1
FEATURES             Location/Qualifiers
     misc_feature    1..4
                     /label="lac operator 2"
                     /note="lac operator 2"
ORIGIN
        1 acgtacgtac gtacgtacgt acgt
//
GENBANK
dpkg-query -W emboss
timeout 60 seqret -sequence in.gb -sformat genbank -feature -outseq out.gb -osformat genbank -auto </dev/null
grep -E '/label|/note' out.gb
grep -q '/label=lacoperator2$' out.gb && grep -q '/note="lac operator 2"' out.gb && ! grep -q '^VERSION' out.gb
