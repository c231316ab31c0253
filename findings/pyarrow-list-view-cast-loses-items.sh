#!/bin/sh
# pyarrow 26.0.1: casting list_view<string> or list_view<string_view> to list<string> loses the items of the row behind a null, without an error.
# Seen with Python 3.11: [['a', 'b'], None, ['c']] becomes [['a', 'b'], None, []] for both.
# Why it hurts: newer engines hand out view types, and the cast to the plain ones is the first thing that a writer does.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import pyarrow as pa

values = [["a", "b"], None, ["c"]]
found = {
    item: pa.array(values, pa.list_view(kind)).cast(pa.list_(pa.string())).to_pylist()
    for item, kind in (("string_view", pa.string_view()), ("string", pa.string()))
}
print(f"pyarrow {pa.__version__}: {found}")
sys.exit(0 if list(found.values()) == [[["a", "b"], None, []]] * 2 else 1)
PYTHON
