"""Validation of a dataset against decoding it, hashing it on all cores and sorting its ids, in one run.

The yardstick is one process: start, read the seven columns, sha1 of every sequence in DuckDB on all cores, sort eight
bytes of every id. `usr validate` runs beside it in turns, in processes of their own; medians of CPU and peak memory.

usage: python benchmarks/validate.py [ROWS [RUNS [--json]]]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from generate import write_sequences
from measure import Job, compare, emit, reached, run_jobs

YARDSTICK = """
import sys
import duckdb, numpy as np, pyarrow as pa, pyarrow.parquet as pq
columns = ["id", "bio_type", "sequence", "alphabet", "length", "source", "created_at"]
with pq.ParquetFile(sys.argv[1]) as source:
    words = np.empty(source.metadata.num_rows, np.uint64)
    done = 0
    connection = duckdb.connect()
    for group in range(source.metadata.num_row_groups):
        chunk = source.read_row_group(group, columns=columns)
        connection.sql("SELECT sha1(bio_type || '|' || sequence) AS id FROM chunk").to_arrow_table()
        ids = chunk.column("id").combine_chunks()
        ids = ids.chunk(0) if isinstance(ids, pa.ChunkedArray) else ids
        digits = np.frombuffer(ids.buffers()[2], np.uint64).reshape(-1, 5)
        words[done : done + len(ids)] = digits[: len(ids), 0]
        done += len(ids)
words.sort()
"""


def main(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    numbers = [int(argument) for argument in arguments if argument != "--json"]
    rows, runs = (*numbers, *(1_000_000, 5)[len(numbers) :])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        csv = root / "sequences.csv"
        write_sequences(csv, rows)
        usr = [str(Path(sys.executable).parent / "usr"), "--root", folder]
        # In processes of their own: a child's peak is at least what its parent holds when it forks.
        for words in (
            ["namespace", "register", "mock", "--columns", "mock__x:float64"],
            ["init", "bench"],
            ["import", "bench", "--path", str(csv), "--quiet"],
        ):
            subprocess.run([*usr, *words], check=True, stdout=subprocess.DEVNULL)
        records = root / "bench" / "records.parquet"
        figures = run_jobs(
            [
                Job(name="validate", argv=[*usr, "validate", "bench", "--quiet"]),
                Job(name="decode + sha1 + sort", argv=[sys.executable, "-c", YARDSTICK, str(records)]),
            ],
            runs=runs,
        )
    ratios = [
        compare(figures, "validate", "decode + sha1 + sort", target="validate"),
        reached("validate, memory", figures["validate"].peak_mib * 1.048576),
    ]
    return 0 if emit(figures, ratios, as_json=as_json, at={"rows": rows}) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
