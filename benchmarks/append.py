"""Appending 10,000 records to a large base against copying its bytes with fsync, in one run.

    python benchmarks/append.py [--rows N] [--runs N] [--json]

Each append is a whole `usr import` of a CSV file onto the same base, less an import of the same file into an empty
dataset: what is left is the price of the base. The yardstick copies the base's bytes and fsyncs, less a start of
Python, in CPU time. A run of its own shows what the first append costs, before anything is remembered of the base, and
wall times are shown beside.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from generate import write_sequences
from measure import Figure, Job, emit, reached, run_jobs

NEW_ROWS = 10_000

COPY = """
import os, sys
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    while block := source.read(8 << 20):
        target.write(block)
    target.flush()
    os.fsync(target.fileno())
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        root, cache, large, new = (place / name for name in ("root", "cache", "large.csv", "new.csv"))
        root.mkdir()
        write_sequences(large, chosen.rows, seed=1)
        write_sequences(new, NEW_ROWS, seed=2)
        command = [usr, "--root", str(root)]
        setup = [["namespace", "register", "mock", "--columns", "mock__score:float64"]]
        setup += [["init", f"ns/{name}"] for name in ("full", "empty")]
        setup += [["import", "ns/full", "--path", str(large)]]
        for words in setup:
            subprocess.run([*command, *words], check=True, stdout=subprocess.DEVNULL)
        large.unlink()
        base = root / "ns" / "full" / "records.parquet"

        def again(name: str, *, forget: bool = False) -> Callable[[], None]:
            """Return what puts a dataset back to where it was; its base is the same file each time."""
            dataset, kept = root / "ns" / name, place / f"{name}.kept"
            if not kept.exists():
                shutil.copytree(dataset, kept, copy_function=os.link)

            def back() -> None:
                shutil.rmtree(dataset)
                shutil.copytree(kept, dataset, copy_function=os.link)
                if forget:
                    shutil.rmtree(place / "cold", ignore_errors=True)

            return back

        def append(job: str, name: str, folder: Path, back: Callable[[], None]) -> Job:
            argv = [*command, "import", f"ns/{name}", "--path", str(new)]
            return Job(name=job, argv=argv, env={"USR_CACHE_DIR": str(folder)}, before=back)

        jobs = [
            append("append", "full", cache, again("full")),
            append("first append", "full", place / "cold", again("full", forget=True)),
            append("small import", "empty", cache, again("empty")),
            Job(name="copy", argv=[python, "-c", COPY, str(place / "full.kept" / base.name), str(place / "copy")]),
            Job(name="start", argv=[python, "-c", "pass"]),
        ]
        # The first append only notes that the base was asked about, and the second one remembers it.
        for _ in range(2):
            run_jobs(jobs[:1], runs=1, warm=False)
        figures = run_jobs(jobs, runs=chosen.runs)
    holds = emit(
        figures,
        [reached("append", price_of_the_base(figures, "append"))],
        as_json=chosen.json,
        at={"rows": chosen.rows},
    )
    if not chosen.json:
        print(f"the first append: {price_of_the_base(figures, 'first append'):.2f} x copy + fsync, once for each base")
    return 0 if holds else 1


def price_of_the_base(figures: dict[str, Figure], name: str) -> float:
    """Return what an append costs beyond a small import, as a multiple of a copy beyond a start."""
    copied = figures["copy"].cpu_s - figures["start"].cpu_s
    return (figures[name].cpu_s - figures["small import"].cpu_s) / copied


if __name__ == "__main__":
    raise SystemExit(main())
