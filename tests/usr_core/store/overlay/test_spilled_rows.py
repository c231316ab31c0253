"""Rows that are put in order on disk come back as they were, whatever their types and wherever nulls are."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from usr_core.store.overlay import spilled_rows
from usr_core.store.overlay.spilled_rows import Buckets

ROWS = 3_000
VECTOR = pa.list_(pa.float32(), 3)
DAY = dt.date(2026, 1, 1)
MADE = {
    "float": (pa.float64(), lambda row: row / 7),
    "half": (pa.float16(), np.float16),
    "byte": (pa.int8(), lambda row: row % 100),
    "day": (pa.date32(), lambda row: DAY + dt.timedelta(row)),
    "time": (pa.timestamp("us", "UTC"), lambda row: row),
    "vector": (VECTOR, lambda row: [row, -1.5, float(row % 3)]),
    "truth": (pa.bool_(), lambda row: row % 3 == 0),
    "text": (pa.string(), str),
    "hole": (pa.int64(), lambda row: None if row % 1_000 == 5 else row),
    "vector with a hole": (VECTOR, lambda row: [1.0, None, 2.0] if row == 1_234 else [row, 0, 0]),
    "no vector": (VECTOR, lambda row: None if row == 2_345 else [row, 0, 0]),
}


def rows_at(columns: list[str], rows: np.ndarray) -> pa.RecordBatch:
    """Values that tell which row they are of; they begin inside a larger batch."""
    kinds = [MADE[name] for name in columns]
    arrays = [pa.array([make(row) for row in [0, 0, 0, *rows.tolist()]], kind) for kind, make in kinds]
    return pa.RecordBatch.from_arrays(arrays, names=columns).slice(3)


@pytest.mark.parametrize(
    "columns",
    [["float"], ["half", "byte", "day", "time"], ["vector"], ["vector", "float"], ["float", "text"], ["truth"],
     ["hole"], ["vector with a hole"], ["no vector", "float"]],
    ids=", ".join,
)  # fmt: skip
def test_rows_come_back_in_order(tmp_path: Path, columns: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a batch without nulls and those of one with them, in one bucket."""
    monkeypatch.setattr(spilled_rows, "_WAITING_BYTES", 5_000)
    order = np.random.default_rng(1).permutation(ROWS).astype(np.int64)
    buckets = Buckets(tmp_path / "spill", rows_at(columns, order[:0]).schema, rows=700)

    for chunk in np.array_split(order, 17):
        buckets.add(rows_at(columns, chunk), chunk * 2)
    found = list(buckets.sorted())
    left = list((tmp_path / "spill").iterdir())
    buckets.remove()

    assert ([], False) == (left, (tmp_path / "spill").exists())
    assert np.concatenate([positions for _, positions in found]).tolist() == list(range(0, 2 * ROWS, 2))
    assert pa.Table.from_batches([batch for batch, _ in found]).equals(
        pa.Table.from_batches([rows_at(columns, np.arange(ROWS))])
    )


def test_numbers_that_are_not_numbers_keep_their_bits(tmp_path: Path) -> None:
    """NaN with a payload, and minus zero."""
    bits = np.array([0x7FF8000000000001, 0xFFF0000000000123, 1 << 63], np.uint64)
    batch = pa.record_batch({"x": pa.array(bits.view(np.float64))})
    buckets = Buckets(tmp_path / "spill", batch.schema, rows=10)

    buckets.add(batch, np.array([2, 0, 1]))
    ((rows, _),) = buckets.sorted()

    assert [bits[1], bits[2], bits[0]] == np.frombuffer(rows.column(0).buffers()[1], np.uint64).tolist()


def test_what_is_left_is_removed(tmp_path: Path) -> None:
    """Files of both kinds, also where no row was read back."""
    for columns in (["float"], ["hole"]):
        buckets = Buckets(tmp_path / "spill", rows_at(columns, np.arange(0)).schema, rows=10)
        buckets.add(rows_at(columns, np.arange(ROWS)), np.arange(ROWS))
        buckets.remove()

        assert [] == list(tmp_path.iterdir())
