"""A text column of the dataset as the key of an attachment."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr
from support.overlays import ids_of
from support.tree import assert_unchanged
from usr_core import Dataset
from usr_core.store.changes.attach.errors import (
    AttachColumnMissing,
    AttachKeyAmbiguous,
    AttachKeyMissing,
    DuplicateAttachKey,
    EmptyAttachKey,
    UnmatchedKeys,
)

TAGS = ("A1", "A2", "twice", "twice", "a1", None)


@pytest.fixture
def tagged(seeded: Usr) -> Dataset:
    """The dataset whose records have `TAGS`, attached."""
    dataset = Dataset.open(seeded.root, "ns/base")
    dataset.write_overlay("mock", pa.table({"id": ids_of(dataset.path), "tag": pa.array(TAGS, pa.string())}))
    return dataset


def scores(dataset: Dataset) -> list[float | None]:
    found: list[float | None] = dataset.to_arrow(columns=["mock__score"]).column(0).to_pylist()
    return found


def file_of(folder: Path, *rows: str, header: str = "well,score") -> Path:
    path = folder / "plate.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_an_attached_column_finds_records_as_it_is_written(tagged: Dataset, tmp_path: Path):
    """Letter case counts; the part is keyed by id, and the event names the column and the file's."""
    file = file_of(tmp_path, "a1,5", "A2,2", "A1,1")
    done = tagged.attach(file, "mock", key="mock__tag", key_col="well")

    assert [1.0, 2.0, None, None, 5.0, None] == scores(tagged)
    assert done.event is not None
    assert ("mock__tag", "well") == (done.event["args"]["key"], done.event["args"]["key_col"])
    assert done.part is not None
    assert ["id", "mock__score"] == pq.read_schema(tagged.path / done.part).names


def test_the_files_column_may_lack_the_prefix(tagged: Dataset, tmp_path: Path):
    """Where no key column is named."""
    tagged.attach(file_of(tmp_path, "A2,2", header="tag,score"), "mock", key="mock__tag", columns=["score"])

    assert [None, 2.0, None, None, None, None] == scores(tagged)


def test_a_base_column_and_a_materialized_one_are_keys(tagged: Dataset, tmp_path: Path):
    """A column of the merged view is a key wherever it is stored."""
    with tagged.maintenance("a test"):
        tagged.materialize()
    tagged.attach(file_of(tmp_path, "A1,1"), "mock", key="mock__tag", key_col="well")
    with pytest.raises(AttachKeyAmbiguous):
        tagged.attach(file_of(tmp_path, "dna,1"), "mock", key="bio_type", key_col="well")

    assert 1.0 == scores(tagged)[0]


def test_an_ambiguous_key_names_both_records(tagged: Dataset, tmp_path: Path):
    """Only one that is asked for is refused, and nothing is written."""
    ids = ids_of(tagged.path)
    with assert_unchanged(tagged.path), pytest.raises(AttachKeyAmbiguous) as caught:
        tagged.attach(file_of(tmp_path, "A1,1", "twice,2"), "mock", key="mock__tag", key_col="well")

    assert ((ids[2], ids[3]), 2, "twice") == (caught.value.ids, caught.value.row, caught.value.value)
    assert {"record": ids[2], "other record": ids[3], "column": "well"}.items() <= caught.value.facts.items()


def test_a_deleted_record_is_in_nobodys_way(tagged: Dataset, tmp_path: Path):
    """Its value means the live one; a value that it alone has finds it, as its id would."""
    ids = ids_of(tagged.path)
    tagged.delete([ids[0], ids[2]])
    done = tagged.attach(file_of(tmp_path, "twice,2", "A1,1"), "mock", key="mock__tag", key_col="well")
    tagged.restore([ids[0], ids[2]])

    assert (2, 1) == (done.rows_attached, done.rows_deleted)
    assert [1.0, None, None, 2.0, None, None] == scores(tagged)


