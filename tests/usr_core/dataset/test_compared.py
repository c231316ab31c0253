"""`Dataset.compare`: two states of records, value by value."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import clean_env
from support.small_datasets import IDS, make_dataset
from support.tree import assert_unchanged
from usr_core import Dataset
from usr_core.api.results import Comparison, ParquetTable
from usr_core.errors import UsrError
from usr_core.registry.store import register_namespace
from usr_core.store.errors import TargetExists, UnknownColumn
from usr_core.store.questions.errors import (
    CompareBioTypesDiffer,
    CompareIdInvalid,
    CompareIdRepeats,
    CompareNoIds,
    CompareSideUnknown,
    CompareTypesDiffer,
    CompareTypeUnknown,
)

NAN = float("nan")
TYPES = [
    pytest.param(pa.float64(), [0.0, NAN, 1.5, None], [-0.0, NAN, 1.5, None], [0], id="minus zero, NaN"),
    pytest.param(pa.float32(), [0.1, 0.0, NAN], [0.1, 1e-45, NAN], [1], id="the least float32"),
    pytest.param(pa.int64(), [2**63 - 1, 0], [2**63 - 2, 0], [0], id="int64"),
    pytest.param(pa.string(), ["", "a", None, "é"], [None, "a", "", "é"], [0, 2], id="empty text and null"),
    pytest.param(pa.bool_(), [True, False, None], [True, None, False], [1, 2], id="booleans"),
    pytest.param(
        pa.list_(pa.float64()), [[], [0.0], [1.0, NAN], None], [None, [-0.0], [1.0, NAN], None], [0, 1], id="lists"
    ),
    pytest.param(pa.list_(pa.int64()), [[1, 2], [3], [None]], [[1], [3, 4], [None]], [0, 1], id="lengths of lists"),
    pytest.param(
        pa.list_(pa.float32(), 2), [[1, 2], [0, NAN], None], [[1, 2], [-0.0, NAN], [0, 0]], [1, 2], id="vectors"
    ),
    pytest.param(
        pa.struct([("a", pa.int64()), ("b", pa.string())]),
        [{"a": 1, "b": "x"}, {"a": 1, "b": None}, None],
        [{"a": 1, "b": "y"}, {"a": 1, "b": None}, {"a": None, "b": None}],
        [0, 2],
        id="structs",
    ),
    pytest.param(pa.timestamp("us", "UTC"), [0, 1, None], [0, 2, None], [1], id="timestamps"),
    pytest.param(pa.binary(), [b"", b"\0", None], [b"", b"\0\0", b""], [1, 2], id="bytes"),
]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return make_dataset(tmp_path / "root")


def file_of(place: Path, ids: Sequence[str], kind: pa.DataType, values: Sequence[object]) -> ParquetTable:
    pq.write_table(pa.table({"id": list(ids), "x__v": pa.array(values, kind)}), place)
    return ParquetTable(place)


def counts(found: Comparison) -> dict[str, tuple[int, int, int]]:
    return {one.name: (one.set, one.unset, one.changed) for one in found.columns}


def alone(found: Comparison) -> tuple[int, int]:
    return found.added, found.gone


class TestRecords:
    def test_added_gone_and_restored(self, dataset: Dataset, tmp_path: Path):
        """A record is gone where it is deleted, restored where it was deleted, and added where it was not there."""
        dataset.delete(IDS[:2])
        dataset.export(tmp_path / "before.parquet", include_deleted=True)
        dataset.restore(IDS[:1])
        dataset.delete(IDS[3:5])
        dataset.add_sequences([{"sequence": "ACGTT"}])

        found = ParquetTable(tmp_path / "before.parquet").compare(dataset)

        assert (2, 1, 2, 1) == (found.common, found.added, found.gone, found.restored)
        assert (IDS[3:5], IDS[:1]) == (found.first_gone, found.first_restored)
        assert {} == counts(found) and not found.same

    def test_a_dataset_is_the_same_as_itself(self, dataset: Dataset):
        """Without a column being read."""
        dataset.write_overlay_part("mock", pa.table({"id": IDS[:2], "mock__score": [0.5, NAN]}))

        with assert_unchanged(dataset.path):
            found = dataset.compare(Dataset.open(dataset.ref.root, dataset.name))

        assert found.same and 6 == found.common and 7 == found.compared

    def test_records_deleted_on_both_sides_count_for_nothing(self, dataset: Dataset, tmp_path: Path):
        """Neither they nor their values."""
        dataset.export(tmp_path / "before.parquet")
        dataset.delete(IDS[2:3])

        found = dataset.compare(Dataset.open(dataset.ref.root, dataset.name))
        gone = ParquetTable(tmp_path / "before.parquet").compare(dataset)

        assert found.same and 5 == found.common
        assert (1, 5) == (gone.gone, gone.common)

    def test_an_empty_side(self, dataset: Dataset, tmp_path: Path):
        """Everything is new, or gone."""
        empty = make_dataset(tmp_path / "other", sequences=())

        assert (6, 0) == alone(empty.compare(dataset))
        assert (0, 6) == alone(dataset.compare(empty))
        assert empty.compare(empty).same


class TestValues:
    @pytest.mark.parametrize(("kind", "old", "new", "rows"), TYPES)
    @pytest.mark.parametrize("order", ["same", "reversed"])
    def test_each_type_is_compared_to_the_bit(
        self, tmp_path: Path, kind: pa.DataType, old: list[object], new: list[object], rows: list[int], order: str
    ):
        """In any order of the rows; each differing value has its record, kind and both values."""
        ids = list(IDS[: len(old)])
        before = file_of(tmp_path / "old.parquet", ids, kind, old)
        step = -1 if order == "reversed" else 1
        after = file_of(tmp_path / "new.parquet", ids[::step], kind, new[::step])

        found = before.compare(after)

        first = found.columns[0].first if found.columns else ()
        assert [ids[row] for row in rows] == [cell.id for cell in first]
        expected = ["set" if old[row] is None else "unset" if new[row] is None else "changed" for row in rows]
        assert expected == [cell.kind for cell in first]

    def test_overlays_of_versions(self, dataset: Dataset, tmp_path: Path):
        """The newest value of each side counts, and what both have from the same files is the same."""
        dataset.write_overlay_part("mock", pa.table({"id": IDS[:4], "mock__score": [0.5, NAN, 0.0, None]}))
        dataset.export(tmp_path / "before.parquet")
        new = [0.5, NAN, -0.0, 3.0, 4.0]
        dataset.write_overlay_part("mock", pa.table({"id": IDS[:5], "mock__score": new}))

        found = ParquetTable(tmp_path / "before.parquet").compare(dataset)

        assert {"mock__score": (2, 0, 1)} == counts(found)
        assert [(IDS[2], "0.0", "-0.0"), (IDS[3], "None", "3.0"), (IDS[4], "None", "4.0")] == [
            (cell.id, str(cell.old), str(cell.new)) for cell in found.columns[0].first
        ]

    def test_a_column_that_one_side_lacks(self, dataset: Dataset, tmp_path: Path):
        """Its values are set or unset, and it is told even where it has none."""
        dataset.export(tmp_path / "before.parquet")
        dataset.write_overlay_part("mock", pa.table({"id": IDS[:2], "mock__score": [0.5, None]}))
        before = ParquetTable(tmp_path / "before.parquet")

        added, gone = before.compare(dataset), dataset.compare(before)

        assert ("new", (1, 0, 0)) == (added.columns[0].side, counts(added)["mock__score"])
        assert ("old", (0, 1, 0)) == (gone.columns[0].side, counts(gone)["mock__score"])

    def test_only_chosen_columns(self, dataset: Dataset, tmp_path: Path):
        """The others may differ; a column that nobody has is an error."""
        dataset.export(tmp_path / "before.parquet")
        dataset.write_overlay_part("mock", pa.table({"id": IDS[:2], "mock__score": [0.5, 1.0]}))
        before = ParquetTable(tmp_path / "before.parquet")

        assert before.compare(dataset, columns=["sequence", "length"]).same
        with pytest.raises(UnknownColumn):
            before.compare(dataset, columns=["mock__scores"])

    def test_encodings_are_no_difference(self, dataset: Dataset, tmp_path: Path):
        """Text is text, as a dictionary, or with long offsets."""
        table = dataset.to_arrow()
        for name in ("alphabet", "source"):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, table[name].dictionary_encode())
        table = table.set_column(2, "sequence", table["sequence"].cast(pa.large_string()))
        pq.write_table(table, tmp_path / "other.parquet")

        assert dataset.compare(tmp_path / "other.parquet").same

    def test_many_rows_in_another_order(self, tmp_path: Path):
        """Several pieces and batches, with rows that only one side has between the others."""
        from random import Random

        rows = 150_000
        ids = [f"{number:040x}" for number in range(rows)]
        before = file_of(tmp_path / "old.parquet", ids[:-100], pa.int64(), range(rows - 100))
        order = list(range(50, rows))
        Random(3).shuffle(order)
        values = [-1 if number % 1000 == 999 else number for number in order]
        after = file_of(tmp_path / "new.parquet", [ids[number] for number in order], pa.int64(), values)

        found = before.compare(after)

        assert (rows - 150, 100, 50) == (found.common, found.added, found.gone)
        wrong = [number for number in range(50, rows - 100) if number % 1000 == 999]
        assert {"x__v": (0, 0, len(wrong))} == counts(found)
        assert [ids[number] for number in wrong[:20]] == [cell.id for cell in found.columns[0].first]


class TestVersions:
    def test_every_two_versions_differ_as_their_rows_do(self, tmp_path: Path):
        """Whatever lies between them, in both directions, as a comparison of Python's dictionaries says."""
        dataset = make_dataset(tmp_path / "root")
        register_namespace(tmp_path / "root", "lab", [("lab__a", "float64"), ("lab__b", "string")])
        dataset.write_overlay_part("mock", pa.table({"id": IDS[:3], "mock__score": [0.5, NAN, None]}))
        dataset.write_overlay_part(
            "lab", pa.table({"id": IDS[1:4], "lab__a": [0.0, 1.0, 2.0], "lab__b": ["", "x", None]})
        )
        dataset.write_overlay_part("lab", pa.table({"id": IDS[2:5], "lab__b": ["x", "y", "z"]}))
        dataset.add_sequences([{"sequence": "ACGTT"}])
        dataset.delete(IDS[4:5])
        dataset.write_overlay_part("lab", pa.table({"id": IDS[:3], "lab__a": [-0.0, -0.0, 1.0]}))
        dataset.restore(IDS[4:5])
        with dataset.maintenance("test"):
            dataset.materialize(drop_overlays=False)
        dataset.write_overlay_part("mock", pa.table({"id": IDS[:3], "mock__score": [0.5, 0.25, NAN]}))
        last = dataset.log(limit=1)[0].version

        for one in range(2, last + 1):
            for other in {max(one - 1, 2), min(one + 1, last), last}:
                found = dataset.at(one).compare(dataset.at(other))
                before, after = (seen(dataset.at(version)) for version in (one, other))
                assert expected(before, after) == (found.added, found.gone, found.restored, counts(found)), (
                    one,
                    other,
                )


