"""Footers that are read without a Parquet library say what the library says, or nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.records.arrays import plain_type
from usr_core.registry.types import from_arrow
from usr_core.store.base.plain_footer import read_plain_footer

ZONES = (None, "UTC", "Europe/Berlin", "+02:00")
PLAIN = [
    *(pa.string(), pa.large_string(), pa.bool_(), pa.float16(), pa.float32(), pa.float64(), pa.binary(), pa.date32()),
    *(getattr(pa, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *(pa.timestamp(unit, zone) for unit in ("ms", "us", "ns") for zone in ZONES),
    pa.large_binary(),
    pa.dictionary(pa.int8(), pa.string()),
]
NESTED = [
    *(pa.list_(kind) for kind in PLAIN),
    pa.list_(pa.float32(), 3),
    pa.large_list(pa.list_(pa.int64(), 2)),
    pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))]),
    pa.list_(pa.struct([("a", pa.timestamp("us", "UTC")), ("b", pa.list_(pa.float64(), 7))])),
]
OTHER = [
    *(pa.date64(), pa.duration("us"), pa.time32("ms"), pa.decimal128(5, 2), pa.binary(4), pa.null(), pa.uuid()),
    *(pa.timestamp("s"), pa.bool8(), pa.map_(pa.string(), pa.int8()), pa.list_(pa.duration("s"))),
    *(pa.struct([("a-b", pa.int64())]), pa.fixed_shape_tensor(pa.float32(), [2, 2]), pa.timestamp("us", "Mars/North")),
]


def write(path: Path, *kinds: pa.DataType) -> Path:
    fields = [pa.field(f"c{number}", kind) for number, kind in enumerate(kinds)]
    schema = pa.schema(fields, metadata={"usr:note": "é", "other": "x"})
    pq.write_table(pa.table([pa.nulls(2, field.type) for field in fields], schema=schema), path)
    return path


def test_types_are_those_of_the_library(tmp_path: Path) -> None:
    """Alone, in lists and in structs; of its metadata what begins with usr: is kept."""
    path = write(tmp_path / "some.parquet", *PLAIN, *NESTED)
    read = pq.ParquetFile(path)

    footer = read_plain_footer(path)

    assert footer is not None
    assert {field.name: from_arrow(plain_type(field.type)) for field in read.schema_arrow} == footer.columns
    assert (2, path.stat().st_size, {"usr:note": "é"}) == (footer.rows, footer.size_bytes, footer.metadata)


@pytest.mark.parametrize("kind", OTHER, ids=str)
def test_what_is_not_plain_is_left_to_the_library(tmp_path: Path, kind: pa.DataType) -> None:
    """Nothing is guessed of a type that the registry does not have, or that Parquet keeps as another one."""
    assert read_plain_footer(write(tmp_path / "some.parquet", pa.int64(), kind)) is None


def test_a_note_of_other_types_is_not_believed(tmp_path: Path) -> None:
    """A writer that copies the metadata of another file leaves a schema that is not this file's."""
    note = pq.read_metadata(write(tmp_path / "some.parquet", pa.int64(), pa.string())).metadata[b"ARROW:schema"]
    for number, kinds in enumerate(([pa.int64(), pa.float32()], [pa.int64()], [pa.string(), pa.int64()])):
        path = tmp_path / f"{number}.parquet"
        table = pa.table({f"c{at}": pa.nulls(1, kind) for at, kind in enumerate(kinds)})
        with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({"ARROW:schema": note})

        assert read_plain_footer(path) is None


def test_damage_is_left_to_the_library(tmp_path: Path) -> None:
    """Cut anywhere, it has no answer here; with another byte in its footer, it never raises."""
    content = write(tmp_path / "some.parquet", pa.int64(), pa.string()).read_bytes()
    path = tmp_path / "damaged.parquet"
    for at in range(len(content) - 700, len(content)):
        path.write_bytes(content[:at])
        assert read_plain_footer(path) is None
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        read_plain_footer(path)


@pytest.mark.parametrize("store_schema", [True, False])
def test_a_long_footer_is_left_to_the_library(tmp_path: Path, store_schema: bool) -> None:
    """It would be walked over more slowly here; and a file without an Arrow schema says too little."""
    columns = 1_000 if store_schema else 2
    table = pa.table({f"c{at}": pa.nulls(1, pa.int64()) for at in range(columns)})
    pq.write_table(table, tmp_path / "wide.parquet", store_schema=store_schema)

    assert read_plain_footer(tmp_path / "wide.parquet") is None
