"""Parquet files read as they are."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.reading import damage_column, open_files
from usr_core.dataset.parquet_table import ParquetTable
from usr_core.store.questions.errors import CellOutOfRange
from usr_core.store.rules.errors import NotAFile, RepeatedColumn, SourceMissing, SourceUnreadable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    table = pa.table(
        {
            "n": pa.array(range(10), pa.int16()),
            "d": pa.array([Decimal(f"{n}.50") for n in range(10)]),
            "c": pa.array(["x", None] * 5).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=4)
    return tmp_path / "t.parquet"


class TestReading:
    def test_columns_have_the_file_s_types(self, file: Path) -> None:
        """Also those that the registry does not know."""
        columns = ParquetTable(file).columns()

        assert ["n", "d", "c"] == [column.name for column in columns]
        assert ["int16", "decimal128(3, 2)"] == [column.type for column in columns[:2]]

    @pytest.mark.parametrize("rows", [0, 1, 4, 5, 10, 99])
    def test_the_first_rows(self, file: Path, rows: int) -> None:
        """Across row groups, in the order of the columns asked for."""
        table = ParquetTable(file).head_arrow(rows, columns=["c", "n"])

        assert ["c", "n"] == table.column_names
        assert list(range(min(rows, 10))) == table["n"].to_pylist()

    @pytest.mark.parametrize("row", [0, 3, 4, 7, 8, 9])
    def test_a_cell(self, file: Path, row: int) -> None:
        """Rows are counted from 0 through all row groups."""
        assert row == ParquetTable(file).cell(row, "n").as_py()

    def test_a_table_of_no_columns(self, file: Path) -> None:
        """Asking for no column is not an error."""
        assert [] == ParquetTable(file).head_arrow(3, columns=[]).column_names

    def test_it_is_closed_afterwards(self, file: Path) -> None:
        """Each verb opens it and closes it, also when it fails."""
        ParquetTable(file).head_arrow(2)
        with pytest.raises(KeyError):
            ParquetTable(file).head_arrow(2, columns=["nope"])

        assert [] == open_files(file.parent)


class TestRefusals:
    @pytest.mark.parametrize("row", [-1, 10])
    def test_a_row_outside(self, file: Path, row: int) -> None:
        """No row counts from the end."""
        with pytest.raises(CellOutOfRange):
            ParquetTable(file).cell(row, "n")

    def test_files_that_are_not_there_or_not_parquet(self, tmp_path: Path) -> None:
        """Each has its own error."""
        (tmp_path / "text.parquet").write_text("hello")

        with pytest.raises(SourceMissing):
            ParquetTable(tmp_path / "none.parquet").columns()
        with pytest.raises(NotAFile):
            ParquetTable(tmp_path).columns()
        with pytest.raises(SourceUnreadable):
            ParquetTable(tmp_path / "text.parquet").columns()

    def test_a_repeated_column(self, tmp_path: Path) -> None:
        """Its values would be ambiguous."""
        table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
        pq.write_table(table, tmp_path / "t.parquet")

        with pytest.raises(RepeatedColumn):
            ParquetTable(tmp_path / "t.parquet").head_arrow(1)

    def test_a_damaged_page(self, file: Path) -> None:
        """The file is named."""
        damage_column(file, "n")

        with pytest.raises(SourceUnreadable):
            ParquetTable(file).head_arrow(1)
