"""The stream over a view: its rows, and its files."""

from __future__ import annotations

import gc
from pathlib import Path

import pyarrow as pa
import pytest

from support.reading import make_dataset, open_files
from usr_core.store.questions.errors import FilterInvalid


class TestRows:
    def test_columns_come_in_the_order_asked_for(self, tmp_path: Path) -> None:
        """The reader's schema is that of its batches."""
        dataset, _ = make_dataset(tmp_path, 5, columns={"mock__n": pa.array(range(5))})

        reader = dataset.scan(columns=["mock__n", "id"])

        assert isinstance(reader, pa.RecordBatchReader)
        assert ["mock__n", "id"] == reader.schema.names
        assert list(range(5)) == reader.read_all()["mock__n"].to_pylist()

    def test_a_column_that_only_the_filter_names_is_not_returned(self, tmp_path: Path) -> None:
        """It is read for the filter alone."""
        dataset, ids = make_dataset(tmp_path, 6, columns={"mock__n": pa.array([0, 1, 2, 3, None, 5])})

        table = dataset.scan(columns=["id"], where=[("mock__n", ">=", 2)]).read_all()

        assert (["id"], [ids[2], ids[3], ids[5]]) == (table.column_names, table["id"].to_pylist())

    def test_rows_without_columns_are_counted(self, tmp_path: Path) -> None:
        """With no column at all the filter still decides how many rows there are."""
        dataset, _ = make_dataset(tmp_path, 6)

        counts = [len(batch) for batch in dataset._scan([], [("length", "==", 12)], False)]

        assert [6] == counts

    def test_a_filter_that_nothing_meets_gives_no_batch(self, tmp_path: Path) -> None:
        """The table has the columns and no rows."""
        dataset, _ = make_dataset(tmp_path, 6)

        assert (0, 7) == dataset.to_arrow(where=[("length", "<", 0)]).shape

    def test_deleted_rows_are_left_out(self, tmp_path: Path) -> None:
        """Unless they are asked for, with their tombstones' columns; a filter may look at those either way."""
        dataset, ids = make_dataset(tmp_path, 4, deleted=[1])

        assert [ids[0], ids[2], ids[3]] == dataset.to_arrow()["id"].to_pylist()
        whole = dataset.to_arrow(include_deleted=True, where=[("usr__deleted", "==", True)])
        assert [ids[1]] == whole["id"].to_pylist()
        assert "usr__deleted_reason" in whole.column_names

    @pytest.mark.parametrize("options", [{"columns": ["nope"]}, {"where": [("nope", "==", 1)]}])
    def test_an_unknown_column_is_refused_at_the_call(self, tmp_path: Path, options: dict[str, object]) -> None:
        """Nothing has to be read to find it out, and no file stays open."""
        dataset, _ = make_dataset(tmp_path, 2)

        with pytest.raises(KeyError, match="nope"):
            dataset.scan(**options)  # type: ignore[arg-type]
        assert [] == open_files(tmp_path)

    def test_a_bad_filter_is_refused_at_the_call(self, tmp_path: Path) -> None:
        """And leaves no file open."""
        dataset, _ = make_dataset(tmp_path, 2)

        with pytest.raises(FilterInvalid):
            dataset.scan(where=[("length", "==", "x")])
        assert [] == open_files(tmp_path)


class TestFiles:
    def test_they_are_open_while_it_reads(self, tmp_path: Path) -> None:
        """What the other tests rely on."""
        dataset, _ = make_dataset(tmp_path, 10, columns={"mock__n": pa.array(range(10))}, row_group_size=2)
        reader = dataset.scan()

        assert 2 == len(open_files(tmp_path))
        reader.close()

    def test_exhausting_it_closes_them(self, tmp_path: Path) -> None:
        """The reader itself may live on."""
        dataset, _ = make_dataset(tmp_path, 10, columns={"mock__n": pa.array(range(10))})
        reader = dataset.scan()

        reader.read_all()

        assert [] == open_files(tmp_path)

    def test_closing_it_closes_them(self, tmp_path: Path) -> None:
        """In the middle, as the end of a with block, and before the first batch."""
        dataset, _ = make_dataset(tmp_path, 10, columns={"mock__n": pa.array(range(10))}, row_group_size=2)

        with dataset.scan() as begun:
            next(begun)
        fresh = dataset.scan()
        fresh.close()

        assert [] == open_files(tmp_path)
        with pytest.raises(pa.ArrowInvalid, match="closed"):
            next(begun)

    def test_dropping_it_closes_them(self, tmp_path: Path) -> None:
        """Begun or not."""
        dataset, _ = make_dataset(tmp_path, 10, columns={"mock__n": pa.array(range(10))}, row_group_size=2)
        begun, fresh = dataset.scan(), dataset.scan()
        next(begun)

        del begun, fresh
        gc.collect()

        assert [] == open_files(tmp_path)

    def test_a_writer_may_replace_them_meanwhile(self, tmp_path: Path) -> None:
        """A reader goes on with the state that it opened."""
        dataset, ids = make_dataset(tmp_path, 10, row_group_size=2)
        reader = dataset.scan(columns=["id"])
        (dataset.path / "records.parquet").unlink()

        assert ids == reader.read_all()["id"].to_pylist()
