"""Attaching a few rows to large datasets against DuckDB joining the same files and writing the result, in one run.

    python benchmarks/attach.py [--rows N] [--few N] [--runs N] [--json]

Two datasets, one of `--rows` records and one of a tenth of them, and files of `--few` rows keyed by id and by
sequence. A run of its own shows what the first attachment costs, before anything is remembered of the base.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from measure import Job, compare, emit, reached, run_jobs

JOIN = """
import duckdb, sys
base, file, key, target = sys.argv[1:]
connection = duckdb.connect()
connection.execute("set threads = 2")
joined = f"select b.id, f.mock__score from '{file}' f join '{base}' b on b.{key} = f.{key}"
connection.execute(f"copy ({joined}) to '{target}' (format parquet)")
"""

WRITE = """
import sys
import pyarrow.parquet as pq
from usr_core.dataset import Dataset

root, file, calls = sys.argv[1:]
table = pq.read_table(file)
dataset = Dataset.open(root, "ns/large")
for _ in range(int(calls)):
    dataset.write_overlay_part("mock", table, key="id")
"""
CALLS = (1, 11)


def make_dataset(root: Path, rows: int, few: int) -> Path:
    """Make a dataset of `rows` records with the ids of their sequences, and two files of `few` rows to attach."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from usr_core.dataset import Dataset
    from usr_core.records.base_schema import base_schema
    from usr_core.records.bulk_ids import IdHasher
    from usr_core.registry.store import register_namespace
    from usr_core.store.base.file import write_options
    from usr_core.store.base.parquet import usr_metadata

    root.mkdir()
    register_namespace(root, "mock", [("mock__score", "float64")])
    base = Dataset.open(root, "ns/large").init().path / "records.parquet"
    schema = base_schema().with_metadata(usr_metadata(pq.read_schema(base)))
    options = write_options(schema, bloom="id")
    generator = np.random.default_rng(1)
    letters = np.frombuffer(b"ACGT", np.uint8)
    chosen = []
    with pq.ParquetWriter(base, schema, **options.writer_arguments()) as writer, IdHasher(expected_rows=rows) as hasher:
        for start in range(0, rows, options.rows_per_group):
            count = min(options.rows_per_group, rows - start)
            ends = np.arange(count + 1, dtype=np.int32) * np.int32(60)
            text = letters[generator.integers(0, 4, 60 * count, np.uint8)].tobytes()
            sequences = pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(ends), pa.py_buffer(text)])
            ids = hasher.ids("dna", sequences)
            constants = [pa.repeat(value, count) for value in ("dna", "dna_4", "benchmark")]
            made = pa.repeat(pa.scalar(1_600_000_000_000_000, pa.timestamp("us", tz="UTC")), count)
            length = pa.array(np.full(count, 60, np.int32))
            columns = [ids, constants[0], sequences, constants[1], length, constants[2], made]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=count)
            share = np.sort(generator.choice(count, max(1, min(count, few * count // rows + 1)), replace=False))
            chosen.append(pa.table({"id": ids, "sequence": sequences}).take(pa.array(share)))
    table = pa.concat_tables(chosen)
    table = table.take(pa.array(generator.permutation(len(table))[:few]))
    table = table.append_column("mock__score", pa.array(generator.random(len(table))))
    for key in ("id", "sequence"):
        pq.write_table(table.select([key, "mock__score"]), root / f"{key}.parquet")
    return base


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--few", type=int, default=1_000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()

    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bases = {}
        with ProcessPoolExecutor(1, get_context("spawn")) as maker:
            for size, rows in (("large", chosen.rows), ("small", chosen.rows // 10)):
                bases[size] = maker.submit(make_dataset, folder / size, rows, chosen.few).result()
        jobs = []
        for key in ("id", "sequence"):
            for size, base in bases.items():
                file = folder / size / f"{key}.parquet"
                argv = [usr, "attach", "ns/large", str(file), "--namespace", "mock", "--key", key, "--allow-overwrite"]
                for name, setting in (("attach", str(folder / "cache")), ("attach, no cache", "off")):
                    environ = {"USR_CACHE_DIR": setting}
                    jobs.append(Job(name=f"{name}, {size}, by {key}", argv=argv, cwd=folder / size, env=environ))
                join = [python, "-c", JOIN, str(base), str(file), key, os.devnull]
                jobs.append(Job(name=f"DuckDB, {size}, by {key}", argv=join, cwd=folder))
        kept, copy = folder / "kept", folder / "copy"
        shutil.copytree(folder / "large", kept, copy_function=os.link)  # before anything is attached

        def afresh() -> None:
            """Let the calls find a dataset without parts; its base is the same file."""
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(kept, copy, copy_function=os.link)

        for calls in CALLS:
            argv = [python, "-c", WRITE, str(copy), str(kept / "id.parquet"), str(calls)]
            environ = {"USR_CACHE_DIR": str(folder / "cache")}
            jobs.append(Job(name=f"write_overlay_part, {calls} calls", argv=argv, env=environ, before=afresh))
        figures = run_jobs(jobs, runs=chosen.runs)
    ratios = []
    for key in ("id", "sequence"):
        large = f"attach, large, by {key}"
        ratios.append(compare(figures, large, f"DuckDB, large, by {key}", target=f"attach few by {key}"))
        ratios.append(compare(figures, large, f"attach, small, by {key}", target="attach few, growth"))
    peak = max(figures[f"attach, large, by {key}"].peak_mib for key in ("id", "sequence"))
    ratios.append(reached("attach few, memory", peak))
    first, all_ = (figures[f"write_overlay_part, {calls} calls"].cpu_s for calls in CALLS)
    ratios.append(reached("write_overlay_part", (all_ - first) / (CALLS[1] - CALLS[0])))
    return 0 if emit(figures, ratios, as_json=chosen.json, at={"rows": chosen.rows}) else 1


if __name__ == "__main__":
    sys.exit(main())
