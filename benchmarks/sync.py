"""Sync over ssh on loopback against rsync and sha256sum, in one run.

    python benchmarks/sync.py [--megabytes N] [--parts P] [--runs N]

Needs sshd, ssh and rsync; an sshd with keys of its own is started on a high port. Figures, whole processes, medians:

- the first push of a dataset against `rsync -a` of its folder plus one `sha256sum` pass on each side;
- a pull that has nothing to do, with content hashes, against those two passes;
- after a one-column overlay was added, the bytes that a push sends against that part's size;
- the seconds that the remote's lock is held while 20,000 new files are committed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import emit, reached

CHECKOUT = Path(__file__).resolve().parents[1]
# The checkout first: the folder of the core's tests has the core's name.
sys.path += [str(CHECKOUT), str(CHECKOUT / "tests")]

NAME = "ns/base"
VECTOR = 256


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--megabytes", type=int, default=500)
    options.add_argument("--parts", type=int, default=200)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--files", type=int, default=20_000, help="new files to commit under the lock")
    chosen = options.parse_args()
    from support.sshd import HOST, started_sshd

    with tempfile.TemporaryDirectory(prefix="usr-sync-") as folder, started_sshd(Path(folder) / "sshd") as sshd:
        place = Path(folder)
        here, there = place / "here", place / "there"
        make_dataset(here, chosen.megabytes, chosen.parts)
        there.mkdir()
        remotes = place / "remotes.yaml"
        remotes.write_text(f"remotes:\n  far: {{type: ssh, host: {HOST}, user: root, base_dir: {there}}}\n")
        environment = {**os.environ, "PATH": sshd.path, "USR_REMOTES_PATH": str(remotes)}
        usr = [str(Path(sys.executable).parent / "usr"), "--root", str(here)]

        def push() -> None:
            run([*usr, "push", NAME, "far", "-y"], environment)

        def plain() -> None:
            (there / "ns").mkdir()
            run(["rsync", "-a", f"{here / NAME}/", f"{HOST}:{there / NAME}/"], environment)
            passes()

        def passes() -> None:
            for side in (here, there):
                files = sorted(str(path) for path in (side / NAME).rglob("*") if path.is_file())
                run(["sha256sum", *files], environment)

        def pull() -> None:
            run([*usr, "pull", NAME, "far", "-y"], environment)

        figures: dict[str, list[float]] = {}
        for _ in range(chosen.runs):
            for what, work in (("rsync -a and two passes", plain), ("push", push)):
                shutil.rmtree(there / "ns", ignore_errors=True)
                figures.setdefault(what, []).append(timed(work))
            for what, work in (("two passes", passes), ("pull, nothing to do", pull)):
                figures.setdefault(what, []).append(timed(work))
        middle = {what: statistics.median(times) for what, times in figures.items()}
        for what, seconds in middle.items():
            print(f"{what:26s} {seconds:7.3f} s   ({', '.join(f'{one:.2f}' for one in sorted(figures[what]))})")
        size = add_part(here)
        audit = place / "audit.json"
        run([*usr, "push", NAME, "far", "-y", "--audit-json-out", str(audit)], environment)
        sent = json.loads(audit.read_text())["data"]["bytes"]["sent"]
        os.environ["PATH"] = sshd.path
        locked = statistics.median(seconds_locked(sshd, place / f"many-{n}", chosen.files) for n in range(chosen.runs))
    ratios = [
        reached("push, first", middle["push"] / middle["rsync -a and two passes"]),
        reached("pull, no-op", middle["pull, nothing to do"] / middle["two passes"]),
        reached("push of a part", sent / size),
        reached("lock there", locked),
    ]
    return 0 if emit({}, ratios, at={"parts": chosen.parts}) else 1


def make_dataset(root: Path, megabytes: int, parts: int) -> None:
    """Make a dataset of so many parts with vectors that no codec makes smaller."""
    import numpy as np
    import pyarrow as pa

    from usr_core import Dataset
    from usr_core.registry.store import register_namespace

    root.mkdir()
    register_namespace(root, "emb", [("emb__v", f"fixed_size_list<float32>[{VECTOR}]")])
    register_namespace(root, "mock", [("mock__score", "float64")])
    rng = np.random.default_rng(3)
    rows = 20_000
    letters = np.array(list("ACGT"))[rng.integers(0, 4, (rows, 60))]
    dataset = Dataset.open(root, NAME).init()
    dataset.add_sequences([{"sequence": "".join(row)} for row in letters])
    ids = dataset.to_arrow(columns=["id"]).column("id")
    each = min(rows, megabytes * 1_000_000 // parts // (4 * VECTOR))
    for number in range(parts):
        start = number * each % (rows - each + 1)
        values = pa.array(rng.random(each * VECTOR, np.float32))
        vectors = pa.FixedSizeListArray.from_arrays(values, VECTOR)
        dataset.write_overlay_part("emb", pa.table({"id": ids.slice(start, each), "emb__v": vectors}))


def add_part(root: Path) -> int:
    """Add one overlay column for every record and return the part's size."""
    import numpy as np
    import pyarrow as pa

    from usr_core import Dataset

    dataset = Dataset.open(root, NAME)
    ids = dataset.to_arrow(columns=["id"]).column("id")
    dataset.write_overlay_part("mock", pa.table({"id": ids, "mock__score": np.random.default_rng(1).random(len(ids))}))
    return sum(path.stat().st_size for path in (root / NAME / "_derived" / "mock").iterdir())


def seconds_locked(sshd: Any, folder: Path, files: int) -> float:
    """Commit so many staged files in a new folder over ssh, and return the seconds from the lock to its end."""
    from support.sshd import SshFarSide
    from usr_core.commit.record import Publish
    from usr_core.plugin.transports import LockRequest
    from usr_core.testing.commit_jobs import Job

    far = SshFarSide(sshd, str(folder))
    names = [f"_derived/mock/part-20260101T000000{n:06d}-0123456789abcdef.parquet" for n in range(files)]
    publishes = tuple(Publish(staged=f"files/{name}", final=name, undo=None) for name in names)
    job = Job(remote=far, operations=publishes, staged={f"files/{name}": b"x" * 100 for name in names})
    job.lay_out()
    with far.transport.lock(LockRequest(folder=job.folder, timeout=60, label="benchmark")):
        started = time.perf_counter()
        list(far.transport.walk(job.folder))
        far.transport.commit(job.request())
        seconds = time.perf_counter() - started
    far.transport.close()
    shutil.rmtree(folder)
    return seconds


def timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-2000:]}")


if __name__ == "__main__":
    raise SystemExit(main())
