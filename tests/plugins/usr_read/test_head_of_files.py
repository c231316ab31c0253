"""``usr head`` on files of any format that an importer reads."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import run_usr
from support.tree import assert_unchanged
from support.workbooks import xlsx

RECORDS = ">p1 strong\nTTGACA\n>p2\nTATAAT\n"
GENBANK = (
    "LOCUS       p1                         6 bp    DNA     circular SYN 21-JAN-2022\n"
    "FEATURES             Location/Qualifiers\n     CDS             1..3\nORIGIN\n        1 ttgaca\n//\n"
)


def head(place: Path, *words: str) -> list[dict[str, object]]:
    """Return the rows that are shown; nothing in the folder changes."""
    with assert_unchanged(place):
        result = run_usr("head", *words, "--format", "json", cwd=place)
    assert 0 == result.rc, str(result)
    rows: list[dict[str, object]] = result.data
    return rows


class TestFormats:
    @pytest.mark.parametrize("name", ["p.fasta", "p.fa.gz"])
    def test_sequences(self, tmp_path: Path, name: str):
        """Names and descriptions are columns beside the letters, in compressed files too; no root is needed."""
        text = RECORDS.encode()
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)

        rows = head(tmp_path, name)

        assert {"sequence": "TTGACA", "fasta__name": "p1", "fasta__description": "strong"} == rows[0]
        assert ["p1", "p2"] == [row["fasta__name"] for row in rows]

    def test_plasmids(self, tmp_path: Path):
        """Features are shown as the list that they are."""
        (tmp_path / "p.gb").write_text(GENBANK)

        (row,) = head(tmp_path, "p.gb", "--columns", "genbank__topology,genbank__features")

        assert "circular" == row["genbank__topology"]
        assert "1..3" == row["genbank__features"][0]["location"]  # type: ignore[index]

    def test_json_lines(self, tmp_path: Path):
        """Numbers are numbers."""
        (tmp_path / "p.jsonl").write_text('{"sequence":"ACGT","n":2}\n{"sequence":"ACGA","n":2.5}\n')

        assert [2.0, 2.5] == [row["n"] for row in head(tmp_path, "p.jsonl")]

    def test_a_workbook(self, tmp_path: Path):
        """The first sheet, whose cells become numbers and text."""
        (tmp_path / "p.xlsx").write_bytes(xlsx({"s": [["name", "n"], ["a", 2], ["b", 10]]}))

        assert [{"name": "b", "n": 10}] == head(tmp_path, "p.xlsx", "--sort", "n:desc", "-n", "1")

    def test_options_and_a_named_importer(self, tmp_path: Path):
        """As an import takes them."""
        (tmp_path / "plate.txt").write_text("name;n\na;1,5\n")

        rows = head(tmp_path, "plate.txt", "--from", "csv", "--option", "delimiter=;", "--option", "decimal=,")

        assert [{"name": "a", "n": 1.5}] == rows

    def test_parquet_under_another_name(self, tmp_path: Path):
        """What is inside decides."""
        pq.write_table(pa.table({"n": pa.array([7], pa.int8())}), tmp_path / "odd.csv")

        assert [{"n": 7}] == head(tmp_path, "odd.csv")


class TestRows:
    @pytest.fixture
    def plate(self, tmp_path: Path) -> Path:
        """Numbers that text would order otherwise, digits that are names, and a cell without a value."""
        (tmp_path / "plate.csv").write_text("well,n,code\nA1,9,007\nA2,10,008\nA3,,x\n")
        return tmp_path

    def test_sorted_as_numbers(self, plate: Path):
        """Empty cells come last."""
        assert ["A2", "A1", "A3"] == [row["well"] for row in head(plate, "plate.csv", "--sort", "n:desc")]

    def test_chosen_by_a_condition(self, plate: Path):
        """Digits behind a 0 stay text."""
        assert ["A2"] == [row["well"] for row in head(plate, "plate.csv", "--where", "n > 9 and code = '008'")]

    def test_no_more_is_read_than_is_shown(self, tmp_path: Path):
        """A mistake far below is not looked for; one among the rows shown is refused."""
        rows = f"w{'x' * 5_000},1\n" * 2_500
        (tmp_path / "long.csv").write_text(f"well,n\n{rows}w,1,2\n")
        (tmp_path / "short.csv").write_text("well,n\nw,1,2\n")

        assert 10 == len(head(tmp_path, "long.csv"))
        refused = run_usr("head", "short.csv", cwd=tmp_path)
        assert (1, True) == (refused.rc, "USR-IMPORT" in refused.err)

    def test_a_number_of_rows_beyond_the_first_batch(self, tmp_path: Path):
        """The types hold for every row that is shown."""
        rows = "".join(f"{number},{'x' * 5_000}\n" for number in range(2_500))
        (tmp_path / "long.csv").write_text(f"n,text\n{rows}last,\n")

        shown = head(tmp_path, "long.csv", "-n", "5000", "--columns", "n")

        assert (2_501, "0", "last") == (len(shown), shown[0]["n"], shown[-1]["n"])


class TestRefusals:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "p.fa").write_text(RECORDS)
        return tmp_path

    @pytest.mark.parametrize(
        "words, code",
        [
            (["p.fa", "--namespaces", "lab"], 2),
            (["p.fa", "--include-deleted"], 2),
            (["p.fa", "--columns", "strength"], 1),
            (["p.fa", "--option", "colour=red"], 2),
            (["p.fa", "--from", "nothing"], 4),
            (["p.fa", "--where", "strength > 1"], 2),
            ([".", "--from", "csv"], 2),
            (["lab/promoters", "--option", "name=whole"], 2),
        ],
    )
    def test_what_a_file_does_not_have(self, folder: Path, words: list[str], code: int):
        """One error, and its exit code."""
        refused = run_usr("head", *words, cwd=folder)

        assert (code, 1) == (refused.rc, refused.err.count("error[USR-")), str(refused)
        assert "Traceback" not in refused.err

    def test_a_file_of_no_known_ending(self, folder: Path):
        """It is read as Parquet, as before."""
        (folder / "notes.txt").write_text("hello")

        assert (1, True) == ((refused := run_usr("head", "notes.txt", cwd=folder)).rc, "Parquet" in refused.err)
