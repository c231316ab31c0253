"""Records by id: order, errors, and the paths that a large dataset takes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from support.reading import make_dataset
from support.view_datasets import sequence, write_base
from usr_core import Dataset
from usr_core.store.questions.errors import RecordsDeleted, RecordsNotFound


class TestGet:
    def test_records_come_in_the_order_asked_for(self, tmp_path: Path) -> None:
        """Rows follow the ids, each id once, whatever row groups they lie in."""
        dataset, ids = make_dataset(tmp_path, 10, row_group_size=3)

        found = dataset.get([ids[8], ids[1], ids[8], ids[5]], columns=["sequence"])

        assert [sequence(8), sequence(1), sequence(5)] == found["sequence"].to_pylist()

    def test_one_id_may_be_given_as_text(self, tmp_path: Path) -> None:
        """A single id is not taken for a list of letters."""
        dataset, ids = make_dataset(tmp_path, 3)

        assert [ids[2]] == dataset.get(ids[2])["id"].to_pylist()

    @pytest.mark.parametrize("key", ["id", "sequence", "sequence_norm", "sequence_ci"])
    @pytest.mark.parametrize("bloom", [True, False])
    def test_attached_columns_are_merged_in(self, tmp_path: Path, key: str, bloom: bool) -> None:
        """The values of every kind of part are there, with Bloom filters and without."""
        dataset, ids = make_dataset(
            tmp_path, 20, columns={"mock__n": pa.array(range(20))}, key=key, bloom=bloom, row_group_size=4
        )

        assert [13, 2] == dataset.get([ids[13], ids[2]], columns=["mock__n"])["mock__n"].to_pylist()

    def test_many_ids_take_the_stream(self, tmp_path: Path) -> None:
        """More ids than are looked up one by one give the same rows."""
        dataset, ids = make_dataset(tmp_path, 6_000, columns={"mock__n": pa.array(range(6_000))}, row_group_size=1_000)
        asked = ids[::-1][:5_000]

        found = dataset.get(asked, columns=["id", "mock__n"])

        assert asked == found["id"].to_pylist()
        assert list(range(5_999, 999, -1)) == found["mock__n"].to_pylist()

    def test_an_unknown_id_is_named(self, tmp_path: Path) -> None:
        """Ids that no record has, and texts that are not ids, are refused together."""
        dataset, ids = make_dataset(tmp_path, 3)

        with pytest.raises(RecordsNotFound) as caught:
            dataset.get([ids[0], "f" * 40, "nonsense"])

        assert ("f" * 40, "nonsense") == caught.value.ids
        assert 3 == caught.value.exit_code

    def test_an_unknown_column_is_refused_before_ids_are_looked_for(self, tmp_path: Path) -> None:
        """The column's error comes first."""
        dataset, _ = make_dataset(tmp_path, 3)

        with pytest.raises(KeyError, match="nope"):
            dataset.get("f" * 40, columns=["nope"])

    def test_a_deleted_record_is_refused(self, tmp_path: Path) -> None:
        """A tombstone hides the record, and the error says that it is deleted."""
        dataset, ids = make_dataset(tmp_path, 4, deleted=[2])

        with pytest.raises(RecordsDeleted) as caught:
            dataset.get([ids[1], ids[2]])

        assert (ids[2],) == caught.value.ids

    def test_a_deleted_record_is_shown_when_asked_for(self, tmp_path: Path) -> None:
        """With include_deleted it comes with its tombstone's columns."""
        dataset, ids = make_dataset(tmp_path, 4, deleted=[2])

        found = dataset.get([ids[2], ids[0]], include_deleted=True)

        assert [True, None] == found["usr__deleted"].to_pylist()
        assert [ids[2], ids[0]] == found["id"].to_pylist()

    def test_no_id_gives_no_row(self, tmp_path: Path) -> None:
        """An empty list is answered with an empty table of the same columns."""
        dataset, _ = make_dataset(tmp_path, 2)

        assert (0, ["id"]) == (dataset.get([], columns=["id"]).num_rows, dataset.get([], columns=["id"]).column_names)

    def test_an_empty_dataset_has_no_record(self, tmp_path: Path) -> None:
        """Without rows every id is unknown."""
        dataset, _ = make_dataset(tmp_path, 0)

        with pytest.raises(RecordsNotFound):
            dataset.get("a" * 40)

    def test_of_repeated_ids_the_first_row_is_meant(self, tmp_path: Path) -> None:
        """A base made by hand with one id twice gives its first row."""
        write_base(tmp_path / "d", [sequence(1), sequence(2)], ids=["a" * 40, "a" * 40], row_group_size=1)

        found = Dataset.open(tmp_path, "d").get("a" * 40)

        assert [sequence(1)] == found["sequence"].to_pylist()
