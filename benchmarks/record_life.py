"""Deleting, restoring and state on a large base: one record, and 100,000 of them through an id file.

    python benchmarks/record_life.py [--rows N] [--runs N] [--json]

Each turn deletes, restores, sets and clears, so that every measured change is a real one and the dataset is
as before. Yardsticks, in CPU time of the same turns: Python with pyarrow.parquet imported, which every change
pays; and the same with the base's id column read once. `beyond start` is the time above the first yardstick.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from measure import Job, beyond, compare, emit, run_jobs

MANY = 100_000
FEW_LIMIT = 2.5
MANY_LIMIT = 2.0
START = "start"
READ_IDS = "start + ids read once"


def make_dataset(root: Path, rows: int) -> Path:
    """Make a dataset whose base has `rows` random records, in the form that imports write."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from usr_core.dataset import Dataset
    from usr_core.records.base_schema import base_schema
    from usr_core.registry.store import register_namespace
    from usr_core.store.base.file import write_options
    from usr_core.store.base.parquet import usr_metadata

    register_namespace(root, "mock", [("mock__score", "float64")])
    base = Dataset.open(root, "ns/large").init().path / "records.parquet"
    # Ids are random: nothing measured here computes them.
    schema = base_schema().with_metadata(usr_metadata(pq.read_schema(base)))
    options = write_options(schema, bloom="id")
    generator = np.random.default_rng(1)
    letters = np.frombuffer(b"ACGT", np.uint8)

    def text(content: bytes, count: int, width: int) -> pa.Array:
        ends = np.arange(count + 1, dtype=np.int32) * np.int32(width)
        return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(ends), pa.py_buffer(content)])

    with pq.ParquetWriter(base, schema, **options.writer_arguments()) as writer:
        for start in range(0, rows, options.rows_per_group):
            count = min(options.rows_per_group, rows - start)
            columns = [
                text(generator.bytes(20 * count).hex().encode(), count, 40),
                pa.repeat("dna", count),
                text(letters[generator.integers(0, 4, 60 * count, np.uint8)].tobytes(), count, 60),
                pa.repeat("dna_4", count),
                pa.array(np.full(count, 60, np.int32)),
                pa.repeat("benchmark", count),
                pa.repeat(pa.scalar(1_600_000_000_000_000, pa.timestamp("us", tz="UTC")), count),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=count)
    return base


def write_ids(base: Path, file: Path) -> str:
    """Write 100,000 ids from all over the base, and return one of them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    column = pq.ParquetFile(base).read(["id"]).column(0)
    chosen = np.random.default_rng(2).choice(len(column), min(MANY, len(column)), replace=False)
    ids = column.take(pa.array(chosen)).to_pylist()
    file.write_text("".join(f"{one}\n" for one in ids), encoding="utf-8")
    return str(ids[len(ids) // 2])


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=2_000_000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()

    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as folder:
        root, file = Path(folder) / "root", Path(folder) / "ids.txt"
        root.mkdir()
        # In a process of its own: a child's peak memory counts that of the parent it was forked from.
        with ProcessPoolExecutor(1, get_context("spawn")) as maker:
            base = maker.submit(make_dataset, root, chosen.rows).result()
            one = maker.submit(write_ids, base, file).result()
        read = f"import pyarrow.parquet as pq; pq.ParquetFile({str(base)!r}, pre_buffer=True).read(['id'])"
        jobs = [
            Job(name=START, argv=[python, "-c", "import pyarrow.parquet"], cwd=root),
            Job(name=READ_IDS, argv=[python, "-c", read], cwd=root),
        ]
        for label, words in (("1 id", ["--id", one]), (f"{MANY:,} ids", ["--id-file", str(file)])):
            for verb in (["delete"], ["restore"], ["state", "set"], ["state", "clear"]):
                extra = ["--split", "train"] if verb[-1] == "set" else []
                argv = [usr, *verb, "ns/large", *words, *extra]
                jobs.append(Job(name=f"{' '.join(verb)}, {label}", argv=argv, cwd=root))
        figures = run_jobs(jobs, runs=chosen.runs)
    few = [job.name for job in jobs if job.name.endswith("1 id")]
    many = [job.name for job in jobs if job.name.endswith(" ids")]
    ratios = [compare(figures, name, START, limit=FEW_LIMIT) for name in few]
    ratios += [compare(figures, name, READ_IDS, limit=MANY_LIMIT) for name in many]
    ratios += [beyond(figures, name, START, f"{name.partition(',')[0]} many") for name in many]
    return 0 if emit(figures, ratios, as_json=chosen.json, at={"rows": chosen.rows}) else 1


if __name__ == "__main__":
    sys.exit(main())
