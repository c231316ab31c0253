#!/bin/sh
# dnaio 1.2.4, needletail 0.7.3, pyfastx 2.3.1, Biopython 1.88 (Bio.bgzf): a BGZF file that was cut off between two blocks is read as a
# shorter file, without an error; pysam 0.24.1 reads it too, with a warning on standard error.
# Seen with Python 3.11: 700 of 1,000 reads from each. The block of no bytes at the end, which shows it, is looked at by htslib alone.
# Why it hurts: sequencers and bgzip write such files as .fastq.gz; a transfer that stops there looks like a smaller run.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    dnaio==1.2.4 needletail==0.7.3 pyfastx==2.3.1 biopython==1.88 pysam==0.24.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import gzip
import sys

import dnaio
import needletail
import pyfastx
import pysam
from Bio import SeqIO, bgzf


def block(content):
    member = gzip.compress(content)
    length = (len(member) + 7).to_bytes(2, "little")
    return b"\x1f\x8b\x08\x04" + member[4:10] + b"\x06\x00BC\x02\x00" + length + member[10:]


reads = [f"@r{number}\nACGTACGTAC\n+\nIIIIIIIIII\n".encode() for number in range(1000)]
blocks = [block(b"".join(reads[first : first + 100])) for first in range(0, 1000, 100)]
with open("cut.fastq.gz", "wb") as file:
    file.write(b"".join(blocks[:7]))

found = {
    "dnaio": sum(1 for _ in dnaio.open("cut.fastq.gz")),
    "needletail": sum(1 for _ in needletail.parse_fastx_file("cut.fastq.gz")),
    "pyfastx": len(pyfastx.Fastq("cut.fastq.gz")),
    "Biopython": sum(1 for _ in SeqIO.parse(bgzf.open("cut.fastq.gz", "rt"), "fastq")),
    "pysam": sum(1 for _ in pysam.FastxFile("cut.fastq.gz")),
}
print(f"reads of 1,000: {found}")
sys.exit(0 if set(found.values()) == {700} else 1)
PYTHON
