"""Choosing rows and asking in SQL, beside DuckDB on flat Parquet files with the same rows: ratios of CPU seconds.

    python benchmarks/where.py [--rows N] [--runs N] [--keep DIR] [--json]

`export --where` may take 1.2 times what DuckDB takes to filter and copy the flat file, and `usr query`
1.3 times what DuckDB takes for the same groups. Each job is a process of its own, start included; jobs take
turns, medians of `--runs`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

from generate import write_sequences
from measure import Job, compare, emit, run_jobs

COLUMNS = [f"lab__v{number}" for number in range(4)]
CONDITION = "lab__v0 > 0.5 and sequence like '%GAATTC%'"
GROUPS = (
    "select lab__group, count(*) as n, avg(lab__v0), max(lab__v1), min(lab__v2), sum(lab__v3) from {table} group by 1"
)
DUCKDB = "import duckdb\nduckdb.connect().execute({statement!r}).fetchall()\n"


def generate(root: Path, usr: str, rows: int) -> None:
    """Make the dataset ``big`` with five attached columns, and ``flat.parquet`` with all that it shows."""
    import duckdb
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    csv = root / "sequences.csv"
    write_sequences(csv, rows)
    types = ",".join(["lab__group:string", *(f"{name}:float64" for name in COLUMNS)])
    for words in (
        ["namespace", "register", "lab", "--columns", types],
        ["init", "big"],
        ["import", "big", "--from", "csv", "--path", str(csv), "--quiet"],
    ):
        subprocess.run([usr, "--root", str(root), *words], check=True, stdout=subprocess.DEVNULL)
    csv.unlink()
    ids = pq.ParquetFile(root / "big" / "records.parquet").read(["id"]).column("id").combine_chunks()
    rng = np.random.default_rng(3)
    content = {"id": ids, "lab__group": pa.array([f"group {n}" for n in rng.integers(0, 50, len(ids)).tolist()])}
    values = root / "values.parquet"
    pq.write_table(pa.table(content | {name: pa.array(rng.random(len(ids))) for name in COLUMNS}), values)
    attach = [usr, "--root", str(root), "attach", "big", str(values), "--namespace", "lab", "--key", "id"]
    subprocess.run(attach, check=True, stdout=subprocess.DEVNULL)
    base = root / "big" / "records.parquet"
    flat = f"select * from read_parquet('{base}') a join read_parquet('{values}') b using (id)"
    duckdb.execute("set preserve_insertion_order = true")
    duckdb.execute(f"copy ({flat}) to '{root / 'flat.parquet'}' (format parquet, compression zstd)")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--keep", type=Path, help="make the dataset here, or use the one that is there")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()

    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as made:
        root = (chosen.keep or Path(made)).resolve()
        root.mkdir(exist_ok=True)
        if not (root / "flat.parquet").exists():
            # In a process of its own: a child's peak is never below its parent's.
            maker = multiprocessing.get_context("spawn").Process(target=generate, args=(root, usr, chosen.rows))
            maker.start()
            maker.join()
            if maker.exitcode:
                raise SystemExit("the dataset could not be made")
        flat = root / "flat.parquet"
        copied = (
            f"copy (from read_parquet('{flat}') where {CONDITION}) to '{root / 'copied.parquet'}' (compression zstd)"
        )
        asked = GROUPS.format(table=f"read_parquet('{flat}')")

        def command(*words: str) -> list[str]:
            return [usr, "--root", str(root), *words]

        exported = ["--fmt", "parquet", "--out", str(root / "exported.parquet"), "--overwrite", "--quiet"]
        figures = run_jobs(
            [
                Job(name="export --where", argv=command("export", "big", "--where", CONDITION, *exported)),
                Job(name="duckdb, copy", argv=[python, "-c", DUCKDB.format(statement=copied)]),
                Job(name="query, groups", argv=command("query", GROUPS.format(table="big"))),
                Job(name="duckdb, groups", argv=[python, "-c", DUCKDB.format(statement=asked)]),
            ],
            runs=chosen.runs,
        )
    ratios = [
        compare(figures, "export --where", "duckdb, copy", limit=1.2),
        compare(figures, "query, groups", "duckdb, groups", limit=1.3),
    ]
    return 0 if emit(figures, ratios, as_json=chosen.json, at={"rows": chosen.rows, "parts": 1}) else 1


if __name__ == "__main__":
    sys.exit(main())
