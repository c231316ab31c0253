"""``usr import`` as it is typed: what it takes, what it says, what it refuses."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr
from support.overlays import ids_of
from support.tables import write_csv
from support.tree import assert_unchanged


def sequences_of(usr: Usr, dataset: str = "ns/base") -> list[str]:
    table = pq.ParquetFile(usr.path(dataset) / "records.parquet").read(["sequence"])
    return list(table.column("sequence").to_pylist())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two records that no dataset has, and one that the seeded one has."""
    return write_csv(tmp_path / "more.csv", ["sequence"], [["CCCC"], ["GGGG"], ["ACGTACGTACGTACGTAAAA"]])


class TestWhatIsTaken:
    def test_the_importer_follows_from_the_ending(self, seeded: Usr, tmp_path: Path):
        """Without --from the file's ending decides, below .gz too."""
        packed = tmp_path / "more.jsonl.gz"
        packed.write_bytes(gzip.compress(b'{"sequence": "CCCC"}\n'))
        seeded.ok("import", "ns/base", "--path", packed)

        assert "CCCC" == sequences_of(seeded)[-1]

    def test_texts_stay_as_they_are_written(self, seeded: Usr, tmp_path: Path):
        """The peptides NA, INF and nan are neither missing values nor numbers."""
        file = write_csv(tmp_path / "p.csv", ["sequence"], [["NA"], ["INF"], ["nan"]])
        seeded.ok("import", "ns/base", "--path", file, "--bio-type", "protein", "--alphabet", "protein_20")

        assert ["NA", "INF", "nan"] == sequences_of(seeded)[-3:]

    def test_a_byte_order_mark_crlf_and_quoted_newlines(self, seeded: Usr, tmp_path: Path):
        """What Excel writes is read: the mark is not part of the first name, and a quoted newline ends no row."""
        file = tmp_path / "excel.csv"
        file.write_bytes(b'\xef\xbb\xbfsequence,comment\r\nCCCC,"two\r\nlines"\r\nGGGG,x\r\n')
        seeded.ok("import", "ns/base", "--path", file)

        assert ["CCCC", "GGGG"] == sequences_of(seeded)[-2:]

    def test_source_is_the_option_or_the_files_name(self, registered: Usr, tmp_path: Path):
        """--source beats the file's name."""
        registered.ok("init", "ns/new")
        registered.ok("import", "ns/new", "--path", write_csv(tmp_path / "one.csv", ["sequence"], [["AC"]]))
        two = write_csv(tmp_path / "two.csv", ["sequence"], [["GT"]])
        registered.ok("import", "ns/new", "--path", two, "--source", "a paper")

        table = pq.ParquetFile(registered.path("ns/new") / "records.parquet").read(["source"])
        assert ["one.csv", "a paper"] == table.column("source").to_pylist()

    def test_inside_a_datasets_folder_it_needs_no_name(self, seeded: Usr, source: Path):
        """The current folder is the dataset."""
        seeded.ok("import", "--path", source, "--on-duplicate", "skip", cwd=seeded.path("ns/base"))

        assert ["CCCC", "GGGG"] == sequences_of(seeded)[-2:]


class TestWhatIsSaid:
    def test_counts_new_and_skipped(self, seeded: Usr, source: Path):
        """One line with all rows, the new ones and the duplicates; the event counts the same."""
        out = seeded.ok("import", "ns/base", "--path", source, "--on-duplicate", "skip").out

        assert "imported 2 records into ns/base (3 rows read, 1 duplicate skipped)\n" == out
        metrics = seeded.events("ns/base")[-1]["metrics"]
        assert (3, 2, 1) == (metrics["rows_read"], metrics["rows_added"], metrics["rows_skipped"])

    def test_ignored_columns_are_named_once_on_stderr(self, seeded: Usr, tmp_path: Path):
        """A note, which --quiet leaves out."""
        first = write_csv(tmp_path / "a.csv", ["sequence", "x", "mock__y"], [["CCCC", 1, 2], ["GGGG", 3, 4]])
        second = write_csv(tmp_path / "b.csv", ["sequence", "x"], [["TTTT", 1]])

        said = "ignored columns: x, mock__y (`--keep NS` or `usr attach` keeps what a namespace registers)\n"
        assert said == seeded.ok("import", "ns/base", "--path", first).err
        assert "" == seeded.ok("import", "ns/base", "--path", second, "--quiet").err

    def test_records_that_differ_only_in_case_are_counted(self, seeded: Usr, tmp_path: Path):
        """They come in as records of their own, with a warning."""
        file = write_csv(tmp_path / "a.csv", ["sequence"], [["acgtacgtacgtacgtaaaa"]])
        result = seeded.ok("import", "ns/base", "--path", file)

        assert result.err.startswith("warning: 1 new record differs")
        assert 7 == len(set(ids_of(seeded.path("ns/base"))))

    def test_a_file_without_rows_changes_nothing(self, seeded: Usr, tmp_path: Path):
        """No record, no event."""
        file = write_csv(tmp_path / "a.csv", ["sequence"], [])
        with assert_unchanged(seeded.root):
            out = seeded.ok("import", "ns/base", "--path", file).out

        assert "imported 0 records into ns/base\n" == out


