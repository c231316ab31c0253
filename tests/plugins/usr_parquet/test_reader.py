"""Reading Parquet files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.plugin.specs import ImportRequest
from usr_core.store.rules.errors import FileChanged, NotAFile, RepeatedColumn, SourceTruncated, SourceUnreadable
from usr_parquet.reader import ParquetImporter


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "in.parquet"


def read(path: Path, **request: object) -> pa.Table:
    return pa.Table.from_batches(ParquetImporter().open(ImportRequest(path=path, **request)).batches)  # type: ignore[arg-type]


class TestReading:
    def test_types_are_the_file_s(self, file: Path) -> None:
        """Numbers, vectors and half floats keep their types; only wanted columns come, in the order wanted."""
        table = pa.table(
            {
                "a": pa.array([1], pa.int8()),
                "v": pa.array([[1.0, 2.0]], pa.list_(pa.float16(), 2)),
                "t": pa.array([1]).cast(pa.timestamp("ns", "UTC")),
                "z": ["unwanted"],
            }
        )
        pq.write_table(table, file)

        assert table.select(["t", "v", "a"]) == read(file, columns=("t", "nope", "v", "a"))

    @pytest.mark.parametrize(
        "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
    )
    def test_text_comes_as_plain_strings(self, file: Path, kind: pa.DataType) -> None:
        """Large, viewed and dictionary-encoded text are strings."""
        pq.write_table(pa.table({"s": pa.array(["a", None, ""]).cast(kind)}), file)

        assert pa.table({"s": pa.array(["a", None, ""], pa.string())}) == read(file)

    def test_dictionaries_of_numbers_are_decoded(self, file: Path) -> None:
        """Any dictionary gives its values."""
        pq.write_table(pa.table({"s": pa.array([5, 5]).dictionary_encode()}), file)

        assert [5, 5] == read(file).column(0).to_pylist()

    def test_batches_are_bounded(self, file: Path) -> None:
        """A row group of many bytes comes in several batches, in order."""
        values = [str(row).zfill(100) for row in range(20_000)]
        pq.write_table(pa.table({"s": values}), file, use_dictionary=False)

        batches = list(ParquetImporter().open(ImportRequest(path=file, batch_bytes=100_000)).batches)

        assert max(batch.nbytes for batch in batches) <= 110_000
        assert values == [value for batch in batches for value in batch.column(0).to_pylist()]

    def test_columns_come_from_the_footer(self, file: Path) -> None:
        """Names are told for an empty table too."""
        pq.write_table(pa.table({"b": pa.array([], pa.string()), "a": pa.array([], pa.string())}), file)

        assert ["b", "a"] == ParquetImporter().open(ImportRequest(path=file)).columns
        assert [] == list(ParquetImporter().open(ImportRequest(path=file)).batches)


class TestFaults:
    @pytest.mark.parametrize("keep", [4, 100, -1, -9])
    def test_a_truncated_file_is_said_to_be_cut_off(self, file: Path, keep: int) -> None:
        """Wherever the cut is."""
        pq.write_table(pa.table({"s": ["x"] * 1000}), file)
        file.write_bytes(file.read_bytes()[:keep])

        with pytest.raises(SourceTruncated):
            read(file)

    @pytest.mark.parametrize("content", [b"", b"sequence\nACGT\n" * 10])
    def test_other_files_are_no_parquet(self, file: Path, content: bytes) -> None:
        """An empty file and text are refused as such."""
        file.write_bytes(content)

        with pytest.raises(SourceUnreadable, match=r"empty|not a Parquet"):
            read(file)

    def test_damaged_pages_are_named_by_row(self, file: Path) -> None:
        """Zeros in the second row group's pages are an error there."""
        pq.write_table(
            pa.table({"s": [str(row) for row in range(2000)]}), file, row_group_size=1000, compression="zstd"
        )
        chunk = pq.read_metadata(file).row_group(1).column(0)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        content = bytearray(file.read_bytes())
        content[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
        file.write_bytes(content)

        with pytest.raises(SourceUnreadable) as caught:
            read(file)

        assert 1001 == caught.value.row

    def test_a_wanted_name_that_is_repeated_is_refused(self, file: Path) -> None:
        """Two columns of one name are ambiguous."""
        pq.write_table(pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["s", "s"]), file)

        with pytest.raises(RepeatedColumn):
            read(file, columns=("s",))

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        """A folder of Parquet files is not a file."""
        with pytest.raises(NotAFile):
            read(tmp_path)

    def test_a_replaced_file_is_noticed(self, file: Path) -> None:
        """What is read is the file that was opened; a new one under its name is a change."""
        pq.write_table(pa.table({"s": ["x"] * 3000}), file, row_group_size=1000)
        reading = ParquetImporter().open(ImportRequest(path=file)).batches
        next(reading)
        pq.write_table(pa.table({"s": ["y"] * 3000}), file.with_name("new"), row_group_size=1000)
        file.with_name("new").rename(file)

        with pytest.raises(FileChanged):
            list(reading)


