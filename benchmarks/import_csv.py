"""Import of a CSV file against the sum of its parts, in one run.

The parts are those of the plainest program that could do it: start python with pyarrow, read with pyarrow.csv, sha1
over the values in a plain loop, encode the seven columns. Each part and the whole run in processes of
their own, in turns; medians are compared. Peak memory is the whole process's.

usage: python benchmarks/import_csv.py [ROWS [LENGTH [ROUNDS]]]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from generate import write_sequences
from measure import Figure, Ratio, emit, reached

LONG = 1_000

# The parts print the seconds of their own work, so that reading and starting are not counted twice.
PARTS = """
import sys, time
import hashlib, pyarrow as pa, pyarrow.csv as csv, pyarrow.parquet as pq
def timed(work):
    start = time.perf_counter(), time.process_time()
    result = work()
    times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return result
times = []
table = timed(lambda: csv.read_csv(sys.argv[1], convert_options=csv.ConvertOptions(
    include_columns=["sequence"], column_types={"sequence": pa.string()})))
values = table.column("sequence")
ids = timed(lambda: [hashlib.sha1(("dna|" + value).encode()).hexdigest() for value in values.to_pylist()])
from usr_core.records.base_schema import base_schema
from usr_core.store.base.file import write_options
import numpy as np
rows = len(values)
columns = [pa.array(ids), pa.repeat("dna", rows), values, pa.repeat("dna_4", rows),
           pa.array(np.full(rows, len(values[0].as_py()), np.int32)), pa.repeat(sys.argv[1], rows),
           pa.array(np.zeros(rows, np.int64)).cast(pa.timestamp("us", "UTC"))]
whole = pa.Table.from_arrays([pa.chunked_array(c) if isinstance(c, pa.Array) else c for c in columns],
                             schema=base_schema())
options = write_options(whole.schema, bloom="id")
def encode():
    with pq.ParquetWriter(sys.argv[2], whole.schema, **options.writer_arguments()) as writer:
        writer.write_table(whole, row_group_size=options.rows_per_group)
timed(encode)
import json
print(json.dumps(dict(zip(("read", "sha1", "encode"), times))))
"""

WHOLE = """
import sys
from pathlib import Path
from usr_core.plugin.specs import ImportRequest
from usr_core.store.changes.import_.build import IMPORT_COLUMNS, ImportDefaults, Input, build_base
from usr_csv.reader import CsvImporter
source = Path(sys.argv[1])
batches = CsvImporter().open(ImportRequest(path=source, columns=IMPORT_COLUMNS)).batches
build_base([Input(label=source.name, batches=batches)], label=source.name, existing=None,
           destination=Path(sys.argv[2]), on_duplicate="error", metadata={"usr:schema_version": "1"},
           defaults=ImportDefaults(bio_type="dna", alphabet="dna_4", source=source.name, created_at_us=0))
"""

START = "import pyarrow"

# A small parent, as a child's peak memory includes its parent's at the time of the fork.
SPAWN = """
import json, os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], stdout=subprocess.PIPE)
out = child.stdout.read().decode()
_, status, usage = os.wait4(child.pid, 0)
print(json.dumps({"wall": time.perf_counter() - start, "cpu": usage.ru_utime + usage.ru_stime,
                  "peak_mib": usage.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20), "status": status,
                  "out": out}))
"""


def run(code: str, *arguments: str) -> dict[str, float | str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", SPAWN, code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    found: dict[str, float | str] = json.loads(done.stdout)
    if found["status"]:
        raise SystemExit(f"a part failed:\n{done.stderr}")
    return found


def main(rows: int = 1_000_000, length: int = 60, rounds: int = 5) -> int:
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in ("start", "read", "sha1", "encode", "whole")}
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.csv", Path(folder) / "out.parquet"
        write_sequences(source, rows, length=length)
        for _ in range(rounds):
            start = run(START)
            measured["start"].append((float(start["wall"]), float(start["cpu"])))
            spent = json.loads(str(run(PARTS, str(source), str(target))["out"]))
            for name, (wall, cpu) in spent.items():
                measured[name].append((wall, cpu))
            target.unlink()
            whole = run(WHOLE, str(source), str(target))
            measured["whole"].append((float(whole["wall"]), float(whole["cpu"])))
            peaks.append(float(whole["peak_mib"]))
            target.unlink()
    figures = {name: figure(name, pairs, peaks if name == "whole" else [0.0]) for name, pairs in measured.items()}
    print(f"{rows:,} sequences of {length} letters, medians of {rounds}")
    ratios = stated(figures, rows, length)
    return 0 if emit(figures, ratios, at={"rows": rows, "letters": length}) else 1


def figure(name: str, pairs: list[tuple[float, float]], peaks: list[float]) -> Figure:
    return Figure(
        name=name,
        runs=len(pairs),
        cpu_s=statistics.median(cpu for _, cpu in pairs),
        wall_s=statistics.median(wall for wall, _ in pairs),
        peak_mib=statistics.median(peaks),
    )


def stated(figures: dict[str, Figure], rows: int, length: int) -> list[Ratio]:
    """Return the ratio to the sum of the parts, or to encoding alone where sequences are long, and the peak."""
    whole, peak = figures["whole"].cpu_s, figures["whole"].peak_mib
    if length >= LONG:
        of_encoding = reached("import, long", whole / figures["encode"].cpu_s)
        memory = reached("import, long, memory", peak * 1.048576)
        return [of_encoding, memory] if length == LONG else [replace(one, target=None) for one in (of_encoding, memory)]
    parts = sum(figures[name].cpu_s for name in ("start", "read", "sha1", "encode"))
    if rows >= 5_000_000:
        return [reached("import 10 M", whole / parts), reached("import 10 M, memory", peak)]
    return [reached("import", whole / parts)]


if __name__ == "__main__":
    raise SystemExit(main(*[int(text) for text in sys.argv[1:]]))
