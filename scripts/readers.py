"""Run other readers of Parquet on files of ours and renew the table of docs/reading-elsewhere.md.

python scripts/readers.py            installs the readers (pinned, PyPI and npm) in a temporary folder; takes minutes
python scripts/readers.py --keep DIR installs them in DIR, and finds them there the next time

Each reader prints its values in one spelling, and what it gives is compared with what was written, value by value. A
reader that can't be installed or fails is a row of the table, not an error.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from usr_core import Dataset
from usr_core.registry.store import register_namespace
from usr_core.registry.type_parser import parse_type

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "reading-elsewhere.md"
BEGIN, END = "<!-- table: make readers -->", "<!-- end of the table -->"
SECONDS = 900

PYTHON = {
    "duckdb": ["duckdb==2.0.1"],
    "polars": ["polars==2.1.0"],
    "pandas": ["pandas==3.1.1"],
    "datafusion": ["datafusion==55.0.0"],
    "daft": ["daft==0.7.26"],
    "datasets": ["datasets==5.2.0"],
    "lance": ["pylance==14.0.2"],
    "chdb": ["chdb==4.4.0"],
    "fastparquet": ["fastparquet==2026.9.0"],
    "pyspark": ["pyspark==4.3.0"],
}
NODE = {
    "hyparquet": ["hyparquet@1.33.0", "hyparquet-compressors@1.1.2"],
    "parquet-wasm": ["parquet-wasm@0.8.0", "apache-arrow@21.2.0"],
}
BIG = 2**53 + 1
LONG_AGO = dt.datetime(1500, 1, 2, 3, 4, 5, 6)
SAMPLES: dict[str, tuple[str, list[object]]] = {
    "string": ("string", ["é", "", None]),
    "bool": ("bool", [True, False, None]),
    "int8": ("int8", [-128, 127, None]),
    "int64": ("int64", [BIG, -BIG, None]),
    "uint64": ("uint64", [2**64 - 1, 0, None]),
    "float16": ("float16", [1.5, math.nan, None]),
    "float32": ("float32", [0.5, math.inf, None]),
    "float64": ("float64", [0.1, math.nan, None]),
    "binary": ("binary", [b"\x00\xff", b"", None]),
    "date32": ("date32", [LONG_AGO.date(), dt.date(2026, 1, 31), None]),
    "t_us": ("timestamp[us]", [LONG_AGO, dt.datetime(2026, 1, 31, 12, 0, 0, 123456), None]),
    "t_utc": ("timestamp[us, UTC]", [LONG_AGO, dt.datetime(2026, 1, 31, 12, 0, 0, 123456), None]),
    "t_ns": ("timestamp[ns]", [1_769_860_800_000_000_001, 0, None]),
    "t_s": ("timestamp[s]", [dt.datetime(2026, 1, 31, 12), LONG_AGO.replace(microsecond=0), None]),
    "list_string": ("list<string>", [["a", None, ""], [], None]),
    "list_int64": ("list<int64>", [[BIG, None], [BIG], None]),
    "vector": ("fixed_size_list<float32>[2]", [[0.5, 1.5], [math.nan, 2.0], None]),
    "struct": ("struct<a:int64,b:string>", [{"a": BIG, "b": "x"}, {"a": None, "b": None}, None]),
    "list_struct": ("list<struct<a:int64,b:string>>", [[{"a": BIG, "b": "x"}, None], [], None]),
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--keep", type=Path, help="install the readers here, and keep them")
    keep: Path | None = arguments.parse_args().keep
    with tempfile.TemporaryDirectory(prefix="usr-readers-") as scratch:
        place = keep or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        samples = Samples(Path(scratch))
        rows = [row for reader in (*PYTHON, *NODE) for row in rows_of(reader, place, samples)]
    text = PAGE.read_text(encoding="utf-8")
    before, behind = text.split(BEGIN)[0], text.split(END)[1]
    table = "\n".join(["| reader | version | type | what comes out |", "|---|---|---|---|", *rows])
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{behind}", encoding="utf-8")
    return 0


class Samples:
    """Materialized bases with a column of each type, or of one.

    Attributes:
        written: The spellings of the values of each column.
    """

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(HERE / "readers"))
        from read_one import spelled

        self.folder = folder
        self.columns = {name: pa.array(values, parse_type(kind).to_arrow()) for name, (kind, values) in SAMPLES.items()}
        self.written = {name: [spelled(value) for value in column.to_pylist()] for name, column in self.columns.items()}

    def path(self, only: str | None = None) -> Path:
        """Return a base, which is written where it is not yet."""
        root = self.folder / (only or "all")
        if not root.exists():
            root.mkdir()
            kept = {name: column for name, column in self.columns.items() if only in (None, name)}
            register_namespace(root, "m", [(f"m__{name}", SAMPLES[name][0]) for name in kept])
            dataset = Dataset.open(root, "sample").init()
            dataset.add_sequences([{"sequence": sequence} for sequence in ("ACGT", "ACGA", "ACGC")])
            ids = dataset.to_arrow(columns=["id"]).column("id")
            dataset.write_overlay("m", pa.table({"id": ids, **{f"m__{name}": column for name, column in kept.items()}}))
            with dataset.maintenance("the sample that other readers are run on"):
                dataset.materialize(drop_overlays=True)
        return root / "sample" / "records.parquet"


def rows_of(reader: str, place: Path, samples: Samples) -> list[str]:
    """Return the lines of the table for one reader: a line for each type that does not come out as it was written."""
    version, columns, error = read_by(reader, place, samples.path(), samples.written)
    if error:
        return [f"| {reader} | {version} | all | it did not run: {cell(error)} |"]
    if all(isinstance(found, str) for found in columns.values()):
        # Some types keep the reader from every column of a file that has one. Which?
        alone = {
            name: read_by(reader, place, samples.path(only=name), [name])[1].get(name, "it did not run")
            for name in samples.written
        }
        columns = {
            name: f"no column of a file with such a column is read: {found}" if isinstance(found, str) else found
            for name, found in alone.items()
        }
    lines, same = [], []
    for name, expected in samples.written.items():
        found = columns.get(name, "the column is missing")
        if found == expected:
            same.append(SAMPLES[name][0])
        else:
            lines.append(f"| {reader} | {version} | `{SAMPLES[name][0]}` | {difference(expected, found)} |")
    if not lines:
        return [f"| {reader} | {version} | all ({len(same)}) | as they were written |"]
    return [*lines, f"| {reader} | {version} | the others ({len(same)}) | as they were written |"]


def read_by(
    reader: str, place: Path, sample: Path, names: Iterable[str]
) -> tuple[str, dict[str, list[str] | str], str]:
    """Return a reader's version, what it reads of each column (or its error there), and why it did not run."""
    try:
        command = install(reader, place)
        ran = subprocess.run(
            [*command, reader, str(sample), *names], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        told = json.loads(ran.stdout.strip().splitlines()[-1]) if ran.stdout.strip() else {}
        error = "" if told else (ran.stderr.strip().splitlines() or ["no output"])[-1]
    except (OSError, subprocess.SubprocessError, ValueError) as failure:
        told, error = {}, str(failure).splitlines()[0]
    version = str(told.get("version", (PYTHON | NODE)[reader][0].replace("@", "==").split("==")[-1]))
    return version, told.get("columns", {}), error


def difference(expected: list[str], found: list[str] | str) -> str:
    """Return the first value that differs, as what was written and what came out."""
    if isinstance(found, str):
        return f"an error: {cell(found)}"
    pairs = [(left, right) for left, right in zip(expected, found, strict=False) if left != right]
    left, right = pairs[0] if pairs else (f"{len(expected)} rows", f"{len(found)} rows")
    return f"`{cell(left)}` becomes `{cell(right)}`"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("`", "'")[:110]


def install(reader: str, place: Path) -> list[str]:
    """Install a reader where it is not yet, and return the command that runs it."""
    if reader in NODE:
        folder = place / "node"
        if not (folder / "node_modules" / reader).is_dir():
            folder.mkdir(exist_ok=True)
            run(["npm", "install", "--silent", "--prefix", str(folder), *NODE[reader]])
        script = folder / "read_one.mjs"
        script.write_text((HERE / "readers" / "read_one.mjs").read_text(encoding="utf-8"), encoding="utf-8")
        return ["node", str(script)]
    folder = place / "python" / reader
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True)
        run([str(python), "-m", "pip", "install", "--quiet", *PYTHON[reader], "pyarrow"])
        (folder / "installed").touch()
    return [str(python), str(HERE / "readers" / "read_one.py")]


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=SECONDS, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
