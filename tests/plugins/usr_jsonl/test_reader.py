"""Reading JSON Lines files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from usr_core.plugin.specs import ImportRequest
from usr_core.store.rules.errors import FileChanged, NotAFile, SourceMissing, SourceUnreadable
from usr_jsonl.reader import JsonlImporter


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


def read(path: Path, **request: object) -> pa.Table:
    return pa.Table.from_batches(JsonlImporter().open(ImportRequest(path=path, **request)).batches)  # type: ignore[arg-type]


class TestRecords:
    def test_text_stays_text_and_missing_keys_are_null(self, file: Path) -> None:
        """Values keep their spelling; a key that a record lacks is null, and so is null."""
        file.write_text('{"sequence":"NA","x":"007"}\n{"sequence":"nan"}\n{"x":null,"sequence":""}\n')

        assert {"sequence": ["NA", "nan", ""], "x": ["007", None, None]} == read(file).to_pydict()

    def test_a_line_has_a_longest_length(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A line without an end is refused with its number, and not read into memory whole."""
        monkeypatch.setattr("usr_jsonl.records.LONGEST_RECORD", 1 << 20)
        file.write_bytes(b'{"a":"1"}\n\n' + b"x" * ((1 << 20) + 1))

        with pytest.raises(SourceUnreadable, match="The line is longer than 1 MiB") as caught:
            read(file)

        assert (2, 3) == (caught.value.facts["row"], caught.value.facts["line"])

    def test_bom_crlf_and_blank_lines(self, file: Path) -> None:
        """A BOM and blank lines are not records."""
        file.write_bytes(b'\xef\xbb\xbf{"a":"1"}\r\n\r\n  \n{"a":"2"}')

        assert {"a": ["1", "2"]} == read(file).to_pydict()

    def test_wished_types_are_strict(self, file: Path) -> None:
        """Numbers, lists and not-a-number come as the type asked for."""
        file.write_text('{"a":9007199254740993,"l":[1,2.5],"f":"NaN"}\n{"a":null,"l":null,"f":1}\n')
        types = {"a": pa.int64(), "l": pa.list_(pa.float64(), 2), "f": pa.float32()}

        found = read(file, types=types)

        assert [9007199254740993, None] == found.column("a").to_pylist()
        assert list(types.values()) == found.schema.types
        assert [[1.0, 2.5], None] == found.column("l").to_pylist()

    def test_wanted_columns_come_in_the_order_wanted(self, file: Path) -> None:
        """Other keys are left alone, whatever they hold."""
        file.write_text('{"x":{"any":1},"b":"2","a":"1"}\n')

        assert ["a", "b"] == read(file, columns=("a", "nope", "b")).schema.names

    def test_columns_are_the_keys_in_order_of_appearance(self, file: Path) -> None:
        """The keys of all records of the first block count."""
        file.write_text('{"b":"1"}\n{"a":"1","b":"2"}\n')

        assert ["b", "a"] == JsonlImporter().open(ImportRequest(path=file)).columns

    def test_an_empty_file_has_no_columns_and_no_records(self, file: Path) -> None:
        """What export writes for an empty dataset is read as such."""
        file.write_text("")
        request = ImportRequest(path=file)

        assert ([], []) == (JsonlImporter().open(request).columns, list(JsonlImporter().open(request).batches))

    def test_blocks_are_bounded(self, file: Path) -> None:
        """Small blocks give many batches of one schema, and all records in order."""
        file.write_text("".join(f'{{"a":"{row}"}}\n' for row in range(1000)))

        found = list(JsonlImporter().open(ImportRequest(path=file, batch_bytes=500)).batches)

        assert len(found) > 10
        assert [str(row) for row in range(1000)] == [value for batch in found for value in batch.column(0).to_pylist()]

    def test_gzip(self, tmp_path: Path) -> None:
        """A compressed file is read as it is without."""
        (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(b'{"a":"1"}\n'))

        assert {"a": ["1"]} == read(tmp_path / "in.jsonl.gz").to_pydict()


class TestFaults:
    @pytest.mark.parametrize(
        "line",
        [b"[1]", b"1", b'{"a":"1"', b'{"a":"1"}{"a":"2"}', b'{"a":"1","a":"2"}', b'{"a":"\xe9"}', b"x", b"[" * 100_000],
    )
    def test_lines_that_are_no_object_are_named(self, file: Path, line: bytes) -> None:
        """Row (records) and line (all lines) of the first fault are told."""
        file.write_bytes(b'{"a":"1"}\n\n' + line + b"\n")

        with pytest.raises(SourceUnreadable) as caught:
            read(file)

        assert (2, 3) == (caught.value.row, caught.value.line)

    @pytest.mark.parametrize("value", ["1", "true", "[1]", '"\\ud800"'])
    def test_without_a_type_values_have_to_be_text(self, file: Path, value: str) -> None:
        """Nothing is turned into text."""
        file.write_text(f'{{"a":"1"}}\n{{"a":{value}}}\n')

        with pytest.raises(SourceUnreadable) as caught:
            read(file)

        assert (2, 2, "a") == (caught.value.row, caught.value.line, caught.value.column)

    def test_a_value_of_another_type_is_named(self, file: Path) -> None:
        """The row counts over all blocks."""
        file.write_text('{"a":1}\n' * 100 + '{"a":"x"}\n')

        with pytest.raises(SourceUnreadable) as caught:
            read(file, types={"a": pa.int64()}, batch_bytes=50)

        assert (101, "a", "x") == (caught.value.row, caught.value.column, caught.value.value)

    def test_a_wanted_key_that_comes_late_is_refused(self, file: Path) -> None:
        """A column that earlier batches were given without can't be added."""
        file.write_text('{"a":"1"}\n' * 100 + '{"a":"1","b":"2"}\n')

        with pytest.raises(SourceUnreadable) as caught:
            read(file, columns=("a", "b"), batch_bytes=50)

        assert (101, "b") == (caught.value.row, caught.value.column)
        assert 101 == read(file, columns=("a",), batch_bytes=50).num_rows

    def test_missing_files_and_folders(self, tmp_path: Path) -> None:
        """Both have errors of their own."""
        with pytest.raises(SourceMissing):
            read(tmp_path / "none")
        with pytest.raises(NotAFile):
            read(tmp_path)

    def test_a_change_while_reading_is_noticed(self, file: Path) -> None:
        """A file that grows between two blocks is refused."""
        file.write_text('{"a":"1"}\n' * 1000)
        reading = JsonlImporter().open(ImportRequest(path=file, batch_bytes=100)).batches
        next(reading)
        with file.open("a") as more:
            more.write('{"a":"2"}\n')

        with pytest.raises(FileChanged):
            list(reading)
