"""A few records out of a large dataset, by the number of its parts: `get` of one id and `head -n 10`, whole commands.

    python benchmarks/points.py [--rows N] [--most N] [--runs N] [--json]

No parts, then 1, 20, 200 and 2,000 of one namespace, up to `--most`. Both stand beside importing what they are made of.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from pathlib import Path

from measure import Figure, Job, Ratio, beyond, emit, run_jobs
from merge import generate

PARTS = (0, 1, 20, 200, 2_000)
START = "start"
IMPORTS = "import typer, numpy, pyarrow.parquet"


def make_datasets(root: Path, rows: int, most: int) -> None:
    """Make a dataset of `rows` records for each number of parts, named for it."""
    import pyarrow.parquet as pq

    from usr_core.dataset import Dataset
    from usr_core.registry.store import register_namespace

    register_namespace(root, "ns0", [("ns0__a", "float64"), ("ns0__b", "float64")])
    for parts in PARTS:
        if parts <= most:
            made = Dataset.open(root, f"d{parts}").init()
            generate(made.path, rows, max(parts, 1), shuffled=False, namespaces=["ns0"] if parts else [])
            ids = pq.read_table(made.path / "records.parquet", columns=["id"]).column("id")
            (root / f"d{parts}.id").write_text(str(ids[len(ids) // 2]))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--most", type=int, default=PARTS[-1], help="parts")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        # In a process of its own: a child's peak is never below its parent's.
        maker = multiprocessing.get_context("spawn").Process(
            target=make_datasets, args=(root, chosen.rows, chosen.most)
        )
        maker.start()
        maker.join()
        if maker.exitcode:
            raise SystemExit("the datasets could not be made")
        jobs = [Job(name=START, argv=[python, "-c", IMPORTS])]
        tried = [parts for parts in PARTS if parts <= chosen.most]
        for parts in tried:
            command, name = [usr, "--root", str(root)], f"d{parts}"
            one = (root / f"{name}.id").read_text()
            jobs.append(Job(name=f"get, {parts} parts", argv=[*command, "get", name, "--id", one]))
            jobs.append(Job(name=f"head, {parts} parts", argv=[*command, "head", name, "-n", "10"]))
        figures = run_jobs(jobs, runs=chosen.runs)
    holds = True
    for parts in tried:
        mine = {verb: figures[f"{verb}, {parts} parts"] for verb in ("get", "head")} | {START: figures[START]}
        at = {"rows": chosen.rows, "parts": parts, "namespaces": 1}
        holds = emit(mine, stated(mine, parts), as_json=chosen.json, at=at) and holds
    return 0 if holds else 1


def stated(figures: dict[str, Figure], parts: int) -> list[Ratio]:
    """Return what is promised for that number of parts."""
    ratios = [beyond(figures, "head", START, "head")]
    if parts in (0, 2_000):
        ratios.append(beyond(figures, "get", START, "get" if parts == 0 else "get, 2,000 parts"))
    return ratios


if __name__ == "__main__":
    sys.exit(main())