def seen(dataset: Dataset) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in dataset.to_arrow(include_deleted=True).to_pylist()}


def expected(before: dict[str, dict[str, object]], after: dict[str, dict[str, object]]) -> tuple[object, ...]:
    def live(rows: dict[str, dict[str, object]]) -> set[str]:
        return {one for one, row in rows.items() if not row["usr__deleted"]}

    both = live(before) & live(after)
    columns = {}
    names = {name for rows in (before, after) for row in rows.values() for name in row if not name.startswith("usr__")}
    for name in names:
        pairs = [(repr(before[one].get(name)), repr(after[one].get(name))) for one in both]
        differing = [pair for pair in pairs if pair[0] != pair[1]]
        count = (
            sum(old == "None" for old, _ in differing),
            sum(new == "None" for _, new in differing),
            sum("None" not in pair for pair in differing),
        )
        if differing or sum(name in next(iter(rows.values())) for rows in (before, after)) == 1:
            columns[name] = count
    restored = (live(after) - live(before)) & set(before)
    return len(live(after) - live(before) - restored), len(live(before) - live(after)), len(restored), columns


class TestOut:
    def test_every_difference_is_a_row(self, dataset: Dataset, tmp_path: Path):
        """Text as it is, everything else as JSON; null where there is no value."""
        dataset.export(tmp_path / "before.parquet")
        dataset.write_overlay_part("mock", pa.table({"id": IDS[:1], "mock__score": [0.5]}))
        dataset.delete(IDS[4:5])
        dataset.add_sequences([{"sequence": "ACGTT"}])

        found = ParquetTable(tmp_path / "before.parquet").compare(dataset, out=tmp_path / "what.parquet")

        assert str(tmp_path / "what.parquet") == found.out
        rows = pq.read_table(tmp_path / "what.parquet").to_pylist()
        told = {(row["id"], row["change"], row["column"], row["old"], row["new"]) for row in rows}
        assert {
            (IDS[0], "set", "mock__score", None, "0.5"),
            (IDS[4], "gone", None, None, None),
            (found.first_added[0], "added", None, None, None),
        } == told and 3 == len(rows)

    def test_an_existing_file_is_refused(self, dataset: Dataset, tmp_path: Path):
        """It stays as it is, unless `overwrite` is said."""
        (tmp_path / "what.csv").write_text("mine", encoding="utf-8")

        with assert_unchanged(tmp_path), pytest.raises(TargetExists):
            dataset.compare(dataset, out=tmp_path / "what.csv")

        dataset.compare(dataset, out=tmp_path / "what.csv", overwrite=True)
        assert "id,change,column,old,new\n" == (tmp_path / "what.csv").read_text(encoding="utf-8")


