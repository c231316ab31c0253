"""A DenseGen run: 100,000 records in flushes of 128, onto a base of 1,000,000, against its yardsticks.

    python benchmarks/densegen.py [--rows N] [--base N] [--runs N] [--json]

The run is `usr_densegen.writer.DenseGenWriter` as DenseGen uses it: each flush is safe on disk before the next, commits
come at 5 % of the base. It may cost 3 x what can't be avoided: encoding its rows once (Python's values to Arrow, ids
computed, base and overlay written as they are written here) and copying, with fsync, the bytes of the base as often as
the run commits. Each job is a process of its own, start included; what it costs to make up the records is measured too
and taken off both sides. See `measure`.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generate import write_sequences
from measure import Job, Ratio, emit, run_jobs

LIMIT = 3.0
FLUSH = 128
FACTORS = ("lexA", "cpxR", "baeR", "fur")


def prepare(root: Path, rows: str) -> None:
    """Make the dataset ``d`` in `root`, with a base only."""
    from usr_core.dataset import Dataset
    from usr_core.registry.store import register_namespace
    from usr_densegen.namespace import COLUMNS, NAMESPACE

    register_namespace(root, NAMESPACE, COLUMNS)
    sequences = root.parent / "base.csv"
    write_sequences(sequences, int(rows))
    Dataset.open(root, "d").init()
    Dataset.open(root, "d").import_file(sequences)
    sequences.unlink()


def records(count: int) -> Iterator[dict[str, Any]]:
    """Yield records as DenseGen makes them: three sites on offer, two of them used."""
    numbers = random.Random(7)
    library = [f"{factor}:{''.join(numbers.choices('ACGT', k=16))}" for factor in FACTORS for _ in range(8)]
    for place in range(count):
        parts = numbers.sample(library, 3)
        used = [part.partition(":") for part in parts[:2]]
        yield {
            "sequence": "".join(numbers.choices("ACGT", k=60)),
            "plan": "sigma70_mid",
            "tfbs_parts": parts,
            "used_tfbs": parts[:2],
            "used_tfbs_detail": [
                {"tf": tf, "tfbs": motif, "orientation": "fwd", "offset": 20 * at}
                for at, (tf, _, motif) in enumerate(used)
            ],
            "used_tf_counts": [{"tf": tf, "count": 1} for tf, _, _ in used],
            "used_tf_list": [tf for tf, _, _ in used],
            "length": 60,
            "solver": "CBC",
            "solver_status": "optimal",
            "gc_total": numbers.random(),
            "random_seed": place,
        }


def run(root: Path, rows: str) -> None:
    """Write the records into a linked copy of the dataset: no file is ever changed in place."""
    from usr_core.dataset import Dataset
    from usr_densegen.writer import DenseGenWriter

    with tempfile.TemporaryDirectory(dir=root.parent) as place:
        shutil.copy(root / "registry.yaml", place)
        shutil.copytree(root / "d", Path(place) / "d", copy_function=os.link)
        dataset = Dataset.open(place, "d")
        (dataset.path / ".events.log").unlink()
        shutil.copy(root / "d" / ".events.log", dataset.path)
        held: list[dict[str, Any]] = []
        with DenseGenWriter(dataset, run_id="bench") as writer:
            for record in records(int(rows)):
                held.append(record)
                if len(held) == FLUSH:
                    writer.add(held)
                    held = []
            writer.add(held)
        commits = sum(line.event["action"] == "densegen_write" for line in dataset.events() if line.event)
        (root.parent / "commits").write_text(str(commits))


def encode(root: Path, rows: str) -> None:
    """Encode the same records once, all together: base columns and overlay columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from usr_core.records.base_schema import base_schema
    from usr_core.records.bulk_ids import IdHasher
    from usr_core.registry.store import load_registry
    from usr_core.store.base.file import write_options

    made = list(records(int(rows)))
    count = len(made)
    sequences = pa.array([record["sequence"] for record in made], pa.string())
    with IdHasher() as hasher:
        ids = hasher.ids("dna", sequences)
    schema = base_schema([])
    texts = {"bio_type": "dna", "alphabet": "dna_4", "source": "densegen"}
    columns = {
        "id": ids,
        "sequence": sequences,
        "length": pa.array([60] * count, pa.int32()),
        "created_at": pa.array([0] * count, pa.timestamp("us", tz="UTC")),
        **{name: pa.array([text] * count, pa.string()) for name, text in texts.items()},
    }
    base = pa.Table.from_arrays([columns[field.name] for field in schema], schema=schema)
    fields = {column.name: column.type.to_arrow() for column in load_registry(root).namespace("densegen").columns}
    overlay = pa.table(
        {
            "id": ids,
            **{
                name: pa.array([record.get(name.removeprefix("densegen__")) for record in made], kind)
                for name, kind in fields.items()
            },
        }
    )
    for table in (base, overlay):
        with tempfile.NamedTemporaryFile(dir=root.parent, suffix=".parquet") as file:
            pq.write_table(table, file.name, **write_options(table.schema, bloom="id").writer_arguments(rows=count))
            os.fsync(file.fileno())


def make(_root: Path, rows: str) -> None:
    """Make the records, and do nothing with them."""
    for _ in records(int(rows)):
        pass


def copy(root: Path, commits: str) -> None:
    """Copy the base as often as the run commits, with fsync."""
    for _ in range(int(commits)):
        with (root / "d" / "records.parquet").open("rb") as source, tempfile.NamedTemporaryFile(dir=root.parent) as to:
            while block := source.read(8 << 20):
                to.write(block)
            to.flush()
            os.fsync(to.fileno())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--base", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, root, *words = options.child
        {"prepare": prepare, "run": run, "encode": encode, "copy": copy, "make": make}[name](Path(root), *words)
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "root"
        root.mkdir()

        def child(*words: str) -> list[str]:
            return [sys.executable, __file__, "--child", words[0], str(root), *words[1:]]

        subprocess.run(child("prepare", str(options.base)), check=True)
        subprocess.run(child("run", str(options.rows)), check=True)
        commits = (Path(temporary) / "commits").read_text()
        jobs = [
            Job(name="densegen run", argv=child("run", str(options.rows))),
            Job(name="encode once", argv=child("encode", str(options.rows))),
            Job(name=f"copy the base {commits} times", argv=child("copy", commits)),
            Job(name="make the records", argv=child("make", str(options.rows))),
            Job(name="make none", argv=child("make", "0")),
        ]
        figures = run_jobs(jobs, runs=options.runs)
        cost, encoding, copying, making, starting = (figures[job.name].cpu_s for job in jobs)
        records_s = making - starting
        ratio = Ratio(
            name="densegen run",
            yardstick="(encode + copies)",
            value=(cost - records_s) / (encoding - records_s + copying),
            limit=LIMIT,
        )
    if not emit(figures, [ratio], as_json=options.json, at={"rows": options.base}):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
