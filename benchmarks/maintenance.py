"""Maintenance against its yardsticks: 1 M records, 20 parts of two columns.

    python benchmarks/maintenance.py [--rows N] [--runs N] [--json]

Compacting 20 parts stands beside reading them and writing their merged rows, a dry run of dedupe beside reading its
key column and sorting it. Each job is a process of its own, start included; see `measure`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Job, compare, emit, run_jobs
from merge import generate

PARTS = 20
NAMESPACE = "ns0"
KEYS = ("id", "sequence", "sequence_ci")


def prepare(root: Path, rows: str) -> None:
    """Make the dataset ``d`` in `root`: a base, and parts as `merge` generates them."""
    from usr_core.dataset import Dataset
    from usr_core.registry.store import register_namespace

    register_namespace(root, NAMESPACE, [(f"{NAMESPACE}__a", "float64"), (f"{NAMESPACE}__b", "float64")])
    made = Dataset.open(root, "d").init()
    generate(made.path, int(rows), PARTS, shuffled=False, namespaces=[NAMESPACE])


def compact(root: Path) -> None:
    """Compact a linked copy: no file is ever changed in place."""
    from usr_core.dataset import Dataset

    with tempfile.TemporaryDirectory(dir=root.parent) as place:
        shutil.copy(root / "registry.yaml", place)
        shutil.copytree(root / "d", Path(place) / "d", copy_function=os.link)
        dataset = Dataset.open(place, "d")
        (dataset.path / ".events.log").unlink()
        shutil.copy(root / "d" / ".events.log", dataset.path)
        with dataset.maintenance(reason="benchmark"):
            dataset.compact_overlay(NAMESPACE)


def read_and_write(root: Path) -> None:
    """Read all parts, and write as many rows as the merged part has, in the way a part is written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from usr_core.store.base.file import write_options

    files = sorted((root / "d" / "_derived" / NAMESPACE).iterdir())
    tables = [pq.read_table(file).replace_schema_metadata() for file in files]
    rows = pq.read_metadata(root / "d" / "records.parquet").num_rows
    table = pa.concat_tables(tables).slice(0, rows)
    arguments = write_options(table.schema, bloom="id").writer_arguments(rows=rows)
    with tempfile.NamedTemporaryFile(dir=root.parent, suffix=".parquet") as file:
        pq.write_table(table, file.name, row_group_size=131_072, **arguments)
        os.fsync(file.fileno())


def dedupe(root: Path, key: str) -> None:
    """Look for duplicates; there are none."""
    from usr_core.dataset import Dataset

    Dataset.open(root, "d").dedupe(key=key, dry_run=True)


def read_and_sort(root: Path, key: str) -> None:
    """Read the key's column and sort it."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    column = pq.read_table(root / "d" / "records.parquet", columns=["id" if key == "id" else "sequence"]).column(0)
    pc.sort_indices(pc.ascii_upper(column) if key == "sequence_ci" else column)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, root, *words = options.child
        sides = {"compact": compact, "read+write": read_and_write, "dedupe": dedupe, "read+sort": read_and_sort}
        {**sides, "prepare": prepare}[name](Path(root), *words)
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "root"
        root.mkdir()
        # In a child: what this process held would count as the peak of every job.
        subprocess.run([sys.executable, __file__, "--child", "prepare", str(root), str(options.rows)], check=True)
        pairs = [("compact", "read+write", "compact", ())]
        pairs += [("dedupe", "read+sort", f"dedupe by {key}", (key,)) for key in KEYS]
        jobs = [
            Job(name=" ".join([side, *words]), argv=[sys.executable, __file__, "--child", side, str(root), *words])
            for name, yardstick, _, words in pairs
            for side in (name, yardstick)
        ]
        figures = run_jobs(jobs, runs=options.runs)
        ratios = [
            compare(figures, " ".join([name, *words]), " ".join([yardstick, *words]), target=target)
            for name, yardstick, target, words in pairs
        ]
    if not emit(figures, ratios, as_json=options.json, at={"rows": options.rows, "parts": PARTS}):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