class TestRefused:
    @pytest.mark.parametrize(
        ("table", "error"),
        [
            ({"sequence": ["ACGT"]}, CompareNoIds),
            ({"id": [7]}, CompareNoIds),
            ({"id": ["7"]}, CompareIdInvalid),
            ({"id": pa.array([None], pa.string())}, CompareIdInvalid),
            ({"id": [IDS[0], IDS[1], IDS[0]]}, CompareIdRepeats),
            ({"id": [IDS[0]], "length": [1.5]}, CompareTypesDiffer),
            ({"id": [IDS[0]], "m": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))}, CompareTypeUnknown),
        ],
    )
    def test_a_file_that_can_not_be_compared(
        self, dataset: Dataset, tmp_path: Path, table: dict[str, object], error: type[UsrError]
    ):
        """On either side, by one error; nothing is changed."""
        pq.write_table(pa.table(table), tmp_path / "bad.parquet")
        bad = ParquetTable(tmp_path / "bad.parquet")

        for one, other in ((dataset, bad), (bad, dataset), (bad, bad)):
            if one is other and error is CompareTypesDiffer:
                continue
            with assert_unchanged(tmp_path), pytest.raises(error):
                one.compare(other)

    def test_other_bio_types(self, dataset: Dataset, tmp_path: Path):
        """They have no record in common, which is said instead of counted."""
        proteins = Dataset.open(tmp_path / "root", "ns/proteins").init()
        proteins.add_sequences([{"sequence": "MKLV"}], bio_type="protein")

        with pytest.raises(CompareBioTypesDiffer) as caught:
            dataset.compare(proteins)

        assert ("dna", "protein") == caught.value.kinds

    @pytest.mark.parametrize("given", [2, None])
    def test_what_was_not_opened(self, dataset: Dataset, given: object):
        """The way to a version in Python is shown."""
        with pytest.raises(CompareSideUnknown, match="can't be compared with") as caught:
            dataset.compare(given)  # type: ignore[arg-type]

        assert "ds.at(17)" in str(caught.value.hint)

    def test_a_bad_row_is_named(self, tmp_path: Path, dataset: Dataset):
        """By number, from 1."""
        ids = [*IDS, "no id", IDS[0][:39]]
        pq.write_table(pa.table({"id": ids}), tmp_path / "bad.parquet")

        with pytest.raises(CompareIdInvalid) as caught:
            dataset.compare(tmp_path / "bad.parquet")

        assert (7, "no id") == (caught.value.row, caught.value.value)


