"""Merging datasets: which records come, what duplicates take, and which values are carried along."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.maintenance import COLUMNS, KINDS, dataset, events, new_root, record_id_of, sequence, values, write_overlay
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.registry.errors import NamespaceNotRegistered
from usr_core.registry.store import register_namespace
from usr_core.store.changes.errors import (
    CarriedContractDiffers,
    MergeColumnsDiffer,
    MergeDuplicate,
    MergeSameDataset,
    MergeTypesDiffer,
    SourceLengthDiffers,
    UnknownChoice,
)
from usr_core.store.errors import MaintenanceRequired, NamespaceReservedHere
from usr_core.store.parts.errors import BaseKeysNotUnique, NoSuchOverlay
from usr_core.store.rules.errors import ForgedId, LetterOutsideAlphabet
from usr_maintenance.outcome_text import merge_text

S = [sequence(number) for number in range(8)]
IDS = [record_id_of(text) for text in S]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_root(tmp_path / "root")


def merge(dest: Dataset, source: object, **options: object) -> object:
    with dest.maintenance(reason="test"):
        return dest.merge(source, **options)


def column(name: str, cells: list[object]) -> dict[str, pa.Array]:
    return {name: pa.array(cells, KINDS[name])}


class TestRecords:
    def test_new_records_follow_in_the_sources_order(self, root: Path) -> None:
        """The destination's rows first, as they were; source and created_at come along."""
        dest = dataset(root, "dest", [S[0], S[1]])
        source = dataset(root, "src", [S[3], S[1], S[2]], sources=["three", "one", "two"])
        outcome = merge(dest, source)

        assert [(S[0], "test"), (S[1], "test"), (S[3], "three"), (S[2], "two")] == values(dest, "sequence", "source")
        assert (2, 1, 4) == (outcome.rows_added, outcome.duplicates, outcome.rows_after)
        assert dest.validate().ok
        assert ["init", "merge"] == events(dest)

    def test_generated_bases_equal_a_loop_in_python(self, root: Path) -> None:
        """Every policy for duplicates, case variants and materialized values, in any order of rows."""
        rng = random.Random(11)
        for case in range(60):
            pool = [text for number in range(5) for text in (sequence(number, 3), sequence(number, 3).lower())]
            mine, theirs = (rng.sample(pool, rng.randrange(7)) for _ in range(2))
            cells = {
                side: [rng.choice([None, number + 100 * (side == "src")]) for number in range(len(texts))]
                for side, texts in (("dest", mine), ("src", theirs))
            }
            dest = dataset(root, f"g{case}/dest", mine, extra=column("mock__i", cells["dest"]), row_group_size=2)
            source = dataset(root, f"g{case}/src", theirs, extra=column("mock__i", cells["src"]), row_group_size=3)
            policy, avoid = rng.choice(["skip", "prefer-src", "prefer-dest"]), rng.random() < 0.5
            expected = dict(zip(mine, cells["dest"], strict=True))
            for text, cell in zip(theirs, cells["src"], strict=True):
                if text in mine:
                    old = expected[text]
                    first, second = (cell, old) if policy == "prefer-src" else (old, cell)
                    expected[text] = old if policy == "skip" else second if first is None else first
                elif not avoid or text.upper() not in {one.upper() for one in expected}:
                    expected[text] = cell
            merge(dest, source, if_duplicate=policy, avoid_casefold_dups=avoid)

            assert list(expected.items()) == values(dest, "sequence", "mock__i"), (case, policy, avoid)

    def test_case_variants_of_one_bio_type_are_left_out_and_counted(self, root: Path) -> None:
        """Of records that are new the first one stays; another bio_type is another record."""
        dest = dataset(root, "dest", ["ACGG"])
        source = dataset(
            root,
            "src",
            ["acgg", "TTTT", "tttt", "AcGg", "acgg"],
            bio_types=["dna", "dna", "dna", "dna", "protein"],
            alphabets=["dna_4", "dna_4", "dna_4", "dna_4", "protein_20"],
        )
        outcome = merge(dest, source)

        assert [("ACGG", "dna"), ("TTTT", "dna"), ("acgg", "protein")] == values(dest, "sequence", "bio_type")
        assert (2, 3) == (outcome.rows_added, outcome.case_variants)

    def test_imported_bases_of_one_case_need_no_comparison(self, root: Path) -> None:
        """Their footers say so, and say it of the result."""
        dest, source = Dataset.open(root, "dest").init(), Dataset.open(root, "src").init()
        dest.add_sequences([{"sequence": "ACGT"}])
        source.add_sequences([{"sequence": "CCCC"}])
        merge(dest, source)

        assert b"upper:2" == pq.read_schema(dest.layout.records).metadata[b"usr:letter_case"]
        assert 1 == dest.add_sequences([{"sequence": "cccc"}]).case_variants

    def test_deleted_records_and_tombstones_stay_behind(self, root: Path) -> None:
        """A record that is deleted here stays deleted."""
        dest, source = dataset(root, "dest", [S[0], S[1]]), dataset(root, "src", [S[1], S[2], S[3]])
        dest.delete([IDS[1]])
        source.delete([IDS[2]])
        outcome = merge(dest, source)

        assert [(S[0],), (S[3],)] == values(dest, "sequence")
        assert (1, 1, 1) == (outcome.rows_added, outcome.duplicates, outcome.deleted)

    def test_the_source_may_be_an_id_or_a_folder_of_another_root(self, root: Path, tmp_path: Path) -> None:
        """It is not changed, and no lock is taken there."""
        other = dataset(new_root(tmp_path / "other"), "src", [S[2]])
        dataset(root, "near", [S[1]])
        dest = dataset(root, "dest", [S[0]])
        merge(dest, "near")
        with assert_unchanged(other.path):
            merge(dest, other.path)

        assert [(S[0],), (S[1],), (S[2],)] == values(dest, "sequence")

    def test_row_groups_of_the_destination_are_copied_when_nothing_in_them_changes(self, root: Path) -> None:
        """Its bytes are the head of the new file."""
        dest, source = Dataset.open(root, "dest").init(), dataset(root, "src", [S[1]])
        dest.add_sequences([{"sequence": sequence(number, 10)} for number in range(70_000)])
        before = dest.layout.records.read_bytes()[:500_000]
        merge(dest, source)

        assert before == dest.layout.records.read_bytes()[:500_000]


