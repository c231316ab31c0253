"""Asking a large dataset with parts: `get`, `grep`, `describe`, `cell`, SQL, a filtered scan, beside their yardsticks.

    python benchmarks/query.py [--rows N] [--part-rows N] [--runs N] [--keep DIR] [--json]

Each job is a process of its own, start included; jobs take turns, medians of `--runs`. `get` stands beside importing
what it is made of, `grep` for what is not there beside DuckDB and Polars on the bare file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

from generate import write_sequences
from measure import Job, beyond, compare, emit, run_jobs

NAMESPACES = [f"ns{number}" for number in range(5)]
PARTS = 20
ABSENT = "GATTACAGATTACAGATTACA"
ABSENT_SHAPE = "GATTACA[AC]{3}GATTACA.TTACA"

START = "import typer, numpy, pyarrow.parquet"
DUCKDB = """
import duckdb
con = duckdb.connect()
print(con.execute("select {what} from read_parquet('{file}'){where}").fetchall())
con.close()
"""
POLARS = "import polars as pl; print(pl.scan_parquet({file!r}).filter({where}).select('id').collect())"
READ = "from usr_core import Dataset\nds = Dataset.open({root!r}, 'big')\nprint({call})\n"


def generate(root: Path, usr: str, rows: int, part_rows: int) -> None:
    """Make the dataset ``big``: the base by `usr import`, the parts as `usr attach` would write them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    csv = root / "sequences.csv"
    write_sequences(csv, rows)
    for words in (
        ["namespace", "register", "ns0", "--columns", "ns0__v:float64"],
        ["init", "big"],
        ["import", "big", "--from", "csv", "--path", str(csv), "--quiet"],
    ):
        subprocess.run([usr, "--root", str(root), *words], check=True, stdout=subprocess.DEVNULL)
    csv.unlink()
    ids = pq.ParquetFile(root / "big" / "records.parquet").read(["id"]).column("id").combine_chunks()
    rng = np.random.default_rng(3)
    for namespace in NAMESPACES:
        place = root / "big" / "_derived" / namespace
        place.mkdir(parents=True)
        for number in range(PARTS):
            mine = pa.array(np.sort(rng.choice(rows, part_rows, replace=False)))
            stamps = {
                "usr:overlay_namespace": namespace,
                "usr:overlay_key": "id",
                "usr:overlay_created_at": f"2026-01-01T00:00:00.{number:06}Z",
            }
            table = pa.table({"id": ids.take(mine), f"{namespace}__v": pa.array(rng.random(part_rows))})
            pq.write_table(
                table.replace_schema_metadata(stamps),
                place / f"part-20260101T000000{number:06}-00000000.parquet",
                compression="zstd",
                row_group_size=131_072,
                bloom_filter_options={"id": {"ndv": min(part_rows, 131_072), "fpp": 0.001}},
            )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--part-rows", type=int, default=100_000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--keep", type=Path, help="make the dataset here, or use the one that is there")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()

    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as made:
        root = (chosen.keep or Path(made)).resolve()
        root.mkdir(exist_ok=True)
        if not (root / "big").exists():
            # In a process of its own: a child's peak is never below its parent's.
            work = (root, usr, chosen.rows, min(chosen.part_rows, chosen.rows))
            maker = multiprocessing.get_context("spawn").Process(target=generate, args=work)
            maker.start()
            maker.join()
            if maker.exitcode:
                raise SystemExit("the dataset could not be made")
        file = root / "big" / "records.parquet"
        middle = _id_at(file, chosen.rows // 2)

        def command(*words: str) -> list[str]:
            return [usr, "--root", str(root), *words]

        def duckdb(what: str, where: str = "") -> list[str]:
            return [python, "-c", DUCKDB.format(what=what, where=where, file=file)]

        def polars(where: str) -> list[str]:
            return [python, "-c", POLARS.format(where=where, file=str(file))]

        def read(call: str) -> list[str]:
            return [python, "-c", READ.format(root=str(root), call=call)]

        matching = f" where regexp_matches(sequence, '{ABSENT}')"
        shaped = f" where regexp_matches(sequence, '{ABSENT_SHAPE}')"
        jobs = [
            Job(name="start", argv=[python, "-c", START]),
            Job(name="get", argv=command("get", "big", "--id", middle)),
            Job(name="get --format json", argv=command("get", "big", "--id", middle, "--format", "json")),
            Job(name="cell", argv=command("cell", "big", "--row", str(chosen.rows // 2), "--col", "ns1__v")),
            Job(name="describe", argv=command("describe", "big")),
            Job(name="grep, text", argv=command("grep", "big", "--pattern", ABSENT)),
            Job(name="duckdb, text", argv=duckdb("id", matching)),
            Job(name="polars, text", argv=polars(f"pl.col('sequence').str.contains('{ABSENT}', literal=True)")),
            Job(name="grep, shape", argv=command("grep", "big", "--pattern", ABSENT_SHAPE)),
            Job(name="duckdb, shape", argv=duckdb("id", shaped)),
            Job(name="sql, one column", argv=read("ds.sql('select max(length) from records').fetchall()")),
            Job(name="duckdb, one column", argv=duckdb("max(length)")),
            Job(name="scan, filtered", argv=read("ds.to_arrow(columns=['id'], where=[('length', '<', 60)]).num_rows")),
            Job(name="duckdb, filtered", argv=duckdb("id", " where length < 60")),
        ]
        figures = run_jobs(jobs, runs=chosen.runs)
    ratios = [
        compare(figures, "grep, text", "polars, text", target="grep"),
        compare(figures, "grep, text", "duckdb, text", limit=1.4),
        compare(figures, "grep, shape", "duckdb, shape", limit=1.4),
        *(beyond(figures, name, "start", "get, 5x20 parts") for name in ("get", "get --format json")),
    ]
    at = {"rows": chosen.rows, "namespaces": len(NAMESPACES), "parts": PARTS}
    return 0 if emit(figures, ratios, as_json=chosen.json, at=at) else 1


def _id_at(file: Path, row: int) -> str:
    import pyarrow.parquet as pq

    source = pq.ParquetFile(file)
    for group in range(source.metadata.num_row_groups):
        if row < source.metadata.row_group(group).num_rows:
            return str(source.read_row_group(group, columns=["id"]).column(0)[row])
        row -= source.metadata.row_group(group).num_rows
    raise SystemExit(f"{file} has no row {row}")


if __name__ == "__main__":
    sys.exit(main())
