"""The merged view: its columns, its rows, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.view_datasets import open_view, record_id_of, rows_of, sequence, write_base, write_overlay
from usr_core.commit.file_tree import FileTree
from usr_core.errors import ExitCode
from usr_core.records.base_schema import BASE_COLUMNS, base_schema
from usr_core.store.errors import BaseColumnHasNulls, BaseMissing, BaseUnreadable, UnknownColumn
from usr_core.store.parts.errors import (
    AmbiguousOverlay,
    KeyNeedsDna4,
    KeyNeedsOneBioType,
    OverlayTypesDiffer,
    OverlayUnreadable,
)
from usr_core.store.view.merged_view import MergedView

SEQUENCES = [sequence(number) for number in range(6)]
IDS = [record_id_of(one) for one in SEQUENCES]
TOMBSTONES = ["usr__deleted", "usr__deleted_at", "usr__deleted_reason"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six records in row groups of four."""
    write_base(tmp_path, SEQUENCES, row_group_size=4)
    return tmp_path


def delete(folder: Path, ids: list[str], flags: list[bool | None] | None = None) -> None:
    """Write tombstones as USR does."""
    count = len(ids)
    write_overlay(
        folder,
        "usr",
        ids,
        {
            "usr__deleted": pa.array(flags or [True] * count, pa.bool_()),
            "usr__deleted_at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * count, pa.timestamp("us", tz="UTC")),
            "usr__deleted_reason": pa.array(["test"] * count, pa.string()),
        },
        part=None,
    )


class TestSchema:
    def test_columns_come_base_first_then_by_namespace(self, tmp_path):
        """Base columns, materialized ones, then each namespace's by first appearance in write order."""
        write_base(tmp_path, SEQUENCES, extra={"zoo__old": pa.array([1] * 6)})
        write_overlay(tmp_path, "zoo", IDS[:1], {"zoo__new": pa.array([1]), "zoo__old": pa.array([1])})
        write_overlay(tmp_path, "ant", IDS[:1], {"ant__b": pa.array([1])}, part="part-b")
        later = "2026-01-02T00:00:00Z"
        write_overlay(
            tmp_path,
            "ant",
            IDS[:1],
            {"ant__a": pa.array([1]), "ant__b": pa.array([1])},
            part="part-a",
            created_at=later,
        )

        with open_view(tmp_path) as view:
            assert [*BASE_COLUMNS, "zoo__old", "ant__b", "ant__a", "zoo__new"] == view.schema().names

    def test_base_columns_are_not_null_and_overlay_columns_are(self, folder):
        """The seven are REQUIRED, all others nullable; list children are `item`; there is no metadata."""
        vectors = pa.array([[1.0]], pa.list_(pa.field("element", pa.float64(), nullable=False)))
        write_overlay(folder, "mock", IDS[:1], {"mock__v": vectors})

        with open_view(folder) as view:
            schema = view.schema()

        assert base_schema([pa.field("mock__v", pa.list_(pa.float64()))]).equals(schema, check_metadata=True)
        assert "item" == schema.field("mock__v").type.value_field.name

    def test_every_batch_has_exactly_that_schema(self, folder):
        """Also where the type was spelled otherwise in a file, and for any choice of columns."""
        vectors = pa.array([[1.0]], pa.list_(pa.field("element", pa.float64(), nullable=False)))
        write_overlay(folder, "mock", IDS[:1], {"mock__v": vectors})

        with open_view(folder) as view:
            for columns in (None, ["mock__v", "id"], ["length"], []):
                for batch in view.batches(columns):
                    assert view.schema(columns).equals(batch.schema, check_metadata=True)

    def test_an_optional_base_column_without_nulls_is_not_null(self, tmp_path):
        """An older writer's OPTIONAL columns and wide strings are read as the format has them."""
        loose = pa.schema(
            [pa.field(f.name, pa.large_string() if f.name == "source" else f.type) for f in base_schema()]
        )
        write_base(tmp_path, SEQUENCES, schema=loose)

        with open_view(tmp_path) as view:
            table = pa.Table.from_batches(view.batches(), view.schema())
            assert base_schema().equals(view.schema())
            assert table.equals(view.head(6))

    def test_a_null_in_a_base_column_is_an_error(self, tmp_path):
        """The column and the row, from 1, are named; columns that were not asked for do not matter."""
        loose = pa.schema([pa.field(field.name, field.type) for field in base_schema()])
        write_base(tmp_path, SEQUENCES, ids=[*IDS[:4], None, IDS[5]], schema=loose, row_group_size=2)

        with open_view(tmp_path) as view:
            with pytest.raises(BaseColumnHasNulls) as caught:
                list(view.batches(batch_rows=3))
            assert ("id", 5) == (caught.value.column, caught.value.row)
            assert 6 == sum(len(batch) for batch in view.batches(["sequence"]))

    def test_an_unknown_column_is_refused_with_near_names(self, folder):
        """The call itself raises, with exit code 1 and what may have been meant."""
        write_overlay(folder, "mock", IDS[:1], {"mock__score": pa.array([1])})

        with open_view(folder) as view:
            for ask in (view.schema, view.batches, lambda names: view.head(1, names)):
                with pytest.raises(UnknownColumn) as caught:
                    ask(["id", "mock__scor"])
                assert ("mock__scor", ("mock__score",)) == (caught.value.facts["column"], caught.value.near)
                assert ExitCode.FAILED == caught.value.exit_code

    def test_names_asked_twice_come_once_and_in_the_order_asked(self, folder):
        """The caller's order is kept."""
        with open_view(folder) as view:
            assert ["length", "id"] == view.schema(["length", "id", "length"]).names

    def test_columns_of_another_namespace_inside_a_part_are_passed_over(self, folder):
        """A part speaks for its own namespace only."""
        write_overlay(
            folder, "mock", IDS[:1], {"mock__a": pa.array([1]), "other__a": pa.array([1]), "length": pa.array([9])}
        )

        assert "other__a" not in rows_of(folder)[0]
        assert 12 == rows_of(folder)[0]["length"]