class TestColumns:
    def test_union_fills_missing_columns_with_null(self, root: Path) -> None:
        """A column that only the source has comes behind, under its registered type; skipped records take nothing."""
        dest = dataset(root, "dest", [S[0], S[1]], extra=column("mock__i", [1, 2]))
        source = dataset(root, "src", [S[1], S[2]], extra=column("mock__v", [[1, 2], [3, 4]]))
        outcome = merge(dest, source)

        assert [(1, None), (2, None), (None, [3, 4])] == values(dest, "mock__i", "mock__v")
        assert ("mock__v",) == outcome.columns_added
        assert dest.validate(strict=True).ok

    def test_nested_values_are_filled_from_duplicates_in_any_order(self, root: Path) -> None:
        """prefer-dest fills nulls, prefer-src replaces what it has a value for."""
        mine, theirs = [[1, 1], None, [3, 3]], [None, [20, 20], [10, 10]]
        for policy, wanted in (
            ("prefer-dest", [[1, 1], [20, 20], [3, 3]]),
            ("prefer-src", [[10, 10], [20, 20], [3, 3]]),
        ):
            dest = dataset(root, f"{policy}-dest", S[:3], extra=column("mock__v", mine))
            source = dataset(root, f"{policy}-src", [S[2], S[1], S[0]], extra=column("mock__v", theirs))
            outcome = merge(dest, source, if_duplicate=policy)

            assert [(cell,) for cell in wanted] == values(dest, "mock__v")
            assert (1 if policy == "prefer-dest" else 2) == outcome.cells

    def test_another_type_is_cast_where_every_value_survives(self, root: Path) -> None:
        """In new records and in duplicates; 2.5 does not become an integer, and its row is named."""
        dest = dataset(root, "dest", [S[0]], extra=column("mock__i", [None]))
        floats = {"mock__i": pa.array([3.0, 2.0], pa.float64())}
        merge(dest, dataset(root, "src", [S[1], S[0]], extra=floats), if_duplicate="prefer-dest")
        assert [(2,), (3,)] == values(dest, "mock__i")

        for name, cells in (("new", [S[3], S[4]]), ("old", [S[2], S[0]])):
            bad = dataset(root, name, cells, extra={"mock__i": pa.array([4.0, 2.5], pa.float64())})
            with assert_unchanged(dest.path), pytest.raises(MergeTypesDiffer) as caught:
                merge(dest, bad, if_duplicate="prefer-src")
            assert 2 == caught.value.row

    @pytest.mark.parametrize(
        ("name", "texts", "numbers"),
        [
            ("mock__i", ["7", "-3", None, "9223372036854775807"], [7, -3, None, 2**63 - 1]),
            ("mock__f", ["1", "0.50", "1e3", "NaN"], [1.0, 0.5, 1000.0, float("nan")]),
        ],
    )
    def test_text_becomes_a_number_and_back_where_each_survives(
        self, root: Path, name: str, texts: list[str | None], numbers: list[object]
    ) -> None:
        """A number is written as an export writes it."""
        dest = dataset(root, "dest", [S[0]], extra=column(name, [None]))
        merge(dest, dataset(root, "src", S[1:5], extra={name: pa.array(texts)}))
        assert list(map(repr, [None, *numbers])) == [repr(one) for (one,) in values(dest, name)]

        back = dataset(root, "back", [S[0]], extra=column("mock__s", [None]))
        merge(back, dataset(root, "numbers", S[1:5], extra={"mock__s": pa.array(numbers, KINDS[name])}))
        written = {"0.50": "0.5", "1": "1.0", "1e3": "1000.0"} if name == "mock__f" else {}
        assert [None, *[written.get(text, text) for text in texts]] == [one for (one,) in values(back, "mock__s")]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            *(("mock__i", text) for text in ("07", "7.0", "-0", "9223372036854775808", "")),
            *(("mock__f", text) for text in ("00.5", "0.10000000000000001", "1e400", "1,5")),
        ],
    )
    def test_the_first_text_that_is_no_such_number_is_named(self, root: Path, name: str, text: str) -> None:
        """A number that comes out differently when it is written is another one. Truth values are not text."""
        dest = dataset(root, "dest", [S[0]], extra=column(name, [None]))
        source = dataset(root, "src", S[1:4], extra={name: pa.array(["1", text, text])})
        for dry_run in (True, False):
            with assert_unchanged(root), pytest.raises(MergeTypesDiffer) as caught:
                merge(dest, source, dry_run=dry_run)
            assert (2, text) == (caught.value.row, caught.value.facts["value"])
        flag = dataset(root, "flag", [S[1]], extra={name: pa.array([True])})
        with assert_unchanged(root), pytest.raises(MergeTypesDiffer):
            merge(dest, flag)

    def test_coerce_none_refuses_another_type(self, root: Path) -> None:
        """Before any row is read."""
        dest = dataset(root, "dest", [S[0]], extra=column("mock__i", [1]))
        source = dataset(root, "src", [S[1]], extra={"mock__i": pa.array([1.0])})
        with assert_unchanged(root), pytest.raises(MergeTypesDiffer):
            merge(dest, source, coerce_overlap="none")

    def test_require_same_columns_compares_names_and_types(self, root: Path) -> None:
        """Both sides are named."""
        dest = dataset(root, "dest", [S[0]], extra=column("mock__i", [1]))
        source = dataset(root, "src", [S[1]], extra=column("mock__s", ["a"]))
        typed = dataset(root, "typed", [S[1]], extra={"mock__i": pa.array([1.0])})
        with assert_unchanged(root):
            with pytest.raises(MergeColumnsDiffer) as caught:
                merge(dest, source, require_same_columns=True)
            with pytest.raises(MergeTypesDiffer):
                merge(dest, typed, require_same_columns=True)

        assert (("mock__s",), ("mock__i",)) == (caught.value.only_source, caught.value.only_destination)

    def test_a_column_that_is_not_registered_here_does_not_come(self, root: Path) -> None:
        """Strict validation would fail afterwards."""
        dest = dataset(root, "dest", [S[0]])
        source = dataset(root, "src", [S[1]], extra={"other__x": pa.array([1])})
        with assert_unchanged(root), pytest.raises(NamespaceNotRegistered):
            merge(dest, source)


