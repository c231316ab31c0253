"""Commands on a dataset of 3 records against the imports that they need, and a check of one row with many columns.

    python benchmarks/small.py [--runs N] [--json]

`attach` and `validate` stand beside Python with Typer, NumPy, pyarrow.parquet and PyYAML imported, `events tail` beside
Typer alone. `validate` of one row with 1,200 attached columns stands beside the same with 400.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Job, compare, emit, run_jobs

WIDE = (400, 1_200)
NEEDED = "import typer, numpy, pyarrow.parquet, yaml"


def usr(*words: str, cwd: Path) -> None:
    subprocess.run([command(), "--root", ".", *words], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def command() -> str:
    return str(Path(sys.prefix) / "bin" / "usr")


def make_dataset(root: Path) -> None:
    """Make a dataset ``d`` of three records, and a file with a score for each."""
    root.mkdir()
    sequences = ("ACGT", "TTGACA", "GATTACA")
    (root / "some.csv").write_text("\n".join(["sequence", *sequences, ""]), encoding="utf-8")
    rows = [f"{sequence},0.{number}" for number, sequence in enumerate(sequences)]
    (root / "scores.csv").write_text("\n".join(["sequence,mock__score", *rows, ""]), encoding="utf-8")
    usr("namespace", "register", "mock", "--columns", "mock__score:float64", cwd=root)
    usr("init", "d", cwd=root)
    usr("import", "d", "--path", "some.csv", cwd=root)


def make_wide(root: Path, columns: int) -> None:
    """Make a dataset ``d`` of one record with so many attached columns."""
    root.mkdir()
    names = [f"wide__c{number}" for number in range(columns)]
    (root / "some.csv").write_text("sequence\nACGT\n", encoding="utf-8")
    values = ",".join(["ACGT", *("0.5" for _ in names)])
    (root / "wide.csv").write_text(f"{','.join(['sequence', *names])}\n{values}\n", encoding="utf-8")
    usr("namespace", "register", "wide", "--columns", ",".join(f"{name}:float64" for name in names), cwd=root)
    usr("init", "d", cwd=root)
    usr("import", "d", "--path", "some.csv", cwd=root)
    usr("attach", "d", "wide.csv", "--namespace", "wide", "--key", "sequence", cwd=root)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=7)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_dataset(place / "three")
        for columns in WIDE:
            make_wide(place / str(columns), columns)

        def job(name: str, root: str, *words: str) -> Job:
            return Job(name=name, argv=[command(), "--root", ".", *words], cwd=place / root)

        attach = ["attach", "d", "scores.csv", "--namespace", "mock", "--key", "sequence", "--allow-overwrite"]
        jobs = [
            Job(name="import typer", argv=[python, "-c", "import typer"]),
            Job(name="the imports it needs", argv=[python, "-c", NEEDED]),
            job("attach to 3", "three", *attach),
            job("validate 3", "three", "validate", "d"),
            job("events tail", "three", "events", "tail", "d"),
            *(job(f"validate, {columns} columns", str(columns), "validate", "d") for columns in WIDE),
        ]
        figures = run_jobs(jobs, runs=chosen.runs)
    few, many = (f"validate, {columns} columns" for columns in WIDE)
    ratios = [
        compare(figures, "attach to 3", "the imports it needs", target="attach to 3"),
        compare(figures, "validate 3", "the imports it needs", target="validate 3"),
        compare(figures, "events tail", "import typer", target="events tail"),
        compare(figures, many, few, target="validate wide"),
    ]
    return 0 if emit(figures, ratios, as_json=chosen.json) else 1


if __name__ == "__main__":
    sys.exit(main())