class TestMerging:
    def test_only_the_namespaces_asked_for_are_merged(self, folder):
        """Other overlays are as if they were not there; tombstones count all the same."""
        write_overlay(folder, "mock", IDS[:1], {"mock__a": pa.array([1])})
        write_overlay(folder, "other", IDS[:1], {"other__a": pa.array([1])})
        delete(folder, IDS[:1])

        with open_view(folder, ["mock"]) as view:
            assert [*BASE_COLUMNS, "mock__a"] == view.schema().names
            assert IDS[1:] == view.head(10).column("id").to_pylist()

    def test_duplicate_base_ids_all_get_the_value(self, tmp_path):
        """A base made by hand with one id in several rows shows the value in each of them."""
        write_base(tmp_path, SEQUENCES, ids=[IDS[0], IDS[1], IDS[0], IDS[2], IDS[1], IDS[0]])
        write_overlay(
            tmp_path, "mock", [IDS[1], IDS[0]], {"mock__a": pa.array([11, 10]), "mock__s": pa.array(["y", "x"])}
        )

        expected = [(10, "x"), (11, "y"), (10, "x"), (None, None), (11, "y"), (10, "x")]
        assert expected == [(row["mock__a"], row["mock__s"]) for row in rows_of(tmp_path, batch_rows=2)]
        with open_view(tmp_path) as view:
            assert [one[0] for one in expected[:5]] == view.head(5).column("mock__a").to_pylist()

    def test_types_that_differ_between_parts_name_both_files(self, folder):
        """The error says which file has which type."""
        write_overlay(folder, "mock", IDS[:1], {"mock__a": pa.array([1])}, part="part-1")
        write_overlay(folder, "mock", IDS[:1], {"mock__a": pa.array([1.0])}, part="part-2")

        with pytest.raises(OverlayTypesDiffer) as caught:
            open_view(folder)

        assert ("_derived/mock/part-1.parquet", "_derived/mock/part-2.parquet") == caught.value.files
        assert ("int64", "double") == caught.value.types

    def test_types_that_differ_from_the_materialized_column_are_refused(self, tmp_path):
        """The base is one of the files."""
        write_base(tmp_path, SEQUENCES, extra={"mock__a": pa.array([1] * 6)})
        write_overlay(tmp_path, "mock", IDS[:1], {"mock__a": pa.array(["1"])})

        with pytest.raises(OverlayTypesDiffer, match=r"records\.parquet"):
            open_view(tmp_path)

    def test_a_sequence_key_needs_a_dataset_it_suits(self, tmp_path):
        """Parts of an older writer by sequence, or regardless of case, need one bio_type, or only dna_4."""
        write_base(tmp_path, ["ACGT", "ACGU"], bio_types=["dna", "rna"], alphabets=["dna_4", "rna_4"])
        write_overlay(tmp_path, "mock", ["ACGT"], {"mock__a": pa.array([1])}, key="sequence")
        with open_view(tmp_path) as view:
            with pytest.raises(KeyNeedsOneBioType):
                view.head(1)
            with pytest.raises(KeyNeedsOneBioType):
                list(view.batches())
            assert 2 == sum(len(batch) for batch in view.batches(["id"]))

        write_base(tmp_path, ["ACGN"], alphabets=["dna_5"])
        write_overlay(tmp_path, "mock", ["ACGT"], {"mock__a": pa.array([1])}, key="sequence_ci")
        with open_view(tmp_path) as view, pytest.raises(KeyNeedsDna4):
            view.head(1)

    def test_a_large_dataset_is_merged_across_windows_row_groups_and_batches(self, tmp_path):
        """150,000 rows with parts in and out of order, runs and gaps, equal a merge in numpy."""
        rng = np.random.default_rng(11)
        count = 150_000
        raw = rng.integers(0, 256, (count, 20), np.uint8).tobytes().hex()
        ids = np.array([raw[at : at + 40] for at in range(0, len(raw), 40)], object)
        write_base(tmp_path, ["ACGT"] * count, ids=list(ids), row_group_size=40_000)
        numbers, texts = np.full(count, -1), np.full(count, None, object)
        choices = [
            np.arange(count),
            np.arange(30_000, 99_000),
            np.sort(rng.choice(count, 70_000, replace=False)),
            rng.permutation(count)[:50_000],
            np.sort(rng.choice(count, 3_000, replace=False)),
        ]
        for number, mine in enumerate(choices):
            missing = rng.random(len(mine)) < 0.3
            values = rng.integers(0, 1_000_000, len(mine))
            keys = [*ids[mine], *(f"{one:040x}" for one in range(100))]
            write_overlay(
                tmp_path,
                "mock",
                keys if number % 2 else keys[: len(mine)],
                {
                    "mock__n": pa.array(
                        np.append(values, np.zeros(100, int))[: len(mine) + 100 * (number % 2)],
                        mask=np.append(missing, np.zeros(100, bool))[: len(mine) + 100 * (number % 2)],
                    ),
                    "mock__s": pa.array([*map(str, values), *["none"] * (100 * (number % 2))]),
                },
                part=f"part-{number}",
                row_group_size=25_000,
            )
            numbers[mine[~missing]] = values[~missing]
            texts[mine] = values.astype(str)

        with open_view(tmp_path) as view:
            table = pa.Table.from_batches(view.batches(), view.schema())
            unmatched = view.unmatched_counts()
        table.validate(full=True)

        assert list(ids) == table.column("id").to_pylist()
        assert np.array_equal(numbers, table.column("mock__n").fill_null(-1).to_numpy())
        assert list(texts) == table.column("mock__s").to_pylist()
        assert {"mock": 100} == unmatched