PROGRAM = """
import resource, sys
from usr_core.api.results import ParquetTable
ParquetTable(sys.argv[1]).compare(ParquetTable(sys.argv[1]))
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = ParquetTable(sys.argv[2]).compare(ParquetTable(sys.argv[3]))
print(found.values, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) >> 10)
"""


@pytest.mark.parametrize("order", ["same", "other"])
def test_memory_does_not_grow_with_the_values(tmp_path: Path, order: str):
    """123 MB of values on each side, in any order, are compared in a part of that."""
    import numpy as np

    rows, width = 16_000, 960
    ids = np.array([f"{number:040x}" for number in range(rows)])
    values = np.random.default_rng(1).random((rows, width))
    places = np.arange(rows) if order == "same" else np.random.default_rng(2).permutation(rows)
    few = pa.table({"id": ids[:10].tolist(), "v": pa.FixedSizeListArray.from_arrays(values[:10].ravel(), width)})
    pq.write_table(few, tmp_path / "few.parquet")
    for name, at in (("old", np.arange(rows)), ("new", places)):
        table = pa.table({"id": ids[at].tolist(), "v": pa.FixedSizeListArray.from_arrays(values[at].ravel(), width)})
        pq.write_table(
            table, tmp_path / f"{name}.parquet", row_group_size=2_000, compression="none", use_dictionary=False
        )
        values[17, 5] += 1
    files = [str(tmp_path / f"{name}.parquet") for name in ("few", "old", "new")]

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *files],
        env=clean_env({"TMPDIR": str(tmp_path)}),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    differing, grown_mib = map(int, done.stdout.split())
    assert 1 == differing
    assert grown_mib < 110
