"""Facts of Parquet files are the same here and on a host that has nothing but Python and pyarrow."""

from __future__ import annotations

import decimal
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.plugin.parquet_facts import PARQUET_FACTS_PROGRAM, parquet_facts

TABLES = {
    "text": pa.table({"id": ["a", "b", None]}),
    "-named like an option": pa.table({"id": ["a"]}),
    "no rows": pa.table({"id": pa.array([], pa.string())}),
    "numbers": pa.table({f"n{bits}": pa.array([1], f"uint{bits}") for bits in (8, 16, 32, 64)}),
    "times": pa.table(
        {
            "utc": pa.array([1], pa.timestamp("us", "UTC")),
            "local": pa.array([1], pa.timestamp("us")),
            "ns": pa.array([1], pa.timestamp("ns", "UTC")),
            "day": pa.array([1], pa.date32()),
            "time": pa.array([1], pa.time64("us")),
        }
    ),
    "decimals": pa.table({"d": pa.array([decimal.Decimal("1.25")], pa.decimal128(9, 2))}),
    "nested é": pa.table(
        {
            "ns__vec": [[1.5]],
            "struct": [{"a": 1, "b": [{"c": True}]}],
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        }
    ),
    "bytes": pa.table({"b": [b"x"], "fixed": pa.array([b"abcd"], pa.binary(4))}),
}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return a folder with a file of each table."""
    for name, table in TABLES.items():
        pq.write_table(table, tmp_path / name)
    return tmp_path


def run(folder: Path, *names: str) -> list[dict[str, object]]:
    """Run the program there as a transport does, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", PARQUET_FACTS_PROGRAM, *names],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "" == done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_program_agrees_with_the_function(written: Path):
    """For every kind of column, in the order of the arguments."""
    assert [{"path": name, **parquet_facts(written / name)} for name in TABLES] == run(written, *TABLES)


def test_schemas_that_differ_have_other_digests(written: Path):
    """No two of the tables are taken for each other, but for those that have one schema."""
    schemas = {name: parquet_facts(written / name)["schema"] for name in TABLES}

    assert schemas.pop("no rows") == schemas.pop("-named like an option") == schemas["text"]
    assert len(set(schemas.values())) == len(schemas)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.int32(), pa.uint32()),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.timestamp("us"), pa.timestamp("ms")),
        (pa.string(), pa.binary()),
        (pa.binary(4), pa.binary(5)),
        (pa.decimal128(9, 2), pa.decimal128(9, 3)),
        (pa.list_(pa.float64()), pa.float64()),
    ],
)
def test_a_type_that_differs_is_seen(tmp_path: Path, one: pa.DataType, other: pa.DataType):
    """Each property of a type that the format keeps is in the text."""
    seen = []
    for name, kind in (("one", one), ("other", other)):
        pq.write_table(pa.table({"c": pa.array([], kind)}), tmp_path / name)
        seen.append(parquet_facts(tmp_path / name)["schema"])

    assert seen[0] != seen[1]


def test_the_digest_is_fixed(tmp_path: Path):
    """Two releases of USR, and two versions of pyarrow, agree on it."""
    pq.write_table(pa.table({"id": pa.array(["a"], pa.string())}), tmp_path / "file")
    text = '["id", "BYTE_ARRAY", null, 1, 0, "String", null, null, null, null, null, null]'

    import hashlib

    assert {"rows": 1, "columns": 1, "schema": hashlib.sha256(text.encode()).hexdigest()} == parquet_facts(
        tmp_path / "file"
    )


def test_the_program_says_what_it_can_not_read(written: Path):
    """A missing file gets no line, and what is not a Parquet file an error in place of facts."""
    (written / "broken").write_bytes(b"PAR1 and no more")
    (written / "folder").mkdir()
    found = run(written, "absent", "broken", "folder", "text")

    assert ["broken", "text"] == [line["path"] for line in found]
    assert {"path", "error"} == set(found[0])
