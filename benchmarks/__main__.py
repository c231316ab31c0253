"""Run the benchmarks and end with the table *job, today, target, met*: `make bench`, `make bench-quick`.

    python -m benchmarks [--quick] [--results DIR] [--docs] [PROGRAM ...]

Each is a program of its own (`python benchmarks/merge.py --help`); ratios are taken within one run of one program.
The table, every figure and the plot of growth are written to `--results`, with the lines that the programs emitted:
``run.jsonl`` makes the pages again with `--pages-only`. The exit code is 1 where a target is missed on the data that
it is for, or a program failed.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from grid import FULL, QUICK  # noqa: E402
from measure import BYTECODE, REPORT  # noqa: E402
from report import quote, read_run, rows_of, table, write_pages  # noqa: E402


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("programs", nargs="*", metavar="PROGRAM", help="all where none is named")
    options.add_argument("--quick", action="store_true", help="the same jobs on smaller data, in under three minutes")
    options.add_argument("--results", type=Path, default=HERE / "results", help="the folder for what is written")
    options.add_argument("--pages-only", action="store_true", help="run nothing")
    options.add_argument("--docs", action="store_true", help="put the table into docs/performance.md")
    chosen = options.parse_args()
    chosen.results.mkdir(parents=True, exist_ok=True)
    lines = chosen.results / "run.jsonl"
    failed: list[str] = []
    started = time.monotonic()
    if not chosen.pages_only:
        lines.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory() as bytecode:
            failed = run(QUICK if chosen.quick else FULL, chosen.programs, lines, Path(bytecode))
    rows = rows_of(read_run(lines))
    about = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), "
    about += f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}."
    page, plot = write_pages(read_run(lines), chosen.results, about=about)
    if chosen.docs:
        quote(HERE.parent / "docs" / "performance.md", rows, about=about)
    print(f"\n{table(rows)}\n\n{page}\n{plot}\n{time.monotonic() - started:.0f} s")
    if failed:
        print(f"programs that failed: {', '.join(failed)}")
    return 1 if failed or any(row.met is False for row in rows) else 0


def run(grid: dict[str, list[list[str]]], programs: list[str], lines: Path, bytecode: Path) -> list[str]:
    """Run the programs one after the other, and return those that ended without a figure."""
    failed = []
    for name in programs or grid:
        for words in grid[name]:
            print(f"\n== {name} {' '.join(words)}".rstrip(), flush=True)
            before = lines.stat().st_size if lines.exists() else 0
            argv = [sys.executable, str(HERE / f"{name}.py"), *words]
            subprocess.run(argv, env={**os.environ, REPORT: str(lines), BYTECODE: str(bytecode)}, check=False)
            # A figure that is too much is exit code 1 and a line; a program that broke has left no line.
            if (lines.stat().st_size if lines.exists() else 0) == before:
                failed.append(" ".join([name, *words]))
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