class TestCarried:
    def source(self, root: Path) -> Dataset:
        """Records 1, 2, 3 and values for all of them, 3 deleted, in two parts."""
        source = dataset(root, "src", S[1:4])
        write_overlay(source.path, "mock", [IDS[3], IDS[1]], column("mock__i", [30, 10]), part="part-a")
        write_overlay(source.path, "mock", [IDS[2], IDS[7]], column("mock__i", [20, 70]), part="part-b")
        source.delete([IDS[3]])
        return source

    def test_values_come_along_for_records_that_are_there_afterwards(self, root: Path) -> None:
        """Keyed by id; not for deleted ones, nor for keys of no record."""
        dest, source = dataset(root, "dest", [S[0]]), self.source(root)
        outcome = merge(dest, source, carry_namespaces=["mock"])

        assert [(S[0], None), (S[1], 10), (S[2], 20)] == values(dest, "sequence", "mock__i")
        (part,) = (dest.path / "_derived/mock").iterdir()
        assert [IDS[1], IDS[2]] == pq.read_table(part).column("id").to_pylist()
        assert {"mock": 2} == outcome.carried
        assert dest.validate(registry_mode="current").ok

    @pytest.mark.parametrize(("policy", "wanted"), [("skip", 1), ("prefer-dest", 1), ("prefer-src", 10)])
    def test_a_value_that_is_there_is_replaced_only_by_prefer_src(self, root: Path, policy: str, wanted: int) -> None:
        """Be it in an overlay, single file or part, or in the base; where there is none it is filled."""
        dest, source = dataset(root, "dest", [S[2], S[1]], extra=column("mock__s", ["x", "y"])), self.source(root)
        write_overlay(dest.path, "mock", [IDS[1]], column("mock__i", [1]), part=None)
        write_overlay(source.path, "mock", IDS[1:3], column("mock__s", ["b1", "b2"]), part="part-c")
        merge(dest, source, if_duplicate=policy, carry_namespaces=["mock"])

        over = policy == "prefer-src"
        assert [(20, "b2" if over else "x"), (wanted, "b1" if over else "y")] == values(dest, "mock__i", "mock__s")

    def test_carried_values_without_any_new_record_leave_the_base_alone(self, root: Path) -> None:
        """One part and one event."""
        dest, source = dataset(root, "dest", [S[1]]), self.source(root)
        before = dest.layout.records.read_bytes()
        source.delete([IDS[2]])
        outcome = merge(dest, source, carry_namespaces=["mock"])

        assert before == dest.layout.records.read_bytes()
        assert ({"mock": 1}, 0) == (outcome.carried, outcome.rows_added)
        assert [(10,)] == values(dest, "mock__i")

    @pytest.mark.parametrize("drop", [False, True], ids=["overlay kept", "overlay dropped"])
    def test_what_the_source_shows_is_carried_whether_attached_or_materialized(self, root: Path, drop: bool) -> None:
        """Under skip a record that is there already gets what it lacks, and keeps what it has."""
        dest, source = dataset(root, "dest", [S[1], S[2]]), self.source(root)
        dest.write_overlay_part("mock", pa.table({"id": [IDS[2]], **column("mock__i", [-1])}))
        with source.maintenance(reason="test"):
            source.materialize(drop_overlays=True)
        if not drop:
            write_overlay(source.path, "mock", [IDS[1]], column("mock__i", [11]), part="part-c")
        plan = dest.merge(source, carry_namespaces=["mock"], dry_run=True)
        outcome = merge(dest, source, carry_namespaces=["mock"])

        assert [(S[1], 10 if drop else 11), (S[2], -1)] == values(dest, "sequence", "mock__i")
        for told in (plan, outcome):
            assert (1, ("mock",), ["mock"]) == (told.cells, told.in_base, list(told.carried))
        assert "  mock: carried along in the base" in merge_text(outcome, "dest", "src")
        assert not merge(dest, source, carry_namespaces=["mock"]).changes

    @pytest.mark.parametrize("policy", ["skip", "prefer-dest", "prefer-src"])
    @pytest.mark.parametrize("materialized", [True, False])
    def test_values_that_differ_and_stay_are_counted(self, root: Path, policy: str, materialized: bool) -> None:
        """Materialized ones always, attached ones of namespaces carried; equal ones and taken ones are not."""
        dest, source = dataset(root, "dest", S[1:4]), self.source(root)
        dest.write_overlay_part("mock", pa.table({"id": IDS[1:3], **column("mock__i", [10, -1])}))
        if materialized:
            with source.maintenance(reason="test"):
                source.materialize()
        options = {"if_duplicate": policy, "carry_namespaces": [] if materialized else ["mock"]}
        plan, outcome = dest.merge(source, dry_run=True, **options), merge(dest, source, **options)

        count = 0 if policy == "prefer-src" else 1
        assert (count, count) == (plan.differ, outcome.differ)
        told = "  1 value of them differs in src; what dest has stays\n" in f"{merge_text(outcome, 'dest', 'src')}\n"
        assert told == bool(count)

    def test_a_value_of_another_type_that_is_not_taken_is_no_obstacle(self, root: Path) -> None:
        """Under skip it is not converted."""
        dest = dataset(root, "dest", S[:1], extra={"mock__i": pa.array([1], pa.int64())})
        source = dataset(root, "src", S[:1], extra={"mock__i": pa.array(["no number"])})

        assert (0, 0) == ((outcome := merge(dest, source)).cells, outcome.differ)

    def test_records_that_are_deleted_in_the_destination_are_counted(self, root: Path) -> None:
        """They may take values, and stay deleted."""
        dest, source = dataset(root, "dest", [S[1], S[2]]), self.source(root)
        dest.delete([IDS[1]])
        outcome = merge(dest, source, carry_namespaces=["mock"])

        assert (1, 1) == (outcome.duplicates_deleted, outcome.event["metrics"]["rows_duplicate_deleted"])
        told = merge_text(outcome, "dest", "src")
        assert "  1 of them is deleted there and stays so; `usr restore` brings it back\n" in told
        assert S[1] not in [text for (text,) in values(dest, "sequence")]

    def test_namespaces_that_can_not_be_carried(self, root: Path, tmp_path: Path) -> None:
        """Reserved, without values in the source, with another contract in the source's root."""
        dest = dataset(root, "dest", [S[0]])
        far = new_root(tmp_path / "far")
        register_namespace(far, "mock", [*COLUMNS.items(), ("mock__more", "bool")])
        with assert_unchanged(root):
            for source, namespace, error in (
                (self.source(far), "mock", CarriedContractDiffers),
                (dataset(far, "bare", [S[1]]), "mock", NoSuchOverlay),
                (dataset(far, "bare2", [S[1]]), "usr_state", NamespaceReservedHere),
            ):
                with pytest.raises(error):
                    merge(dest, source, carry_namespaces=[namespace])


