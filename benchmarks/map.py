"""`usr map`: what the executor `local` costs beside the bare function, and what a shard costs to plan and to commit.

    python benchmarks/map.py [--rows N] [--shards N] [--runs N] [--json]

The function takes about 20 us a record, in Python. Beside it stands the same loop in one process: the wall time of two
workers is to be at most 0.6 of it (on two cores that nobody else uses; CPU time beside it says what the machinery
takes). Planning and committing 1,000 shards is measured in CPU seconds, and 100,000 shards are simulated: each but the
first one is empty, which leaves what a shard costs by itself. `--shards` are simulated, and a tenth of them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from generate import write_sequences
from measure import Job, compare, emit, reached, run_jobs

FUNCTION = """
def spin(sequence):
    total = 0
    for letter in sequence * 8:
        total += ord(letter)
    return total


def length(batch):
    return [len(sequence) for sequence in batch["sequence"].to_pylist()]
"""
BARE = """
from usr_core import Dataset
from functions import spin
batches = Dataset.open({root!r}, "big").scan(columns=["sequence"])
print(sum(spin(sequence) for batch in batches for sequence in batch["sequence"].to_pylist()))
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--shards", type=int, default=100_000)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    usr = str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        (root / "functions.py").write_text(FUNCTION, encoding="utf-8")
        write_sequences(root / "sequences.csv", chosen.rows)
        for words in (
            ["namespace", "register", "lab", "--columns", "lab__n:int64"],
            ["init", "big"],
            ["import", "big", str(root / "sequences.csv"), "--quiet"],
        ):
            subprocess.run([usr, "--root", str(root), *words], check=True, stdout=subprocess.DEVNULL)

        def forget() -> None:
            """Let each turn be a run of its own: the same question would be answered from the disk."""
            for place in ((root / "big" / ".usr.tmp"), (root / "big" / "_derived")):
                shutil.rmtree(place, ignore_errors=True)

        words = ["map", "big", "--fn", f"{root / 'functions.py'}:spin", "--per-record", "--into", "lab__n", "--all"]
        jobs = [
            Job(name="bare", argv=[sys.executable, "-c", BARE.format(root=str(root))], cwd=root),
            Job(name="map, 2 workers", argv=[usr, "--root", str(root), *words, "--workers", "2"], before=forget),
        ]
        figures = run_jobs(jobs, runs=chosen.runs)
        few = simulated(root, "few", shards=1_000, empty=False)
        tenth = simulated(root, "tenth", shards=chosen.shards // 10, empty=True)
        many = simulated(root, "many", shards=chosen.shards, empty=True)
    for label, told in (("1,000 whole shards", few), ("a tenth", tenth), (f"{chosen.shards:,} empty shards", many)):
        print(f"{label}: " + ", ".join(f"{step} {seconds:.2f} s CPU" for step, seconds in told.items()))
    print(f"a shard: {sum(many.values()) / chosen.shards * 1e6:.0f} us CPU to plan, look at and commit")
    ratios = [
        reached("map, wall", figures["map, 2 workers"].wall_s / figures["bare"].wall_s),
        compare(figures, "map, 2 workers", "bare", target="map, CPU"),
        reached("map, shards", few["plan"] + few["commit"]),
        reached("map, growth", sum(many.values()) / sum(tenth.values()) / 10),
    ]
    return 0 if emit(figures, ratios, as_json=chosen.json, at={"rows": chosen.rows}) else 1


def simulated(root: Path, name: str, *, shards: int, empty: bool) -> dict[str, float]:
    """Return the CPU seconds of planning, looking at and committing a run of so many shards.

    Args:
        root: A root.
        name: The dataset to make.
        shards: How many; the dataset has one record for each, or 100 where they are run.
        empty: Make every shard but the first one up, without any row.
    """
    from usr_core import Dataset
    from usr_core.runs.shard import digest_of, run_shard

    random_ = random.Random(3)
    dataset = Dataset.open(root, name).init()
    rows = shards if empty else 100 * shards
    dataset.add_sequences([{"sequence": "".join(random_.choices("ACGT", k=60))} for _ in range(rows)])
    spent = {}
    began = time.process_time()
    function = f"{root / 'functions.py'}:length"
    run = dataset.map(function, into="lab__n", shards=shards, sample=False, executor=None)
    spent["plan"] = time.process_time() - began
    folder = run.folder
    assert folder is not None
    receipt = run_shard(folder.spec(0))
    nothing = folder.parts / "nothing.parquet"
    _write_empty_copy(folder.parts / receipt.file, nothing)
    digest = digest_of(nothing)
    for index in range(1, shards):
        if not empty:
            run_shard(folder.spec(index))
            continue
        made_up = replace(receipt, index=index, file=nothing.name, sha256=digest, rows=0)
        (folder.path / "done" / f"{index:06}.json").write_text(json.dumps(asdict(made_up)), encoding="utf-8")
    for step in ("status", "commit"):
        began = time.process_time()
        getattr(run, step)()
        spent[step] = time.process_time() - began
    shutil.rmtree(dataset.path)
    return spent


def _write_empty_copy(part: Path, target: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(part).slice(0, 0), target)


if __name__ == "__main__":
    os.environ.setdefault("USR_CACHE_DIR", "off")
    raise SystemExit(main())
