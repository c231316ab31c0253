"""What earlier versions cost: showing one, exporting one, comparing two, going back, the log, and the bytes kept.

    python benchmarks/versions.py [--rows N] [--table-rows N] [--events N] [--appends N] [--attachments N] [--runs N]

`head --at` and the rollback of an append work on `--rows` records, `export --at` and `compare` on `--table-rows`. A
version is looked at from just after it and from a thousand events later, which should cost the same. The yardstick of
`compare` is DuckDB's full outer join with `is distinct from` over two flat Parquet files of the same content; that of a
rollback copies the base's bytes and fsyncs, both without what starting costs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

from append import COPY
from generate import write_sequences
from materialize import generate
from measure import Figure, Job, Ratio, beyond, compare, emit, reached, run_jobs
from points import IMPORTS, START
from record_life import make_dataset

BEHIND = 1_000
COLUMNS = 10
NEW_ROWS = 5_000
SHOWN = 20
MOST_GROWTH = 1.2

JOINED = """
import duckdb, sys
names = [f"lab__v{number}" for number in range(int(sys.argv[3]))]
changed = ", ".join(f"count(*) filter (where old.{name} is distinct from new.{name})" for name in names)
print(duckdb.sql(
    "select count(*) filter (where old.id is null), count(*) filter (where new.id is null), " + changed +
    f" from read_parquet('{sys.argv[1]}') old full outer join read_parquet('{sys.argv[2]}') new on old.id = new.id"
).fetchall())
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--table-rows", type=int, default=1_000_000)
    options.add_argument("--events", type=int, default=100_000)
    options.add_argument("--appends", type=int, default=1_000)
    options.add_argument("--attachments", type=int, default=1_000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    holds = True
    for part in (log_of_many, two_compared, one_exported, large_base, bytes_kept):
        with tempfile.TemporaryDirectory() as folder:
            figures, ratios, rows = part(Path(folder), chosen)
        at = {} if rows is None else {"rows": rows}
        holds = emit(figures, ratios, as_json=chosen.json, at=at) and holds
    return 0 if holds else 1


Measured = tuple[dict[str, Figure], list[Ratio], int | None]


def log_of_many(place: Path, chosen: argparse.Namespace) -> Measured:
    """The last events of a long log."""
    made_apart(make_log, place, chosen.events)
    jobs = [
        Job(name="import typer", argv=[sys.executable, "-c", "import typer"]),
        Job(name="log", argv=[*usr(place), "log", "ns/large", "--limit", str(SHOWN)]),
    ]
    figures = run_jobs(jobs, runs=chosen.runs)
    return figures, [compare(figures, "log", "import typer", target="log")], None


def make_log(root: Path, events: int) -> None:
    """Make a dataset whose log has that many events; writing each by a change of its own would take an hour."""
    from usr_core import Root
    from usr_core.dataset import Dataset

    Root.init(root)
    dataset = Dataset.open(root, "ns/large").init()
    dataset.add_sequences([{"sequence": "ACGT"}])
    dataset.record_event("benchmark_step")
    log = dataset.path / ".events.log"
    last = log.read_bytes().splitlines()[-1]
    with log.open("ab") as file:
        for _ in range(events - 3):
            event = json.loads(last)
            event |= {"seq": event["seq"] + 1, "prev": hashlib.sha256(last).hexdigest()}
            last = json.dumps(event, separators=(",", ":")).encode()
            file.write(last + b"\n")


def two_compared(place: Path, chosen: argparse.Namespace) -> Measured:
    """Two versions of one dataset, of which one value in a hundred differs."""
    rows = chosen.table_rows
    made_apart(make_compared, place, rows)
    old, new = (str(place / f"{name}.parquet") for name in ("old", "new"))
    before, after = versions(place / "ns" / "wide", "before", "after")
    jobs = [
        Job(name="compare", argv=[*usr(place), "compare", f"ns/wide@{before}", f"ns/wide@{after}"]),
        Job(name="DuckDB", argv=[sys.executable, "-c", JOINED, old, new, str(COLUMNS)]),
    ]
    figures = run_jobs(jobs, runs=chosen.runs)
    return figures, [compare(figures, "compare", "DuckDB", target="compare")], rows


def make_compared(root: Path, rows: int) -> None:
    """Make a dataset with two versions, and a flat Parquet file of each."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from usr_core.dataset import Dataset
    from usr_core.registry.store import register_namespace

    names = [f"lab__v{number}" for number in range(COLUMNS)]
    register_namespace(root, "lab", [(name, "float64") for name in names])
    csv = root / "sequences.csv"
    write_sequences(csv, rows)
    dataset = Dataset.open(root, "ns/wide").init()
    dataset.import_file(csv)
    csv.unlink()
    ids = dataset.to_arrow(columns=["id"]).column("id").combine_chunks()
    random = np.random.default_rng(7)
    for file, share in (("old", rows), ("new", rows // 100)):
        mine = np.sort(random.choice(rows, share, replace=False))
        columns = {name: random.random(share) for name in names}
        dataset.write_overlay_part("lab", pa.table({"id": ids.take(pa.array(mine)), **columns}))
        note(dataset.path, "before" if file == "old" else "after")
        pq.write_table(dataset.to_arrow(), root / f"{file}.parquet", compression="zstd", compression_level=1)


def one_exported(place: Path, chosen: argparse.Namespace) -> Measured:
    """Five namespaces of twenty parts, with a few changes behind the version."""
    rows = chosen.table_rows
    made_apart(make_exported, place, rows)
    out = ["--fmt", "parquet", "--out", str(place / "out.parquet"), "--overwrite", "--quiet"]
    (at,) = versions(place / "big", "exported")
    jobs = [
        Job(name="export of now", argv=[*usr(place), "export", "big", *out]),
        Job(name="export at", argv=[*usr(place), "export", "big", "--at", str(at), *out]),
    ]
    figures = run_jobs(jobs, runs=chosen.runs)
    return figures, [compare(figures, "export at", "export of now", target="export at")], rows


def make_exported(root: Path, rows: int) -> None:
    """Make the dataset of the export's own benchmark, then delete and overwrite a few values."""
    import pyarrow as pa

    from usr_core.dataset import Dataset

    generate(root, rows)
    dataset = Dataset.open(root, "big")
    note(dataset.path, "exported")
    ids = dataset.to_arrow(columns=["id"]).column("id").slice(0, 1_000).to_pylist()
    dataset.write_overlay_part("ns0", pa.table({"id": ids, "ns0__a": [0.5] * len(ids)}))
    dataset.delete(ids[:100])


def large_base(place: Path, chosen: argparse.Namespace) -> Measured:
    """A version of a large base from near and from far, and an append that is taken back."""
    rows = chosen.rows
    made_apart(make_large, place, rows)
    dataset, kept = place / "ns" / "large", place / "kept"
    base, oldest, near = dataset / "records.parquet", *versions(dataset, "whole", "near")
    head = [*usr(place), "head", "ns/large", "-n", "10", "--at"]
    jobs = [
        Job(name=START, argv=[sys.executable, "-c", IMPORTS]),
        Job(name="head --at, far", argv=[*head, str(oldest)]),
        Job(name="head --at, near", argv=[*head, str(near)]),
    ]
    figures = run_jobs(jobs, runs=chosen.runs)
    back = [*usr(place), "rollback", "ns/large", "--to", str(near)]
    jobs = [
        Job(name="rollback", argv=back, before=restored(dataset, kept)),
        Job(name="copy", argv=[sys.executable, "-c", COPY, str(kept / base.name), str(place / "copy")]),
        Job(name="bare start", argv=[sys.executable, "-c", "pass"]),
    ]
    figures |= run_jobs(jobs, runs=chosen.runs)
    price = figures["rollback"].cpu_s - figures[START].cpu_s
    ratios = [
        beyond(figures, "head --at, far", START, "head --at"),
        compare(figures, "head --at, far", "head --at, near", limit=MOST_GROWTH),
        reached("rollback", price / (figures["copy"].cpu_s - figures["bare start"].cpu_s)),
    ]
    return figures, ratios, rows


def make_large(root: Path, rows: int) -> None:
    """Make a large dataset: two versions with a thousand events between them, then an append."""
    from usr_core.dataset import Dataset

    make_dataset(root, rows)
    dataset = Dataset.open(root, "ns/large")
    dataset.adopt()
    note(dataset.path, "whole")
    for _ in range(BEHIND):
        dataset.record_event("benchmark_step")
    note(dataset.path, "near")
    write_sequences(root / "new.csv", NEW_ROWS, seed=2)
    dataset.import_file(root / "new.csv")


def restored(dataset: Path, kept: Path) -> Callable[[], None]:
    """Return what puts a dataset back to where it was; its base is the same file each time, the log is a copy."""

    def link(source: str, target: str) -> object:
        return shutil.copy2(source, target) if Path(source).name.startswith(".") else os.link(source, target)

    shutil.copytree(dataset, kept, copy_function=link)

    def back() -> None:
        shutil.rmtree(dataset)
        shutil.copytree(kept, dataset, copy_function=link)

    return back


def bytes_kept(place: Path, chosen: argparse.Namespace) -> Measured:
    """What history holds after many appends, and after many attachments."""
    made_apart(make_kept, place, chosen.table_rows, chosen.appends, chosen.attachments)
    appended, attached, base = (int((place / name).read_text()) for name in ("appended", "attached", "base"))
    ratios = [reached("appends, kept", appended / base), reached("attachments, kept", attached)]
    return {}, ratios, chosen.table_rows


def make_kept(root: Path, rows: int, appends: int, attachments: int) -> None:
    """Append and attach often, and write down how many bytes are kept of each, and those of the last base."""
    import pyarrow as pa

    from usr_core.dataset import Dataset
    from usr_core.registry.store import register_namespace

    register_namespace(root, "lab", [("lab__v", "float64")])
    csv = root / "sequences.csv"
    dataset = Dataset.open(root, "ns/grown").init()
    before = kept_bytes(dataset.path)
    for number in range(appends + 1):
        write_sequences(csv, NEW_ROWS if number else rows, seed=number)
        dataset.import_file(csv)
    appended = kept_bytes(dataset.path)
    one = dataset.to_arrow(columns=["id"]).column("id").slice(0, 1)
    for number in range(attachments):
        dataset.write_overlay_part("lab", pa.table({"id": one, "lab__v": [float(number)]}))
    (root / "appended").write_text(str(appended - before))
    (root / "attached").write_text(str(kept_bytes(dataset.path) - appended))
    (root / "base").write_text(str((dataset.path / "records.parquet").stat().st_size))


def kept_bytes(dataset: Path) -> int:
    """Return the bytes below `.history`."""
    return sum(path.stat().st_size for path in (dataset / ".history").rglob("*") if path.is_file())


# ----------------------------------------------------------------- what the parts share


def made_apart(make: Callable[..., object], root: Path, *sizes: int) -> None:
    """Make data in a process of its own: a child's peak is never below its parent's."""
    maker = get_context("spawn").Process(target=make, args=(root, *sizes))
    maker.start()
    maker.join()
    if maker.exitcode:
        raise SystemExit(f"{make.__name__} failed")


def usr(root: Path) -> list[str]:
    return [str(Path(sys.prefix) / "bin" / "usr"), "--root", str(root)]


def note(dataset: Path, name: str) -> None:
    """Write down which version a dataset is at, for `versions`."""
    from usr_core.events.log import read_head

    (dataset.parent / f"{dataset.name}.{name}").write_text(str(read_head(dataset / ".events.log").seq))


def versions(dataset: Path, *names: str) -> list[int]:
    return [int((dataset.parent / f"{dataset.name}.{name}").read_text()) for name in names]


if __name__ == "__main__":
    raise SystemExit(main())