class TestRefusals:
    def test_a_duplicate_is_an_error_where_asked(self, root: Path) -> None:
        """The first one is named, all are counted."""
        dest, source = dataset(root, "dest", S[:3]), dataset(root, "src", [S[5], S[2], S[0]])
        with assert_unchanged(root), pytest.raises(MergeDuplicate) as caught:
            merge(dest, source, if_duplicate="error")

        assert (2, IDS[2], 2) == (caught.value.row, caught.value.record_id, caught.value.count)

    def test_options_and_datasets_that_make_no_sense(self, root: Path) -> None:
        """No block, the same dataset twice (through a link too), policies that do not exist."""
        dest, source = dataset(root, "dest", [S[0]]), dataset(root, "src", [S[1]])
        with assert_unchanged(root):
            with pytest.raises(MaintenanceRequired):
                dest.merge(source)
            with pytest.raises(MergeSameDataset):
                merge(dest, dest.path)
            with pytest.raises(UnknownChoice):
                merge(dest, source, if_duplicate="best")
            with pytest.raises(UnknownChoice):
                merge(dest, source, coerce_overlap="to-src")

    @pytest.mark.parametrize(
        ("base", "error"),
        [
            ({"sequences": [S[1], S[2]], "ids": [IDS[1], IDS[5]]}, ForgedId),
            ({"sequences": [S[1], "AXC"]}, LetterOutsideAlphabet),
            ({"sequences": [S[1], S[1]]}, BaseKeysNotUnique),
        ],
        ids=["forged id", "letter", "repeated id"],
    )
    def test_a_source_that_is_not_valid(self, root: Path, base: dict[str, list[str]], error: type[UsrError]) -> None:
        """Its faults do not get into the destination; the dry run finds them too."""
        dest, source = dataset(root, "dest", [S[0]]), dataset(root, "src", **base)
        with assert_unchanged(root):
            with pytest.raises(error):
                merge(dest, source)
            with pytest.raises(error):
                dest.merge(source, dry_run=True)

    def test_a_length_that_is_wrong(self, root: Path) -> None:
        """The row is named."""
        dest, source = dataset(root, "dest", [S[0]]), dataset(root, "src", [S[1], S[2]])
        table = pq.read_table(source.layout.records)
        at = table.schema.get_field_index("length")
        pq.write_table(
            table.set_column(at, table.schema.field(at), pa.array([12, 13], pa.int32())), source.layout.records
        )
        with assert_unchanged(root), pytest.raises(SourceLengthDiffers) as caught:
            merge(dest, source)

        assert (2, 13, 12) == (caught.value.row, caught.value.value, caught.value.length)


