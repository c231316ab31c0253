#!/bin/sh
# pyarrow 26.0.1: a bzip2 file with an empty stream between others can't be read: "bz2 decompress failed: wrong sequence of calls".
# Seen with Python 3.11; an empty stream at the beginning or at the end is read, and so are empty members of gzip and zstd.
# Why it hurts: joined files (cat a.bz2 b.bz2 c.bz2) are valid, and one of them may be empty.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import bz2
import sys

import pyarrow as pa

one, empty = bz2.compress(b"ACGT\n"), bz2.compress(b"")


def read(content):
    try:
        return pa.CompressedInputStream(pa.BufferReader(content), "bz2").read()
    except pa.ArrowException as error:
        return str(error)


found = [read(content) for content in (empty + one, one + empty, one + empty + one)]
print(f"pyarrow {pa.__version__}: {found}; Python's bz2: {bz2.decompress(one + empty + one)!r}")
sys.exit(0 if found[:2] == [b"ACGT\n"] * 2 and "wrong sequence of calls" in found[2] else 1)
PYTHON
