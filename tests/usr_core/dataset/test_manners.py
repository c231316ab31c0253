"""What a Python user types first: lists of datasets, lengths, batches, conditions, one name in place of a list."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from support.small_datasets import IDS, SEQUENCES, make_dataset
from support.tree import assert_unchanged
from usr_core import Dataset, Root, register_namespace
from usr_core.dataset.parquet_table import ParquetTable
from usr_core.errors import UsrError
from usr_core.registry.errors import RegistryMissing
from usr_core.roots.errors import DatasetMissing, RootMissing, RootNotAFolder
from usr_core.store.changes.record_errors import RecordsNotNamed
from usr_core.store.ids.errors import RecordIdInvalid
from usr_core.store.questions.errors import ConditionInvalid


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with six records, of which the first three have a score."""
    root = tmp_path_factory.mktemp("manners") / "root"
    make_dataset(root).write_overlay("mock", pa.table({"id": IDS[:3], "mock__score": [1.0, 2.0, 3.0]}))
    return root


@pytest.fixture
def dataset(template: Path, tmp_path: Path) -> Dataset:
    """A copy of it."""
    shutil.copytree(template, tmp_path / "root")
    return Dataset.open(tmp_path / "root", "ns/base")


class TestRows:
    def test_the_length_is_the_number_of_records_that_are_not_deleted(self, dataset: Dataset) -> None:
        """`rows` says the same; the base has more."""
        dataset.delete(IDS[:2])

        assert (4, 4, 6) == (len(dataset), dataset.rows, dataset.base_rows())

    def test_an_empty_dataset_and_one_that_is_not_made_are_true(self, tmp_path: Path) -> None:
        """`if dataset:` asks whether there is a dataset at hand, not whether it has records."""
        empty = make_dataset(tmp_path / "root", sequences=())

        assert 0 == len(empty)
        assert empty
        assert Dataset.open(tmp_path / "root", "ns/new")

    def test_batches_of_an_iteration_are_the_merged_view(self, dataset: Dataset) -> None:
        """Deleted records are left out, overlays are merged, and a second iteration begins anew."""
        dataset.delete(IDS[:1])

        assert pa.Table.from_batches(dataset) == dataset.to_arrow() == pa.Table.from_batches(dataset)

    def test_membership_is_that_of_an_id(self, dataset: Dataset) -> None:
        """A deleted record, another id and anything else are not in it."""
        dataset.delete(IDS[:1])

        assert [False, True, False, False, False] == [one in dataset for one in (IDS[0], IDS[1], "f" * 40, "ACGT", 3)]

    @pytest.mark.parametrize("make", [pd.DataFrame, np.asarray])
    def test_a_frame_made_of_the_batches_is_refused(self, dataset: Dataset, make: Callable[[object], object]) -> None:
        """It would hold objects in place of values; the error says what to call."""
        with pytest.raises(TypeError, match="to_pandas"):
            make(dataset)

    def test_what_speaks_arrow_takes_a_dataset(self, dataset: Dataset) -> None:
        """As it did before it could be iterated."""
        assert (6, 8) == pl.DataFrame(dataset).shape == (pa.table(dataset).num_rows, pa.table(dataset).num_columns)
        assert [(6,)] == duckdb.sql("select count(*) from dataset").fetchall()

    def test_the_length_of_a_missing_dataset_names_it(self, tmp_path: Path) -> None:
        """It is an error, not 0."""
        make_dataset(tmp_path / "root")

        with pytest.raises(DatasetMissing, match="ns/new"):
            len(Dataset.open(tmp_path / "root", "ns/new"))


WHERE: dict[str, Callable[[Dataset, str], object]] = {
    "delete": lambda dataset, where: dataset.delete(where=where).deleted,
    "set_state": lambda dataset, where: dataset.set_state(where=where, split="train").changed,
    "clear_state": lambda dataset, where: dataset.clear_state(where=where).unchanged,
    "get_state": lambda dataset, where: len(dataset.get_state(where=where)),
}


