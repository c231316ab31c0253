"""Materialize, validate and export of 1 M rows, 5 namespaces of 20 parts: peak memory, and CPU against read + write.

    python benchmarks/materialize.py [--rows N] [--runs N]

The yardstick reads base and parts once with pyarrow and writes one table of the same columns.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from generate import write_sequences
from measure import Figure, Job, compare, emit, reached, run_jobs

NAMESPACES = [f"ns{number}" for number in range(5)]
PARTS = 20

READ_WRITE = """
import sys, glob
import pyarrow as pa, pyarrow.parquet as pq
from usr_core.store.base.file import write_options
base = pq.read_table(sys.argv[1] + "/records.parquet", use_threads=True)
for number in range(5):
    parts = [pq.read_table(p) for p in sorted(glob.glob(f"{sys.argv[1]}/_derived/ns{number}/part-*.parquet"))]
    values = pa.concat_tables(parts).slice(0, base.num_rows)
    base = base.append_column(f"ns{number}__a", values.column(f"ns{number}__a"))
    base = base.append_column(f"ns{number}__b", values.column(f"ns{number}__b"))
options = write_options(base.schema, bloom="id")
with pq.ParquetWriter(sys.argv[2], base.schema, **options.writer_arguments()) as writer:
    writer.write_table(base, row_group_size=options.rows_per_group)
"""


def generate(root: Path, rows: int) -> None:
    """Make the dataset through the library: the base by an import, the parts by `write_overlay_part`."""
    import numpy as np
    import pyarrow as pa

    from usr_core import Dataset
    from usr_core.registry.store import register_namespace

    for name in NAMESPACES:
        register_namespace(root, name, [(f"{name}__a", "float64"), (f"{name}__b", "float64")])
    csv = root / "sequences.csv"
    write_sequences(csv, rows)
    dataset = Dataset.open(root, "big").init()
    dataset.import_file(csv)
    csv.unlink()
    ids = dataset.to_arrow(columns=["id"]).column("id").combine_chunks()
    rng = np.random.default_rng(3)
    for name in NAMESPACES:
        for share in np.array_split(rng.permutation(rows), PARTS):
            mine = np.sort(share)
            values = {"a": pa.array(rng.random(len(mine))), "b": pa.array(rng.random(len(mine)))}
            dataset.write_overlay_part(name, pa.table({"id": ids.take(pa.array(mine)), **values}))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    usr = str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        # In a process of its own: a child's peak is never below its parent's.
        maker = multiprocessing.get_context("spawn").Process(target=generate, args=(root, chosen.rows))
        maker.start()
        maker.join()
        if maker.exitcode:
            raise SystemExit("the dataset could not be made")
        out = Path(folder) / "out.parquet"
        command = [usr, "--root", str(root)]
        jobs = {
            "materialize": [*command, "materialize", "big", "--yes", "--quiet"],
            "validate": [*command, "validate", "big", "--quiet"],
            "export": [*command, "export", "big", "--fmt", "parquet", "--out", str(out), "--overwrite", "--quiet"],
            "read + write": [sys.executable, "-c", READ_WRITE, str(root / "big"), str(Path(folder) / "table.parquet")],
        }
        pristine = Path(folder) / "pristine"
        shutil.copytree(root / "big", pristine)
        samples: dict[str, list[Figure]] = {name: [] for name in jobs}
        for _ in range(chosen.runs):
            for name, argv in jobs.items():
                # The unmeasured first turn materializes; the measured one merges the parts over a base that has them.
                shutil.rmtree(root / "big")
                shutil.copytree(pristine, root / "big")
                samples[name].append(run_jobs([Job(name=name, argv=argv)], runs=1)[name])
    figures = {name: middle(name, figures) for name, figures in samples.items()}
    ratios = []
    for name in ("materialize", "export"):
        ratios.append(compare(figures, name, "read + write", target=name))
        ratios.append(reached(f"{name}, memory", figures[name].peak_mib * 1.048576))
    at = {"rows": chosen.rows, "namespaces": len(NAMESPACES), "parts": PARTS}
    return 0 if emit(figures, ratios, at=at) else 1


def middle(name: str, figures: list[Figure]) -> Figure:
    """Return the medians of figures of one run each."""
    return Figure(
        name=name,
        runs=len(figures),
        cpu_s=statistics.median(figure.cpu_s for figure in figures),
        wall_s=statistics.median(figure.wall_s for figure in figures),
        peak_mib=statistics.median(figure.peak_mib for figure in figures),
    )


if __name__ == "__main__":
    raise SystemExit(main())