class TestDeleted:
    def test_deleted_rows_are_hidden_unless_asked_for(self, folder):
        """Only a true flag hides a row; `include_deleted` shows it with the three tombstone columns."""
        delete(folder, [IDS[4], IDS[0], IDS[2], "f" * 40], [True, True, False, True])

        with open_view(folder) as view:
            assert (6, 2) == (view.rows, view.deleted_count())
            assert not set(TOMBSTONES) & set(view.schema().names)
            assert TOMBSTONES == view.schema(include_deleted=True).names[-3:]
        assert [IDS[1], IDS[2], IDS[3], IDS[5]] == [row["id"] for row in rows_of(folder)]
        flags = [row["usr__deleted"] for row in rows_of(folder, include_deleted=True)]
        assert [True, None, False, None, True, None] == flags

    def test_tombstone_columns_are_there_without_any_deletion(self, folder):
        """They are null then, and typed as the format says."""
        with open_view(folder) as view:
            schema = view.schema(include_deleted=True)
            head = view.head(2, include_deleted=True)

        assert [pa.bool_(), pa.timestamp("us", tz="UTC"), pa.string()] == [
            schema.field(name).type for name in TOMBSTONES
        ]
        assert {None} == {row[name] for row in rows_of(folder, include_deleted=True) for name in TOMBSTONES}
        assert schema.equals(head.schema)
        assert 2 == head.column("usr__deleted").null_count

    def test_a_tombstone_column_can_be_had_by_name(self, folder):
        """Asked for by name it is there without deleted rows."""
        delete(folder, IDS[:2], [True, False])

        assert [False, None, None, None, None] == [row["usr__deleted"] for row in rows_of(folder, ["usr__deleted"])]

    @pytest.mark.parametrize("columns", [None, ["id"], ["mock__a"], []])
    def test_an_all_deleted_dataset_is_empty(self, folder, columns):
        """No batch, no row, no error."""
        write_overlay(folder, "mock", IDS, {"mock__a": pa.array(range(6))})
        delete(folder, IDS)

        with open_view(folder) as view:
            assert [] == list(view.batches(columns))
            assert 0 == len(view.head(3, columns))
            assert 6 == view.deleted_count()

    def test_deleted_rows_at_the_beginning_do_not_shorten_head(self, tmp_path):
        """The first live rows are found behind few and behind very many deleted ones."""
        sequences = [sequence(number) for number in range(9_000)]
        ids = write_base(tmp_path, sequences, row_group_size=1_000)
        for gone in (5, 600, 8_000):
            delete(tmp_path, ids[:gone])
            with open_view(tmp_path) as view:
                assert ids[gone : gone + 3] == view.head(3).column("id").to_pylist()


