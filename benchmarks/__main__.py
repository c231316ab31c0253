"""Run every benchmark, smallest data first, and say which figures hold: `make bench`, or `python -m benchmarks`.

Each is a program of its own (`python benchmarks/merge.py --help`); ratios are taken within one run of one program.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS: dict[str, list[str]] = {
    "startup": [],
    "import_csv": [],
    "fasta": [],
    "import_formats": [],
    "merge": [],
    "materialize": [],
    "validate": [],
    "maintenance": [],
    "record_life": [],
    "sync": [],
    "append": [],
    "attach": [],
    "query": [],
    "where": [],
    "densegen": [],
    "explore": [],
}


def main() -> int:
    chosen = sys.argv[1:] or list(PROGRAMS)
    failed = []
    for name in chosen:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, str(HERE / f"{name}.py"), *PROGRAMS[name]], check=False).returncode:
            failed.append(name)
    print(f"\nfigures that do not hold: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
