"""``usr attach --writer opal``: label tables, and what is refused of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr
from support.small_datasets import IDS, SEQUENCES, make_dataset
from support.tables import write_csv
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.registry.store import register_namespace
from usr_opal.labels import COLUMNS, OFFSET, SPELLINGS, VECTOR

DS = "ns/base"
STATES, NUMBERED = SPELLINGS
ONE = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.5]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    made = make_dataset(tmp_path / "root")
    register_namespace(tmp_path / "root", "opal", list(COLUMNS))
    return made


def attach(dataset: Dataset, file: Path, *options: str) -> str:
    done = Usr(root=dataset.ref.root).ok("attach", DS, "--writer", "opal", "--path", file, *options)
    return done.out + done.err


def refused(dataset: Dataset, code: str, file: Path, *options: str, rc: int = 1) -> str:
    """Attach, expect that error and an unchanged root, and return what was said."""
    with assert_unchanged(dataset.ref.root):
        err = Usr(root=dataset.ref.root).refuses(rc, "attach", DS, "--writer", "opal", "--path", file, *options).err
    assert f"error[{code}]" in err
    return err


def column(dataset: Dataset, name: str) -> list[object]:
    return dataset.to_arrow(columns=[name])[name].to_pylist()


class TestTables:
    def test_rows_keyed_by_sequence(self, dataset: Dataset, tmp_path: Path) -> None:
        """Found by themselves where the table has no ids; a row without label cells has no label."""
        rows = [[SEQUENCES[2], *ONE, 0.5, "p1"], [SEQUENCES[0], *[None] * 9, "p1"]]
        file = write_csv(tmp_path / "l.csv", ["sequence", *STATES, "intensity_log2_offset_delta", "plate"], rows)
        said = attach(dataset, file)

        assert [None, None, ONE] == column(dataset, VECTOR)[:3]
        assert 0.5 == column(dataset, OFFSET)[2]
        assert "ignored column: opal__plate" in said

    def test_an_id_wins_over_a_sequence(self, dataset: Dataset, tmp_path: Path) -> None:
        """But --key says otherwise."""
        file = write_csv(tmp_path / "l.csv", ["sequence", "id", *NUMBERED], [[SEQUENCES[0], IDS[1], *ONE]])
        attach(dataset, file)
        attach(dataset, file, "--key", "sequence", "--allow-overwrite")

        assert [ONE, ONE, None] == column(dataset, VECTOR)[:3]

    def test_a_parquet_file_of_lists(self, dataset: Dataset, tmp_path: Path) -> None:
        """Any format that an importer reads; null is not a label."""
        vectors = pa.array([ONE, None], pa.list_(pa.float64()))
        pq.write_table(pa.table({"id": list(IDS[:2]), "y_sfxi": vectors}), tmp_path / "l.parquet")
        attach(dataset, tmp_path / "l.parquet")

        assert [ONE, None] == column(dataset, VECTOR)[:2]

    def test_a_table_without_rows_is_no_change(self, dataset: Dataset, tmp_path: Path) -> None:
        """And no error."""
        file = write_csv(tmp_path / "l.csv", ["id", *STATES], [])
        with assert_unchanged(dataset.ref.root):
            said = attach(dataset, file)

        assert "no rows" in said

    def test_offsets_alone(self, dataset: Dataset, tmp_path: Path) -> None:
        """Are labels too."""
        attach(dataset, write_csv(tmp_path / "l.csv", ["id", "intensity_log2_offset_delta"], [[IDS[1], "1e-3"]]))

        assert [None, 0.001] == column(dataset, OFFSET)[:2]


class TestRefusals:
    @pytest.mark.parametrize(
        "cell",
        ["1;2;3;4;5;6;7", "1;2;3;4;5;6;7;8;9", "[1,2,3]", "1;2;3;4;5;6;7;x", "1;2;3;4;5;6;7;", "[1,2,3,4,5,6,7,null]",
         "[1,2,3,4,5,6,7,NaN]", "1;2;3;4;5;6;7;inf", "[1,2,3,4,5,6,7,1e999]", "{}", "7"],
    )  # fmt: skip
    def test_a_cell_that_is_no_label(self, dataset: Dataset, tmp_path: Path, cell: str) -> None:
        """Row, column and value are told."""
        file = write_csv(tmp_path / "l.csv", ["id", "y_sfxi"], [[IDS[0], "1;2;3;4;5;6;7;8"], [IDS[1], cell]])
        err = refused(dataset, "USR-OPAL-101", file)

        assert all(text in err for text in ("l.csv", "row: 2", "column: y_sfxi", f"value: {cell}"))

    @pytest.mark.parametrize("cell", [None, "nan", "-inf", "x", "1,5"])
    def test_one_of_eight_cells(self, dataset: Dataset, tmp_path: Path, cell: str | None) -> None:
        """Its own column is named; a label is whole or not there."""
        rows = [[IDS[0], *ONE], [IDS[1], *ONE[:5], cell, *ONE[6:]]]
        err = refused(dataset, "USR-OPAL-101", write_csv(tmp_path / "l.csv", ["id", *STATES], rows))

        assert all(text in err for text in ("row: 2", "column: y10_star"))

    def test_the_row_is_that_of_the_file(self, dataset: Dataset, tmp_path: Path) -> None:
        """Also behind the importer's first batches."""
        many = make_dataset(tmp_path / "many", sequences=[])
        register_namespace(tmp_path / "many", "opal", list(COLUMNS))
        rows = [[f"{row:040x}", "0.125;" * 7 + "0.125"] for row in range(150_000)]
        rows[140_000][1] = "1"
        file = write_csv(tmp_path / "l.csv", ["id", "y_sfxi"], rows)

        assert file.stat().st_size > 8 << 20
        assert "row: 140001" in refused(many, "USR-OPAL-101", file)

    def test_a_vector_in_parquet(self, dataset: Dataset, tmp_path: Path) -> None:
        """Its length is told, not a cast that failed."""
        vectors = pa.array([ONE, ONE[:7]], pa.list_(pa.float64()))
        pq.write_table(pa.table({"id": list(IDS[:2]), "y_sfxi": vectors}), tmp_path / "l.parquet")
        err = refused(dataset, "USR-OPAL-101", tmp_path / "l.parquet")

        assert all(text in err for text in ("row: 2", "it has 7 numbers, not 8"))

    @pytest.mark.parametrize(
        ("header", "said"),
        [
            (["id", "plate"], "no labels"),
            (["id", *STATES[:7]], "y11_star is missing"),
            (["id", *NUMBERED[1:]], "y_sfxi_0 is missing"),
            (["id", "y_sfxi", *STATES], "more than once"),
            (["id", "y_sfxi", "opal__y_sfxi"], "more than once"),
            (["name", "y_sfxi"], "no column 'id'"),
        ],
    )
    def test_columns_that_are_not_clear(self, dataset: Dataset, tmp_path: Path, header: list[str], said: str) -> None:
        """The spellings of a label are told."""
        err = refused(dataset, "USR-OPAL-102", write_csv(tmp_path / "l.csv", header, [[1] * len(header)]))

        assert all(text in err for text in (said, "y11_star", "y_sfxi_7"))

    def test_a_missing_file(self, dataset: Dataset, tmp_path: Path) -> None:
        """Exit code 3."""
        refused(dataset, "USR-IMPORT-002", tmp_path / "l.csv", rc=3)