class TestWhere:
    @pytest.mark.parametrize("verb", WHERE.values(), ids=WHERE)
    def test_a_condition_stands_in_place_of_ids(self, dataset: Dataset, verb: Callable[[Dataset, str], object]) -> None:
        """Of the live records, those that meet it are treated."""
        dataset.delete(IDS[:1])

        assert 2 == verb(dataset, "mock__score is not null")

    def test_restore_looks_among_deleted_records_only(self, dataset: Dataset) -> None:
        """Live records that meet the condition are not counted as not deleted."""
        dataset.delete(IDS[:2])

        done = dataset.restore(where="mock__score > 1")

        assert (1, 0) == (done.restored, done.not_deleted)
        assert [IDS[0]] == [one for one in IDS if one not in dataset]

    def test_the_list_form_is_taken_too(self, dataset: Dataset) -> None:
        """As for `scan`."""
        assert 1 == dataset.delete(where=[("mock__score", ">=", 3.0)]).deleted

    def test_a_condition_that_nothing_meets_changes_nothing(self, dataset: Dataset) -> None:
        """There is no event, and no error."""
        with assert_unchanged(dataset.path):
            assert dataset.delete(where="mock__score > 9").event is None

    @pytest.mark.parametrize("verb", [Dataset.delete, Dataset.restore, Dataset.clear_state, Dataset.get_state])
    @pytest.mark.parametrize("named", [{}, {"ids": IDS[:1], "where": "length > 1"}])
    def test_ids_or_a_condition_are_needed_and_not_both(
        self, dataset: Dataset, verb: Callable[..., object], named: dict[str, object]
    ) -> None:
        """Without either, nothing is meant; certainly not every record."""
        with assert_unchanged(dataset.path), pytest.raises(RecordsNotNamed):
            verb(dataset, **named)

    def test_a_bad_condition_is_refused_before_anything_happens(self, dataset: Dataset) -> None:
        """With the error that reading with it has."""
        with assert_unchanged(dataset.path), pytest.raises(ConditionInvalid):
            dataset.delete(where="no_such_column > 1")


class TestOneName:
    @pytest.mark.parametrize(
        "asked",
        [
            lambda ds: ds.to_arrow(columns="sequence"),
            lambda ds: ds.head_arrow(1, columns="sequence"),
            lambda ds: ds.head_arrow(1, columns="sequence", namespaces="mock", sort="length"),
            lambda ds: ds.get(IDS[0], columns="sequence"),
            lambda ds: ds.scan(columns="sequence").read_all(),
            lambda ds: ParquetTable(ds.layout.records).head_arrow(1, columns="sequence"),
            lambda ds: pa.table({one.name: [1] for one in ds.describe("sequence").columns}),
        ],
    )
    def test_a_text_is_one_column(self, dataset: Dataset, asked: Callable[[Dataset], pa.Table]) -> None:
        """Not a list of letters."""
        assert ["sequence"] == asked(dataset).column_names

    def test_an_export_takes_one_column_and_one_namespace(self, dataset: Dataset, tmp_path: Path) -> None:
        """The format comes from the ending."""
        dataset.export(tmp_path / "out.csv", columns="mock__score", namespaces="mock")

        assert ["mock__score", "1", "2"] == (tmp_path / "out.csv").read_text().split()[:3]

    def test_changes_take_one_id_one_namespace_and_one_column(self, dataset: Dataset) -> None:
        """In each place where a list of them is taken."""
        assert dataset.delete(IDS[5]).deleted == 1
        assert dataset.restore(IDS[5]).restored == 1
        assert dataset.set_state(IDS[0], lineage=IDS[1]).changed == 1
        assert dataset.get_state(IDS[0])[0].lineage == (IDS[1],)
        assert dataset.clear_overlay("mock", "score", ids=IDS[0], dry_run=True).cells == 1
        with dataset.maintenance("fold"):
            assert dataset.materialize(namespaces="mock").namespaces == ("mock",)
        with dataset.writer(namespaces="mock", name="w") as writer:
            writer.add([{"sequence": "TATAATTATA"}], overlays={"mock": [{"score": 7.0}]})
        assert dataset.to_arrow(columns="mock__score", where="sequence = 'TATAATTATA'")[0].to_pylist() == [7.0]

    def test_a_merge_and_an_attachment_take_one_name(self, dataset: Dataset, tmp_path: Path) -> None:
        """A namespace to carry, and a column to attach."""
        other = make_dataset(tmp_path / "root", "ns/other", SEQUENCES[:1])
        (tmp_path / "scores.csv").write_text(f"id,score\n{IDS[0]},5\n")

        assert other.attach(tmp_path / "scores.csv", "mock", key="id", columns="score").columns == ("mock__score",)
        assert other.merge(dataset, carry_namespaces="mock", dry_run=True).carried == {"mock": 2}

    def test_a_text_that_is_no_id_is_named_whole(self, dataset: Dataset) -> None:
        """Not its first letter."""
        with pytest.raises(RecordIdInvalid, match="'ACGT'"):
            dataset.delete("ACGT")


