"""Single cells by row number."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from support.reading import make_dataset
from usr_core.store.questions.errors import CellOutOfRange


class TestCell:
    def test_rows_are_counted_as_head_shows_them(self, tmp_path: Path) -> None:
        """Deleted rows, also at both ends and side by side, are not counted."""
        dataset, ids = make_dataset(tmp_path, 9, deleted=[0, 3, 4, 8], row_group_size=2)

        cells = [dataset.cell(row, "id").as_py() for row in range(5)]

        assert [ids[1], ids[2], ids[5], ids[6], ids[7]] == cells
        assert dataset.head_arrow(9)["id"].to_pylist() == cells

    @pytest.mark.parametrize("row", [-1, 3, 2**40])
    def test_a_row_outside_is_refused(self, tmp_path: Path, row: int) -> None:
        """Rows are 0 to the number of live records less one; none counts from the end."""
        dataset, _ = make_dataset(tmp_path, 4, deleted=[1])

        with pytest.raises(CellOutOfRange) as caught:
            dataset.cell(row, "id")

        assert (row, 3) == (caught.value.row, caught.value.rows)

    def test_a_cell_has_the_column_s_type(self, tmp_path: Path) -> None:
        """Nanoseconds and nested values come out whole."""
        stamps = pa.array([1, 1_700_000_000_000_000_001], pa.int64()).cast(pa.timestamp("ns", "UTC"))
        pairs = pa.array([[1.0, None], None], pa.list_(pa.float32(), 2))
        dataset, _ = make_dataset(tmp_path, 2, columns={"mock__t": stamps, "mock__v": pairs})

        assert stamps[1] == dataset.cell(1, "mock__t")
        assert [1.0, None] == dataset.cell(0, "mock__v").as_py()
        assert not dataset.cell(1, "mock__v").is_valid