class TestSpellings:
    def test_nested_text_comes_as_plain_types(self, file: Path) -> None:
        """Lists and text of other spellings, at any depth."""
        kind = pa.large_list(pa.struct([("t", pa.large_string())]))
        pq.write_table(pa.table({"v": pa.array([[{"t": "a"}], None], kind)}), file)

        read_back = read(file, columns=("v",))

        assert pa.list_(pa.field("item", pa.struct([("t", pa.string())]))) == read_back.schema.field("v").type
        assert [[{"t": "a"}], None] == read_back.column("v").to_pylist()


class TestInt96:
    TIMES = (dt.datetime(1500, 1, 1, 1, 2, 3, 4), dt.datetime(9999, 12, 31), None, dt.datetime(2026, 1, 1))

    def test_times_beyond_the_range_of_nanoseconds_are_kept(self, file: Path) -> None:
        """Alone, in lists and in structs."""
        us = pa.timestamp("us")
        table = pa.table(
            {
                "t": pa.array(self.TIMES, us),
                "l": pa.array([list(self.TIMES)] * 4, pa.list_(us)),
                "s": pa.array([{"x": time} for time in self.TIMES], pa.struct([("x", us)])),
            }
        )
        pq.write_table(table, file, use_deprecated_int96_timestamps=True)

        assert table.to_pydict() == read(file).to_pydict()

    def test_nanoseconds_are_refused(self, file: Path) -> None:
        """Microseconds can't hold them; row, column and value are told."""
        times = pa.array([1000] * 70_000 + [1_577_836_800_000_000_001], pa.timestamp("ns"))
        pq.write_table(pa.table({"t": times}), file, use_deprecated_int96_timestamps=True)

        with pytest.raises(SourceUnreadable, match="INT96") as caught:
            read(file)

        assert (70_001, "t", "2020-01-01 00:00:00.000000001") == (
            caught.value.row, caught.value.column, caught.value.value,
        )  # fmt: skip


class TestOddColumns:
    def test_lists_whose_lengths_do_not_fit_are_told_with_the_cast_to_make(self, file: Path) -> None:
        """DuckDB writes a fixed array with a null so; the file is not said to be damaged."""
        with duckdb.connect() as connection:
            connection.execute("create table t as values ('ACGT', [1, 2, 3]::integer[3]), ('ACGA', null)")
            connection.execute(f"copy t to '{file}' (format parquet)")

        with pytest.raises(SourceUnreadable) as caught:
            read(file)

        assert ("col1", 1) == (caught.value.column, caught.value.row)
        assert "damaged" not in caught.value.args[0]
        assert "CAST(col1 AS FLOAT[])" in caught.value.hint

    @pytest.mark.parametrize("form", ["text", "list", "dictionary"])
    def test_text_that_is_not_utf8_is_named_by_row_and_column(self, file: Path, form: str) -> None:
        """Other writers store it as text; no plugin is to blame for it."""
        words = pa.Array.from_buffers(pa.string(), 3, pa.array([b"fine", b"also", b"caf\xe9"]).buffers())
        numbers = pa.array([0, 1, 2], pa.int32())
        column = {
            "text": words,
            "list": pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), words),
            "dictionary": pa.DictionaryArray.from_arrays(numbers, words),
        }[form]
        pq.write_table(pa.table({"sequence": ["A", "C", "G"], "note": column}), file)

        with pytest.raises(SourceUnreadable) as caught:
            read(file)

        assert (caught.value.row, caught.value.column) == (3, "note")