@pytest.mark.parametrize(
    ("rows", "error", "row"),
    [
        (["A1,1", ",2"], EmptyAttachKey, 2),
        (["A1,1", "A2,2", "A1,3"], DuplicateAttachKey, 3),
        (["A1,1", "B1,2"], UnmatchedKeys, 2),
        (["A1,1", " A2,2"], UnmatchedKeys, 2),
    ],
)
def test_other_faults_of_keys_are_as_for_other_keys(
    tagged: Dataset, tmp_path: Path, rows: list[str], error: type[Exception], row: int
):
    """Empty, repeated and unmatched ones, white space included; the row is named and nothing is written."""
    with assert_unchanged(tagged.path), pytest.raises(error) as caught:
        tagged.attach(file_of(tmp_path, *rows), "mock", key="mock__tag", key_col="well")

    assert row == caught.value.row  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("key", "words"), [("mock__tga", "not a join key"), ("length", "int32"), ("mock__score", "not a join key")]
)
def test_what_is_no_text_column_is_refused(tagged: Dataset, tmp_path: Path, key: str, words: str):
    """With the text columns that there are, before the file is looked at."""
    with pytest.raises(AttachKeyMissing) as caught:
        tagged.attach(tmp_path / "is not there.csv", "mock", key=key)

    assert words in str(caught.value)
    assert "mock__tag" in (caught.value.hint or "")


def test_many_values_are_found_by_either_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tagged: Dataset):
    """DuckDB hashes long columns, and Python short ones: both give the same answer."""
    from usr_core.records import bulk_ids

    monkeypatch.setattr(bulk_ids, "_DUCKDB_FROM_ROWS", 3)
    tagged.attach(file_of(tmp_path, "A1,1", "A2,2"), "mock", key="mock__tag", key_col="well")

    assert [1.0, 2.0] == scores(tagged)[:2]


def test_rows_without_a_key_are_left_out_where_missing_ones_may_be(tagged: Dataset, tmp_path: Path):
    """As the blank wells of a plate; they are counted with the rows that match no record."""
    file = file_of(tmp_path, "A1,1", ",2", "  ,3", "nobody,4")
    done = tagged.attach(file, "mock", key="mock__tag", key_col="well", allow_missing=True)

    assert (1, 3) == (done.rows_attached, done.rows_missing)
    assert 1.0 == scores(tagged)[0]


def test_the_option_for_the_files_column_is_in_the_hint(tagged: Dataset, tmp_path: Path):
    """Where the file calls its keys otherwise than the dataset does, as tables of instruments do."""
    with pytest.raises(AttachColumnMissing) as caught:
        tagged.attach(file_of(tmp_path, "A1,1"), "mock", key="mock__tag")

    assert "Name the file's column of the keys, --key-col: one of well, score." == caught.value.hint


@pytest.mark.parametrize(
    ("header", "option"), [("Tag", "--key-col Tag"), ("the mock__tagg", "--key-col 'the mock__tagg'")]
)
def test_a_column_that_is_called_alike_is_offered(tagged: Dataset, tmp_path: Path, header: str, option: str):
    """The option can be pasted behind the command as it stands in the hint."""
    file = tmp_path / "alike.csv"
    file.write_text(f"{header},score\nA1,1\n", encoding="utf-8")
    with pytest.raises(AttachColumnMissing) as caught:
        tagged.attach(file, "mock", key="mock__tag")

    assert (caught.value.hint or "").startswith(f"Did you mean {option}? ")


def test_a_key_without_its_namespace_is_offered_with_it(tagged: Dataset, tmp_path: Path):
    """The records' names are asked for as `tag`, not as `mock__tag`."""
    with pytest.raises(AttachKeyMissing) as caught:
        tagged.attach(file_of(tmp_path, "A1,1"), "mock", key="tag")

    assert (caught.value.hint or "").startswith("Did you mean --key mock__tag? ")