def refused(usr: Usr, code: int, file: Path, *options: str, unprivileged: bool = False) -> str:
    """Import `file`, expect exit code `code` and an unchanged root, and return what was said."""
    with assert_unchanged(usr.root):
        return usr.refuses(code, "import", "ns/base", "--path", file, *options, unprivileged=unprivileged).err


class TestBadInput:
    def test_an_empty_file(self, seeded: Usr, tmp_path: Path):
        """It has no header, and is named."""
        file = tmp_path / "empty.csv"
        file.touch()

        assert "empty.csv" in refused(seeded, 1, file)

    def test_a_missing_column(self, seeded: Usr, tmp_path: Path):
        """The columns that are there are in the hint."""
        err = refused(seeded, 1, write_csv(tmp_path / "a.csv", ["seq", "x"], [["ACGT", 1]]))

        assert "sequence" in err
        assert "seq, x" in err

    def test_a_letter_outside_the_alphabet_deep_in_the_file(self, seeded: Usr, tmp_path: Path):
        """File, row, column and value are told, however far down the row is."""
        rows = [[f"ACGT{''.join('ACGT'[row >> shift & 3] for shift in range(0, 18, 2))}"] for row in range(200_000)]
        rows[-1] = ["ACGZACGZ"]
        err = refused(seeded, 1, write_csv(tmp_path / "deep.csv", ["sequence"], rows))

        assert all(fact in err for fact in ("deep.csv", "row: 200000", "column: sequence", "ACGZACGZ", "hint: "))

    def test_latin_1_bytes(self, seeded: Usr, tmp_path: Path):
        """What is not UTF-8 is refused with the row it is in."""
        file = tmp_path / "latin.csv"
        file.write_bytes("sequence,source\nCCCC,Gen\xe8ve\n".encode("latin-1"))
        err = refused(seeded, 1, file)

        assert "latin.csv" in err
        assert "UTF-8" in err

    def test_a_truncated_parquet_file(self, seeded: Usr, tmp_path: Path):
        """A cut footer is told."""
        whole = (seeded.path("ns/base") / "records.parquet").read_bytes()
        file = tmp_path / "cut.parquet"
        file.write_bytes(whole[:-100])

        assert "cut.parquet" in refused(seeded, 1, file)

    def test_a_folder_where_a_file_is_expected(self, seeded: Usr, tmp_path: Path):
        """It says what it found instead."""
        folder = tmp_path / "folder.csv"
        folder.mkdir()

        assert "folder" in refused(seeded, 1, folder)

    def test_a_missing_file(self, seeded: Usr, tmp_path: Path):
        """Exit 3, as for everything that is not there."""
        assert "absent.csv" in refused(seeded, 3, tmp_path / "absent.csv")

    def test_a_file_without_permission(self, seeded: Usr, tmp_path: Path):
        """The path is named."""
        file = write_csv(tmp_path / "secret.csv", ["sequence"], [["CCCC"]])
        file.chmod(0)

        assert "secret.csv" in refused(seeded, 1, file, unprivileged=True)

    def test_a_duplicate_in_the_file(self, seeded: Usr, tmp_path: Path):
        """Both rows are named."""
        err = refused(seeded, 1, write_csv(tmp_path / "a.csv", ["sequence"], [["CCCC"], ["GGGG"], [" CCCC "]]))

        assert "row: 3" in err
        assert "first_row: 1" in err

    def test_a_record_that_is_there_already(self, seeded: Usr, source: Path):
        """The row and the value are named, and --on-duplicate skip is offered."""
        err = refused(seeded, 1, source)

        assert all(fact in err for fact in ("row: 3", "ACGTACGTACGTACGTAAAA", "--on-duplicate skip"))

    def test_an_unknown_importer(self, seeded: Usr, source: Path):
        """Exit 4, with those that there are."""
        assert "csv, excel, fasta, fastq, genbank, jsonl, parquet, tsv" in refused(
            seeded, 4, source, "--from", "nothing"
        )

    @pytest.mark.parametrize("option", [["--on-duplicate", "maybe"], ["--nonsense"]], ids=["value", "option"])
    def test_wrong_usage(self, seeded: Usr, source: Path, option: list[str]):
        """Exit 2."""
        refused(seeded, 2, source, *option)

    def test_an_unknown_dataset(self, seeded: Usr, source: Path):
        """Exit 3, and a near name is offered."""
        with assert_unchanged(seeded.root):
            err = seeded.refuses(3, "import", "ns/bsae", "--path", source).err

        assert "ns/base" in err

    def test_a_missing_option(self, seeded: Usr):
        """A file is needed."""
        assert "no file is named" in seeded.refuses(2, "import", "ns/base").err


