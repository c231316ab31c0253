"""Appending 10,000 records to a large base against copying its bytes with fsync, in one run.

    python benchmarks/append.py [--rows N] [--runs N]

The append is a whole `usr import` of a CSV file, less an import of the same file into an empty dataset: what is
left is the price of the base. The yardstick copies the base's bytes and fsyncs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from generate import write_sequences
from measure import emit, reached

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
    chosen = options.parse_args()
    usr = str(Path(sys.executable).parent / "usr")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        root = place / "root"
        root.mkdir()
        command = [usr, "--root", str(root)]
        run([*command, "namespace", "register", "mock", "--columns", "mock__score:float64"])
        large, new = place / "large.csv", place / "new.csv"
        write_sequences(large, chosen.rows, seed=1)
        write_sequences(new, NEW_ROWS, seed=2)
        for name in ("full", "empty"):
            run([*command, "init", f"ns/{name}"])
        run([*command, "import", "ns/full", "--path", str(large)])
        large.unlink()
        base = root / "ns" / "full" / "records.parquet"
        figures: dict[str, list[float]] = {"append": [], "small import": [], "start": [], "copy": []}
        for _ in range(chosen.runs):
            for name, figure in (("full", "append"), ("empty", "small import")):
                kept = place / "kept"
                shutil.copytree(root / "ns" / name, kept, copy_function=os.link)
                figures[figure].append(run([*command, "import", f"ns/{name}", "--path", str(new)]))
                shutil.rmtree(root / "ns" / name)
                kept.rename(root / "ns" / name)
            figures["copy"].append(run([sys.executable, "-c", COPY, str(base), str(place / "copy")]))
            figures["start"].append(run([sys.executable, "-c", "pass"]))
        medians = {name: statistics.median(times) for name, times in figures.items()}
        ratio = (medians["append"] - medians["small import"]) / (medians["copy"] - medians["start"])
        for name, seconds in medians.items():
            print(f"{name:14s} {seconds:7.3f} s wall, median of {chosen.runs}")
    return 0 if emit({}, [reached("append", ratio)], at={"rows": chosen.rows}) else 1


def run(argv: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
