"""Whole columns: a float and 512 floats attached to every record, materialized and exported.

    python benchmarks/columns.py [--rows N] [--runs N] [--json] [--vectors N]

A float is attached by id and by sequence, from Parquet and from CSV, against DuckDB joining the same files and writing
the result. Vectors are attached in the base's order and shuffled, against writing their bytes; materialize is compared
with copying the base and the part it folds in, and a start of `usr`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from attach import JOIN, make_dataset
from measure import Figure, Job, Ratio, compare, emit, reached, run_jobs

FLOATS = 512
MB = 1.048576

RAW_WRITE = """
import os, sys
left, block = int(sys.argv[2]), os.urandom(1 << 20) * 32
with open(sys.argv[1], "wb", buffering=0) as file:
    while left:
        left -= file.write(memoryview(block)[:left])
    os.fsync(file.fileno())
"""

RENEW = """
import shutil, sys
shutil.rmtree(sys.argv[2])
shutil.copytree(sys.argv[1], sys.argv[2])
"""

COPY = """
import os, shutil, sys
for number, source in enumerate(sys.argv[2:]):
    shutil.copyfile(source, f"{sys.argv[1]}{number}")
    with open(f"{sys.argv[1]}{number}", "rb+") as file:
        os.fsync(file.fileno())
"""


def make_columns(root: Path, rows: int) -> None:
    """Make a dataset, and files of a float for each record."""
    import pyarrow.csv
    import pyarrow.parquet as pq

    make_dataset(root, rows, rows)
    for key in ("id", "sequence"):
        pyarrow.csv.write_csv(pq.read_table(root / f"{key}.parquet"), root / f"{key}.csv")


def make_vectors(root: Path, rows: int) -> None:
    """Register a column of vectors, and write files of them in the base's order and in another."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from usr_core.registry.store import register_namespace

    register_namespace(root, "vec", [("vec__e", f"fixed_size_list<float32>[{FLOATS}]")])
    ids = pq.read_table(root / "ns/large/records.parquet", columns=["id"]).column("id").combine_chunks()
    generator = np.random.default_rng(2)
    schema = pa.schema({"id": pa.string(), "e": pa.list_(pa.float32(), FLOATS)})
    for name, order in (("in order", np.arange(rows)), ("shuffled", generator.permutation(rows))):
        with pq.ParquetWriter(root / f"{name}.parquet", schema, compression="none", use_dictionary=False) as writer:
            for start in range(0, rows, 16_384):
                mine = pa.array(order[start : start + 16_384])
                values = pa.array(generator.random(len(mine) * FLOATS, np.float32))
                vectors = pa.FixedSizeListArray.from_arrays(values, FLOATS)
                writer.write_table(pa.Table.from_arrays([ids.take(mine), vectors], schema=schema))


def attach_columns(root: Path, runs: int) -> dict[str, Figure]:
    """Attach a float to every record by either key and from either format."""
    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    jobs = []
    for key in ("id", "sequence"):
        for kind, ending in (("Parquet", "parquet"), ("CSV", "csv")):
            file = root / f"{key}.{ending}"
            argv = [usr, "attach", "ns/large", str(file), "--namespace", "mock", "--key", key, "--allow-overwrite"]
            jobs.append(Job(name=f"attach by {key}, {kind}", argv=argv, cwd=root))
            base = str(root / "ns/large/records.parquet")
            join = [python, "-c", JOIN, base, str(file), key, str(root / "joined.parquet")]
            jobs.append(Job(name=f"DuckDB by {key}, {kind}", argv=join, cwd=root))
    return run_jobs(jobs, runs=runs)


def measure_vectors(root: Path, rows: int, runs: int) -> tuple[dict[str, Figure], list[Ratio]]:
    """Attach vectors in both orders, and materialize, export and compact what stands in the base's order."""
    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    dataset, figures = root / "ns/large", dict[str, Figure]()
    pristine = root / "pristine"
    shutil.copytree(dataset, pristine)

    def again(name: str, argv: list[str], yardstick: Job, start: Path) -> None:
        """Measure a job that changes the dataset, each time from `start`, and its yardstick in turns with it."""
        prepare = Job(name="prepare", argv=[python, "-c", RENEW, str(start), str(dataset)])
        figures.update(run_jobs([prepare, Job(name=name, argv=argv, cwd=root), yardstick], runs=runs))

    write = [python, "-c", RAW_WRITE, str(root / "raw"), str(4 * FLOATS * rows)]
    for order in ("shuffled", "in order"):
        argv = [usr, "attach", "ns/large", str(root / f"{order}.parquet"), "--namespace", "vec", "--key", "id"]
        again(f"attach vectors, {order}", argv, Job(name=f"raw write, beside {order}", argv=write), pristine)
        (root / f"{order}.parquet").unlink()
    attached = root / "attached"
    shutil.copytree(dataset, attached)
    files = [str(attached / "records.parquet"), *map(str, attached.glob("_derived/vec/*"))]
    copy = Job(name="copy", argv=[python, "-c", COPY, str(root / "copy"), *files])
    again("materialize vectors", [usr, "materialize", "ns/large", "--yes"], copy, attached)
    out = str(root / "out.parquet")
    export = [usr, "export", "ns/large", "--fmt", "parquet", "--out", out, "--overwrite"]
    figures |= run_jobs([Job(name="export vectors", argv=export, cwd=root)], runs=runs)
    figures |= run_jobs([Job(name="start", argv=[usr, "info", "ns/large"], cwd=root)], runs=runs)
    ratios = [
        compare(figures, f"attach vectors, {order}", f"raw write, beside {order}", target=f"attach vectors, {order}")
        for order in ("shuffled", "in order")
    ]
    peak = max(figures[f"attach vectors, {order}"].peak_mib for order in ("shuffled", "in order"))
    yardstick = figures["copy"].cpu_s + figures["start"].cpu_s
    ratios += [
        reached("attach vectors, memory", peak * MB),
        reached("materialize vectors", figures["materialize vectors"].cpu_s / yardstick),
        reached("materialize vectors, memory", figures["materialize vectors"].peak_mib * MB),
    ]
    figures.pop("prepare")
    return figures, ratios


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--vectors", type=int, default=1_000_000, help="rows of the dataset with vectors")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with ProcessPoolExecutor(1, get_context("spawn")) as maker:
            maker.submit(make_columns, folder / "floats", chosen.rows).result()
        figures = attach_columns(folder / "floats", chosen.runs)
        for key in ("id", "sequence"):
            for kind in ("Parquet", "CSV"):
                name, target = f"by {key}, {kind}", f"attach column by {key}, {kind}"
                ratios.append(compare(figures, f"attach {name}", f"DuckDB {name}", target=target))
        shutil.rmtree(folder / "floats")
        good = emit(figures, ratios, as_json=chosen.json, at={"rows": chosen.rows})
        with ProcessPoolExecutor(1, get_context("spawn")) as maker:
            maker.submit(make_dataset, folder / "vectors", chosen.vectors, 1).result()
            maker.submit(make_vectors, folder / "vectors", chosen.vectors).result()
        figures, ratios = measure_vectors(folder / "vectors", chosen.vectors, chosen.runs)
    return 0 if emit(figures, ratios, as_json=chosen.json, at={"rows": chosen.vectors, "floats": FLOATS}) & good else 1


if __name__ == "__main__":
    sys.exit(main())
