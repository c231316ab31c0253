"""However a dataset is read, its rows are the same: generated datasets with overlays of every type and key."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from support.column_types import arrays, bits, column_types
from support.overlays import write_tombstones
from support.view_datasets import sequence, write_base, write_overlay
from usr_core import Dataset
from usr_core.registry.types import ColumnType

KEYS = ["id", "id", "sequence", "sequence_norm", "sequence_ci"]
PART_TIMES = [f"2026-01-01T00:00:00.00000{number}Z" for number in range(4)]


@st.composite
def datasets(draw: st.DrawFn, root: Path) -> tuple[Dataset, list[str]]:
    """A dataset of a few rows with parts in one or two namespaces, materialized columns and tombstones."""
    name = f"d{len(list(root.iterdir()))}"
    folder = root / name
    rows = draw(st.integers(0, 9))
    sequences = [sequence(number) for number in range(rows)]
    kinds: dict[str, ColumnType] = {
        f"{namespace}__{letter}": draw(column_types())
        for namespace in draw(st.sampled_from([["one"], ["one", "two"]]))
        for letter in draw(st.sampled_from(["a", "ab"]))
    }
    in_base = draw(st.sets(st.sampled_from(sorted(kinds))))
    ids = write_base(
        folder,
        sequences,
        extra={column: draw(arrays(kinds[column].to_arrow(), rows)) for column in sorted(in_base)},
        row_group_size=draw(st.sampled_from([1, 2, 100])),
    )
    for number in range(draw(st.integers(0, 4))):
        namespace = draw(st.sampled_from(sorted({column.split("__")[0] for column in kinds})))
        key = draw(st.sampled_from(KEYS))
        keys = draw(st.lists(st.sampled_from(ids if key == "id" else sequences), unique=True)) if rows else []
        own = draw(st.sets(st.sampled_from([one for one in sorted(kinds) if one.startswith(namespace)]), min_size=1))
        columns = {column: draw(arrays(kinds[column].to_arrow(), len(keys))) for column in sorted(own)}
        write_overlay(
            folder,
            namespace,
            keys,
            columns,
            key=key,
            created_at=draw(st.sampled_from(PART_TIMES)),
            part=f"part-{number}",
            row_group_size=draw(st.sampled_from([1, 3, 100])),
            bloom=draw(st.booleans()),
        )
    deleted = draw(st.lists(st.sampled_from(ids), unique=True)) if rows else []
    if deleted:
        write_tombstones(folder, deleted)
    return Dataset.open(root, name), [one for one in ids if one not in deleted]


def rows_of(table: pa.Table) -> list[tuple[object, ...]]:
    """Return a table's rows with floats as their bits."""
    columns = [bits(column.combine_chunks()) for column in table.columns]
    return list(zip(*columns, strict=True)) if columns else []


@given(drawn=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_way_of_reading_gives_the_same_rows(drawn: st.DataObject, tmp_path: Path) -> None:
    """scan, to_arrow, head, get, cell and export to Parquet agree, cell by cell and bit by bit."""
    try:
        dataset, live = drawn.draw(datasets(tmp_path))
    except pa.ArrowInvalid:  # seconds are stored as milliseconds, which have not their range
        reject()

    scanned = dataset.scan().read_all()
    expected = rows_of(scanned)

    assert live == scanned["id"].to_pylist()
    assert expected == rows_of(dataset.to_arrow())
    assert expected == rows_of(pa.table(dataset))
    assert expected == rows_of(dataset.head_arrow(99))
    assert expected == rows_of(dataset.get(live))
    backwards = live[::-1]
    assert expected[::-1] == rows_of(dataset.get(backwards))
    exported = dataset.export(tmp_path / "out.parquet", fmt="parquet", overwrite=True)
    assert len(live) == exported.rows
    assert expected == rows_of(pq.ParquetFile(exported.path).read())
    for number, row in enumerate(expected):
        cells = [dataset.cell(number, name) for name in scanned.column_names]
        assert row == tuple(bits(pa.repeat(cell, 1))[0] for cell in cells)


@pytest.mark.parametrize("seed", range(20))
def test_parts_of_a_dataset_are_the_rows_of_the_whole(tmp_path: Path, seed: int) -> None:
    """Any columns, and any filter on ids, pick out of the whole."""
    rng = random.Random(seed)
    ids = write_base(tmp_path / "d", [sequence(number) for number in range(30)], row_group_size=rng.choice([4, 100]))
    for part in range(3):
        keys = rng.sample(ids, 20)
        values = pa.array([rng.choice([None, number]) for number in range(20)], pa.int64())
        write_overlay(tmp_path / "d", "one", keys, {"one__a": values}, created_at=PART_TIMES[part], part=f"part-{part}")
    dataset = Dataset.open(tmp_path, "d")
    whole = dataset.to_arrow()
    asked = rng.sample(ids, 7)

    found = dataset.get(asked, columns=["one__a", "id"])
    scanned = dataset.to_arrow(columns=["id", "one__a"], where=[("id", "in", asked)])
    asked_sql = dataset.sql("select id, one__a from records where one__a >= 10").fetchall()

    expected = dict(zip(whole["id"].to_pylist(), whole["one__a"].to_pylist(), strict=True))
    assert [(expected[one], one) for one in asked] == rows_of(found)
    assert [(one, expected[one]) for one in ids if one in asked] == rows_of(scanned)
    assert {(one, value) for one, value in expected.items() if value is not None and value >= 10} == set(asked_sql)