class TestRowsOnly:
    def test_no_columns_still_count_rows(self, folder):
        """A view without columns has batches with the live rows' number."""
        delete(folder, IDS[:2])

        with open_view(folder) as view:
            batches = list(view.batches([], batch_rows=3))

        assert [0] * len(batches) == [batch.num_columns for batch in batches]
        assert 4 == sum(batch.num_rows for batch in batches)

    def test_an_empty_dataset_has_a_schema_and_no_rows(self, tmp_path):
        """Overlays of an empty base match nothing."""
        write_base(tmp_path, [])
        for key in ("id", "sequence", "sequence_ci"):
            write_overlay(tmp_path, "mock", ["ACGT"], {"mock__a": pa.array([1])}, key=key, part=f"part-{key}")

        with open_view(tmp_path) as view:
            assert [] == list(view.batches())
            assert [] == view.head(5).to_pylist()
            assert "mock__a" in view.schema().names
            assert {"mock": 3} == view.unmatched_counts()
            assert 0 == view.rows

    def test_batches_are_bounded_and_progress_adds_up(self, folder):
        """No batch is longer than asked; progress counts base rows, deleted ones too."""
        delete(folder, IDS[:1])
        steps: list[int] = []

        with open_view(folder) as view:
            sizes = [len(batch) for batch in view.batches(batch_rows=2, progress=steps.append)]

        assert max(sizes) <= 2
        assert (5, 6) == (sum(sizes), sum(steps))

    def test_wide_rows_make_short_batches(self, tmp_path):
        """A window holds about 64 MiB, however many rows that is."""
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(2_000 * 20_000, np.float32)), 20_000)
        sequences = [sequence(number) for number in range(2_000)]
        ids = write_base(tmp_path, sequences)
        write_overlay(tmp_path, "mock", ids, {"mock__v": vectors})

        with open_view(tmp_path) as view:
            sizes = [batch.nbytes for batch in view.batches(["mock__v"])]

        assert len(sizes) > 1
        assert max(sizes) <= 80 << 20

    def test_unmatched_keys_count_once(self, folder):
        """A key that matches no record counts once for its namespace, in however many parts it is."""
        for part in ("part-1", "part-2"):
            write_overlay(
                folder, "mock", [IDS[0], "f" * 40, f"no id in {part}"], {"mock__a": pa.array([1, 2, 3])}, part=part
            )
        write_overlay(folder, "other", IDS, {"other__a": pa.array(range(6))})

        with open_view(folder) as view:
            assert {"mock": 3, "other": 0} == view.unmatched_counts()


