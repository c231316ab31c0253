"""What starting costs: ``usr --help`` over importing Typer, and ``import usr_core`` over a bare Python.

python benchmarks/startup.py [--runs N] [--json]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from measure import Job, compare, emit, run_jobs

from support.plugins import FakePlugin, install

EXTRA_PLUGINS = 50


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=15)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()

    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for number in range(EXTRA_PLUGINS):
            name = f"extra{number:02}"
            install(place / "site", FakePlugin(name).command(name).provides("importer", name))
        extra = {"PYTHONPATH": str(place / "site")}
        jobs = [
            Job(name="bare python", argv=[python, "-c", "pass"], cwd=place),
            Job(name="import usr_core", argv=[python, "-c", "import usr_core"], cwd=place),
            Job(name="import typer", argv=[python, "-c", "import typer"], cwd=place),
            Job(name="usr --help", argv=[usr, "--help"], cwd=place),
            Job(name="usr --help, 50 more plugins", argv=[usr, "--help"], env=extra, cwd=place),
            Job(name="usr plugins list", argv=[usr, "plugins", "list"], cwd=place),
        ]
        figures = run_jobs(jobs, runs=chosen.runs)
    ratios = [
        compare(figures, "usr --help", "import typer", limit=1.3),
        compare(figures, "usr --help, 50 more plugins", "import typer", limit=1.8),
        compare(figures, "import usr_core", "bare python", limit=1.5),
    ]
    return 0 if emit(figures, ratios, as_json=chosen.json) else 1


if __name__ == "__main__":
    sys.exit(main())
