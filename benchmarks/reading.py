"""Reading a dataset of 20 parts in batches for a training loop, beside pyarrow.parquet with the same from a flat file.

    python benchmarks/reading.py [--rows N] [--floats N] [--batch-rows N] [--runs N] [--json]

`ds.scan(batch_rows=…)` and `ds.batches(…)` of the sequence and two floats, or of a vector of `--floats`; the yardstick
is `ParquetFile.iter_batches` of the same columns and size of batch. CPU seconds of the reading alone, in processes of
their own, in turns; each sums one number of each batch, and the sums have to agree.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Figure, Ratio, emit, reached

PARTS = 20
SIDES = ("scan", "batches", "pyarrow")


def prepare(root: Path, rows: int, floats: int) -> None:
    """Make the dataset ``d`` with 20 parts in the base's order, and ``flat.parquet`` with what it shows."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from generate import write_sequences

    from usr_core.dataset import Dataset
    from usr_core.registry.store import register_namespace

    columns = (
        [("ml__v", f"fixed_size_list<float32>[{floats}]")] if floats else [("ml__a", "float64"), ("ml__b", "float64")]
    )
    register_namespace(root, "ml", columns)
    dataset = Dataset.open(root, "d").init()
    sequences = root / "sequences.csv"
    write_sequences(sequences, rows)
    dataset.import_file(sequences)
    sequences.unlink()
    ids = dataset.to_arrow(columns=["id"]).column("id").combine_chunks()
    numbers = np.random.default_rng(3)
    for share in np.array_split(np.arange(rows), PARTS):
        part = {"id": ids.slice(int(share[0]), len(share))}
        if floats:
            values = pa.array(numbers.random(len(share) * floats, np.float32))
            part["ml__v"] = pa.FixedSizeListArray.from_arrays(values, floats)
        else:
            part |= {name: pa.array(numbers.random(len(share))) for name, _ in columns}
        dataset.write_overlay_part("ml", pa.table(part))
    with dataset.scan() as reader, pq.ParquetWriter(root / "flat.parquet", reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)


def read(side: str, root: Path, rows: int, floats: int) -> None:
    """Read it once and print CPU seconds, wall seconds, the peak and a sum."""
    import resource

    import pyarrow.parquet as pq

    from usr_core.dataset import Dataset

    columns = ["ml__v"] if floats else ["sequence", "ml__a", "ml__b"]
    Dataset.open(root, "d").head(1)  # what is imported counts for neither side
    wall, cpu = time.perf_counter(), time.process_time()
    if side == "pyarrow":
        batches = pq.ParquetFile(root / "flat.parquet").iter_batches(batch_size=rows, columns=columns)
    elif side == "scan":
        batches = Dataset.open(root, "d").scan(columns=columns, batch_rows=rows)
    else:
        batches = Dataset.open(root, "d").batches(columns, batch_rows=rows)
    total, count = 0.0, 0
    for batch in batches:
        column = batch.column(columns[-1])
        total += column[0][0].as_py() if floats else column[0].as_py()
        count += len(batch)
    seconds = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([*seconds, peak, [count, round(total, 6)] if side != "scan" else [count, None]]))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--floats", type=int, default=0, help="of each vector; 0 reads scalars")
    options.add_argument("--batch-rows", type=int, default=1_024)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--json", action="store_true")
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        word, root = chosen.child
        if word == "prepare":
            prepare(Path(root), chosen.rows, chosen.floats)
        else:
            read(word, Path(root), chosen.batch_rows, chosen.floats)
        return 0
    samples: dict[str, list[tuple[float, float, float]]] = {side: [] for side in SIDES}
    told = set()
    with tempfile.TemporaryDirectory() as root:
        words = ["--rows", str(chosen.rows), "--floats", str(chosen.floats), "--batch-rows", str(chosen.batch_rows)]

        def child(word: str) -> str:
            argv = [sys.executable, __file__, *words, "--child", word, root]
            return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout

        child("prepare")
        for _ in range(chosen.runs):
            for side in SIDES:
                cpu, wall, peak, (count, total) = json.loads(child(side))
                samples[side].append((cpu, wall, peak))
                told.add((count, total))
    sums = {total for _, total in told if total is not None}
    if {count for count, _ in told} != {chosen.rows} or len(sums) != 1:
        raise SystemExit(f"the sides do not read the same: {told}")
    figures = {
        side: Figure(
            name=side,
            runs=chosen.runs,
            cpu_s=statistics.median(one[0] for one in seen),
            wall_s=statistics.median(one[1] for one in seen),
            peak_mib=statistics.median(one[2] for one in seen),
        )
        for side, seen in samples.items()
    }
    kind = "vectors" if chosen.floats else "scalars"
    ratios: list[Ratio] = [
        reached(f"{side} {kind}", figures[side].cpu_s / figures["pyarrow"].cpu_s) for side in ("scan", "batches")
    ]
    at = {"rows": chosen.rows, "parts": PARTS, "floats": chosen.floats or 2}
    return 0 if emit(figures, ratios, as_json=chosen.json, at=at) else 1


if __name__ == "__main__":
    sys.exit(main())