class TestFiles:
    def test_a_missing_base_is_named(self, tmp_path):
        """A folder without records has exit code 3."""
        with pytest.raises(BaseMissing) as caught:
            open_view(tmp_path)

        assert ExitCode.MISSING == caught.value.exit_code

    @pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
    def test_a_broken_base_is_refused(self, tmp_path, content):
        """A file that is not Parquet is not a base."""
        (tmp_path / "records.parquet").write_bytes(content)

        with pytest.raises(BaseUnreadable):
            open_view(tmp_path)

    def test_a_table_without_ids_is_no_base(self, tmp_path):
        """The key column must be there."""
        pq.write_table(pa.table({"sequence": ["ACGT"]}), tmp_path / "records.parquet")

        with pytest.raises(BaseUnreadable):
            open_view(tmp_path)

    def test_an_ambiguous_namespace_stops_every_view(self, folder):
        """Also one that is not asked for."""
        write_overlay(folder, "mock", IDS, {"mock__a": pa.array(range(6))}, part=None)
        write_overlay(folder, "mock", IDS, {"mock__a": pa.array(range(6))})

        with pytest.raises(AmbiguousOverlay):
            open_view(folder, [])

    def test_a_damaged_page_is_a_typed_error_naming_the_file(self, tmp_path):
        """Bytes that changed inside a column show as an unreadable overlay, or base, and nothing else."""
        sequences = [sequence(number) for number in range(3_000)]
        ids = write_base(tmp_path, sequences)
        part = write_overlay(tmp_path, "mock", ids, {"mock__s": pa.array(sequences)})
        whole = part.read_bytes()
        part.write_bytes(whole[:4] + b"\xff" * (len(whole) // 2) + whole[4 + len(whole) // 2 :])

        with open_view(tmp_path) as view:
            for ask in (lambda: list(view.batches()), lambda: view.head(3)):
                with pytest.raises(OverlayUnreadable) as caught:
                    ask()
                assert f"_derived/mock/{part.name}" == caught.value.facts["file"]

        base = tmp_path / "records.parquet"
        whole = base.read_bytes()
        base.write_bytes(whole[:4] + b"\xff" * (len(whole) // 2) + whole[4 + len(whole) // 2 :])
        with open_view(tmp_path) as view:
            for ask in (lambda: list(view.batches(["id", "sequence"])), lambda: view.head(3)):
                with pytest.raises(BaseUnreadable):
                    ask()

    def test_everything_is_open_before_the_view_is_returned(self, folder):
        """A view reads on although every name was removed since."""
        write_overlay(folder, "mock", IDS, {"mock__a": pa.array(range(6))})

        with MergedView.open(FileTree(folder)) as view:
            for path in (folder / "records.parquet", *folder.glob("_derived/*/*")):
                path.unlink()
            table = pa.Table.from_batches(view.batches(), view.schema())
            assert table.equals(view.head(6))

        assert list(range(6)) == table.column("mock__a").to_pylist()

    def test_a_moved_file_is_read_where_it_lies(self, folder):
        """The tree decides where content is: a staged part counts, a retired one does not."""
        write_overlay(folder, "mock", IDS, {"mock__a": pa.array(range(6))}, part="part-old")
        staged = write_overlay(folder / "stage", "mock", IDS, {"mock__a": pa.array(range(6, 12))}, part="part-new")
        tree = FileTree(
            folder, {"_derived/mock/part-new.parquet": staged}, frozenset({"_derived/mock/part-old.parquet"})
        )

        with MergedView.open(tree) as view:
            assert list(range(6, 12)) == view.head(6).column("mock__a").to_pylist()
            assert ["_derived/mock/part-new.parquet"] == [part.relative for part in view.overlays["mock"].parts]

    def test_an_abandoned_iterator_leaves_the_view_usable(self, folder):
        """Closing a stream half way does not disturb the next one."""
        write_overlay(folder, "mock", IDS, {"mock__a": pa.array(range(6))})

        with open_view(folder) as view:
            stream = view.batches(batch_rows=1)
            next(stream)
            stream.close()
            assert 6 == sum(len(batch) for batch in view.batches(batch_rows=1))