class TestRoot:
    def test_a_root_has_its_datasets_and_opens_them(self, dataset: Dataset, tmp_path: Path) -> None:
        """By name, whether they exist or are to be made."""
        root = Root(tmp_path / "root")
        root.open("ns/new").init()

        assert ["ns/base", "ns/new"] == [one.name for one in root.datasets] == [one.name for one in Dataset.list(root)]
        assert (2, True, 6, True) == (len(root), "ns/new" in root, root["ns/base"].rows, bool(root))
        assert "mock" in root.registry.namespaces
        with pytest.raises(DatasetMissing):
            root["ns/nothing"]

    def test_a_root_is_a_path(self, dataset: Dataset, tmp_path: Path) -> None:
        """What takes the path of a root takes it."""
        root = Root(str(tmp_path / "root"))

        assert 6 == Dataset.open(root, "ns/base").rows
        assert ("mock__tag",) == register_namespace(root, "mock", {"mock__tag": "string"}, add=True).added

    @pytest.mark.parametrize("columns", [{"lab__gc": "float64"}, [("lab__gc", "float64")], "lab__gc:float64"])
    def test_a_namespace_is_registered_from_a_mapping_pairs_or_text(self, tmp_path: Path, columns: object) -> None:
        """All three mean the same."""
        root = Root.init(tmp_path / "new" / "root")

        assert ("lab__gc",) == root.register_namespace("lab", columns).added  # type: ignore[arg-type]

    def test_making_a_root_that_is_one_changes_nothing(self, dataset: Dataset, tmp_path: Path) -> None:
        """Its registry stays."""
        with assert_unchanged(tmp_path / "root"):
            assert "mock" in Root.init(tmp_path / "root").registry.namespaces

    @pytest.mark.parametrize(
        "asked",
        [
            Root,
            Dataset.list,
            lambda root: Dataset.open(root, "a/b"),
            lambda root: register_namespace(root, "lab", {"lab__gc": "float64"}),
        ],
    )
    def test_a_missing_root_is_named_with_how_to_make_one(
        self, tmp_path: Path, asked: Callable[[Path], Iterable[object]]
    ) -> None:
        """It is not said that a dataset is missing there, and nothing is made."""
        with pytest.raises(RootMissing, match="nowhere") as caught:
            asked(tmp_path / "nowhere")

        assert "Root.init" in caught.value.hint
        assert [] == list(tmp_path.iterdir())

    def test_a_root_that_is_a_file_is_told(self, tmp_path: Path) -> None:
        """A missing dataset would be the wrong thing to look for."""
        (tmp_path / "file").touch()

        with pytest.raises(RootNotAFolder):
            Dataset.open(tmp_path / "file", "a/b")

    def test_a_folder_without_a_registry_is_told_how_to_get_one(self, tmp_path: Path) -> None:
        """By the first change."""
        with pytest.raises(RegistryMissing) as caught:
            Dataset.open(tmp_path, "a/b").init()

        assert "Root.init" in caught.value.hint
        assert isinstance(caught.value, UsrError)