class TestOutcome:
    def test_a_dry_run_counts_what_the_merge_then_does(self, root: Path) -> None:
        """Rows, cells, columns and carried rows."""
        dest = dataset(root, "dest", [S[0], S[1], "ACCA"], extra=column("mock__i", [None, 1, 2]))
        extra = column("mock__i", [5, 6, 7, 8]) | column("mock__s", ["a", "b", "c", "d"])
        source = dataset(root, "src", [S[1], S[0], S[2], "acca"], extra=extra)
        write_overlay(source.path, "mock", [IDS[1], IDS[2]], column("mock__b", [True, False]))
        options = {"if_duplicate": "prefer-dest", "carry_namespaces": ["mock"]}
        with assert_unchanged(root):
            plan = dest.merge(source, dry_run=True, **options)
        outcome = merge(dest, source, **options)

        assert (1, 2, 1, 4, ("mock__s",)) == (
            plan.rows_added,
            plan.duplicates,
            plan.case_variants,
            plan.cells,
            plan.columns_added,
        )
        for name in ("rows_added", "rows_after", "cells", "changed", "columns_added", "carried", "case_variants"):
            assert getattr(plan, name) == getattr(outcome, name), name

    def test_the_event_tells_the_policies_and_the_counts(self, root: Path) -> None:
        """And the source."""
        event = merge(dataset(root, "dest", [S[0]]), dataset(root, "src", [S[0], S[1]])).event

        assert {"rows_before": 1, "rows_after": 2, "rows_added": 1, "rows_duplicate": 1}.items() <= event[
            "metrics"
        ].items()
        assert ("skip", "src") == (event["args"]["if_duplicate"], event["args"]["source"]["name"])
        assert ({"reason": "test"}, 2) == (event["maintenance"], event["fingerprint"]["rows"])

    def test_nothing_new_changes_nothing(self, root: Path) -> None:
        """No event; columns that only the source has do not come with no record. Empty datasets too."""
        dest = dataset(root, "dest", [S[0]])
        source = dataset(root, "src", [S[0]], extra=column("mock__i", [1]))
        with assert_unchanged(dest.path):
            outcome = merge(dest, source)
            merge(dest, dataset(root, "empty", []))

        assert (False, (), None) == (outcome.changes, outcome.columns_added, outcome.event)

    def test_an_empty_destination_takes_everything(self, root: Path) -> None:
        """In the source's order."""
        dest = Dataset.open(root, "dest").init()
        merge(dest, dataset(root, "src", S[:3], extra=column("mock__r", [None, {"x": 1, "y": ["a"]}, None])))

        assert [(None,), ({"x": 1, "y": ["a"]},), (None,)] == values(dest, "mock__r")
