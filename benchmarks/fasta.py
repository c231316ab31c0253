"""Reading FASTA: a million short records into Arrow, against dnaio and against a plain loop over lines.

Each in processes of its own, in turns; they print the CPU seconds of their reading alone, without the start, and
medians are compared. The loop keeps names and letters as bytes and checks nothing; dnaio makes an object a record.

dnaio comes with `pip install '.[bench]'`; without it, its figure is left out.

usage: python benchmarks/fasta.py [ROWS [LENGTH [RUNS]]]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from measure import Ratio, emit

TIMED = """
import sys, time
{imports}
start = time.process_time()
{work}
print(time.process_time() - start)
"""
IMPORTS = {
    "usr": """
from pathlib import Path
import pyarrow.compute, usr_core.store.rules.record_file
from usr_core.api import ImportRequest
from usr_fasta.reader import FastaImporter
""",
    "loop": "",
    "dnaio": "import dnaio",
}
WORK = {
    "usr": "sum(b.num_rows for b in FastaImporter().open(ImportRequest(path=Path(sys.argv[1]))).batches)",
    "loop": """
names, sequences, parts = [], [], []
with open(sys.argv[1], "rb") as file:
    for line in file:
        if line[:1] == b">":
            sequences.append(b"".join(parts))
            names.append(line[1:].rstrip())
            parts = []
        else:
            parts.append(line.rstrip())
    sequences.append(b"".join(parts))
""",
    "dnaio": """
with dnaio.open(sys.argv[1]) as records:
    for record in records:
        pass
""",
}
LIMITS = {"dnaio": 0.5, "loop": 1.0}


def main(arguments: list[str]) -> int:
    rows, length, runs = (int(text) for text in [*arguments, *["1000000", "60", "5"][len(arguments) :]])
    names = [name for name in WORK if name != "dnaio" or find_spec("dnaio")]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.fasta"
        _write(path, rows, length)
        for _ in range(runs):
            for name in names:
                seconds[name].append(_run(name, path))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{rows:,} records of {length} letters, CPU seconds: {medians}")
    ratios = [
        Ratio(name="usr", yardstick=name, value=medians["usr"] / medians[name], limit=LIMITS[name])
        for name in names
        if name != "usr"
    ]
    return 0 if emit({}, ratios, at={"rows": rows, "letters": length}) else 1


def _run(name: str, path: Path) -> float:
    program = TIMED.format(imports=IMPORTS[name], work=WORK[name])
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    return float(done.stdout)


def _write(path: Path, rows: int, length: int) -> None:
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(1).integers(0, 4, (rows, length), np.uint8)]
    with path.open("wb") as file:
        for row, sequence in enumerate(letters):
            file.write(b">r%d sample=%d plate 3\n%b\n" % (row, row % 7, sequence.tobytes()))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