class TestGivenLengths:
    """``length`` is counted from the sequence, so a given one is only compared with it."""

    @pytest.mark.parametrize("written", ["right.csv", "right.jsonl", "right.parquet"])
    def test_right_ones_and_missing_ones_are_taken(self, seeded: Usr, tmp_path: Path, written: str):
        """As numbers or text, as pandas writes them beside a missing one; blanks around a sequence do not count."""
        file = tmp_path / written
        if written.endswith("csv"):
            write_csv(file, ["sequence", "length"], [["CCCC", "4.0"], [" GGG ", "3"], ["TT", ""]])
        elif written.endswith("jsonl"):
            file.write_text('{"sequence":"CCCC","length":4}\n{"sequence":" GGG ","length":null}\n{"sequence":"TT"}\n')
        else:
            pq.write_table(pa.table({"sequence": ["CCCC", " GGG ", "TT"], "length": [4.0, 3.0, None]}), file)
        said = seeded.ok("import", "ns/base", "--path", file)

        assert ("imported 3 records into ns/base\n", "") == (said.out, said.err)

    @pytest.mark.parametrize("written", ["wrong.csv", "text.csv", "wrong.jsonl", "wrong.parquet"])
    def test_a_wrong_one_is_refused(self, seeded: Usr, tmp_path: Path, written: str):
        """Row, column and value are named, and nothing is written."""
        file, value = tmp_path / written, "six" if written == "text.csv" else "6"
        if written.endswith("csv"):
            write_csv(file, ["sequence", "length"], [["CCCC", "4"], ["GGGG", value]])
        elif written.endswith("jsonl"):
            file.write_text('{"sequence":"CCCC","length":4}\n{"sequence":"GGGG","length":6}\n')
        else:
            pq.write_table(pa.table({"sequence": ["CCCC", "GGGG"], "length": pa.array([4, 6], pa.uint8())}), file)
        with assert_unchanged(seeded.root):
            said = seeded.refuses(1, "import", "ns/base", "--path", file, "--on-duplicate", "skip").err

        assert "error[USR-IMPORT-190]" in said
        assert f"row: 2\n  column: length\n  value: {value}\n" in said


class TestDeletedRecords:
    """A record that is deleted is still there: an import does not bring it back, and says so."""

    def test_the_error_tells_how_to_restore(self, seeded: Usr, source: Path):
        """With the id of the first duplicate."""
        seeded.ok("delete", "ns/base", "--id", (first := ids_of(seeded.path("ns/base"))[0]))
        with assert_unchanged(seeded.root):
            said = seeded.refuses(1, "import", "ns/base", "--path", source).err

        assert "Row 3 is a duplicate: the dataset already has this record, which is deleted." in said
        assert f"usr restore --id {first}" in said

    @pytest.mark.parametrize("others", [True, False], ids=["beside new records", "alone"])
    def test_skipped_ones_are_counted(self, seeded: Usr, source: Path, tmp_path: Path, others: bool):
        """Whether or not other records come in; live duplicates are no deleted ones."""
        seeded.ok("delete", "ns/base", "--id", ids_of(seeded.path("ns/base"))[0])
        alone = write_csv(tmp_path / "alone.csv", ["sequence"], [["ACGTACGTACGTACGTAAAA"]])
        said = seeded.ok("import", "ns/base", "--path", source if others else alone, "--on-duplicate", "skip")
        again = seeded.ok("import", "ns/base", "--path", source, "--on-duplicate", "skip")

        for one in (said, again):
            assert (
                "1 record of the duplicates that were skipped is deleted in the dataset and stays so; "
                "`usr restore` brings it back"
            ) in one.err
        if others:
            assert 1 == seeded.events("ns/base")[-1]["metrics"]["rows_skipped_deleted"]
