"""Memory of reading Parquet files whose row groups are large."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LETTERS, ROWS = 10_000, 12_000
MOST_MIB = 100

READ = """
import resource, sys
from pathlib import Path
from usr_core.api import ImportRequest
from usr_parquet.reader import ParquetImporter
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before = peak()
opened = ParquetImporter().open(ImportRequest(path=Path(sys.argv[1]), columns=("sequence",)))
print(sum(len(batch) for batch in opened.batches), peak() - before)
"""


def test_a_large_row_group_is_held_in_batches(tmp_path: Path) -> None:
    """Of one row group of 120 MB of text neither the pages nor the values are held whole; that took 148 MiB."""
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(1).integers(0, 4, ROWS * LETTERS, np.uint8)]
    ends = np.arange(ROWS + 1, dtype=np.int32) * LETTERS
    sequences = pa.Array.from_buffers(pa.string(), ROWS, [None, pa.py_buffer(ends), pa.py_buffer(letters)])
    file = tmp_path / "large.parquet"
    table = pa.table({"sequence": sequences})
    pq.write_table(table, file, compression="none", use_dictionary=False, row_group_size=ROWS)
    assert pq.read_metadata(file).num_row_groups == 1

    # In a child of a small process: a peak counts what the parent held when it forked.
    spawn = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', *sys.argv[1:]]).returncode)"
    argv = [sys.executable, "-c", spawn, READ, str(file)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120)

    rows, grown = map(int, done.stdout.split())
    assert rows == ROWS
    assert grown < MOST_MIB
