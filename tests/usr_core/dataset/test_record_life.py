"""Deleting, restoring, and the state of records, through `Dataset`."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.overlays import write_overlay
from support.small_datasets import IDS, SEQUENCES, make_dataset, rows_by_id
from support.tree import assert_unchanged
from usr_core.commit.transaction import Transaction
from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.fs.errors import LockTimeout
from usr_core.registry.errors import RegistryMissing
from usr_core.store.changes.record_errors import StateFieldMissing, StateValueNotAllowed
from usr_core.store.changes.state import RecordState
from usr_core.store.ids.errors import RecordIdInvalid, RecordsMissing
from usr_core.store.parts.errors import AmbiguousOverlay, OverlayNotStamped

UNKNOWN = "f" * 40


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return make_dataset(tmp_path / "root")


def events(dataset: Dataset) -> list[dict[str, object]]:
    return [dict(line.event) for line in dataset.events()]


def tombstones(dataset: Dataset) -> dict[str, dict[str, object]]:
    rows = pq.ParquetFile(dataset.path / "_derived" / "usr.parquet").read().to_pylist()
    return {row["id"]: row for row in rows}


class TestDelete:
    def test_deleted_records_leave_the_view_and_stay_in_the_base(self, dataset: Dataset) -> None:
        """A delete is logical: the base's bytes do not change."""
        before = (dataset.path / "records.parquet").read_bytes()

        dataset.delete(IDS[:2])

        assert set(IDS[2:]) == set(rows_by_id(dataset))
        assert before == (dataset.path / "records.parquet").read_bytes()

    def test_tombstones_have_time_and_reason(self, dataset: Dataset) -> None:
        """The time is the wall clock's, in UTC; without a reason there is none."""
        start = datetime.now(UTC)
        dataset.delete([IDS[0]], reason="bad input")
        dataset.delete([IDS[1]])

        rows = rows_by_id(dataset, include_deleted=True)
        assert ["bad input", None] == [rows[one]["usr__deleted_reason"] for one in IDS[:2]]
        assert start - timedelta(milliseconds=1) <= rows[IDS[0]]["usr__deleted_at"] <= datetime.now(UTC)
        assert rows[IDS[2]]["usr__deleted"] is None

    def test_a_later_delete_adds_to_the_earlier_one(self, dataset: Dataset) -> None:
        """A second delete of other records neither fails nor forgets the first."""
        dataset.delete([IDS[0]], reason="first")
        outcome = dataset.delete([IDS[1]], reason="second")

        assert {IDS[0]: "first", IDS[1]: "second"} == {
            one: row["usr__deleted_reason"] for one, row in tombstones(dataset).items()
        }
        assert (1, 0, 0) == (outcome.deleted, outcome.already_deleted, outcome.missing)

    def test_a_record_that_is_deleted_keeps_its_time_and_reason(self, dataset: Dataset) -> None:
        """It is counted as already deleted."""
        dataset.delete([IDS[0]], reason="first")
        before = tombstones(dataset)[IDS[0]]
        time.sleep(0.002)

        outcome = dataset.delete([IDS[1], IDS[0], IDS[0]], reason="second")

        assert before == tombstones(dataset)[IDS[0]]
        assert (1, 1) == (outcome.deleted, outcome.already_deleted)

    def test_a_delete_that_changes_nothing_writes_nothing(self, dataset: Dataset) -> None:
        """Neither a file nor an event."""
        dataset.delete([IDS[0]])

        with assert_unchanged(dataset.path):
            outcome = dataset.delete([IDS[0]])

        assert (0, 1, None) == (outcome.deleted, outcome.already_deleted, outcome.event)

    def test_one_unknown_id_stops_all_of_it(self, dataset: Dataset) -> None:
        """Nothing is deleted where an id matches no record."""
        with assert_unchanged(dataset.path), pytest.raises(RecordsMissing) as caught:
            dataset.delete([IDS[0], UNKNOWN])

        assert ((UNKNOWN,), 1) == (caught.value.ids, caught.value.count)

    def test_unknown_ids_may_be_skipped(self, dataset: Dataset) -> None:
        """They are counted, and no tombstone is written for them."""
        outcome = dataset.delete([UNKNOWN, IDS[0]], allow_missing=True)

        assert (1, 1) == (outcome.deleted, outcome.missing)
        assert {IDS[0]} == set(tombstones(dataset))

    def test_a_text_that_is_no_id_is_refused(self, dataset: Dataset) -> None:
        """Also where missing ones may be skipped."""
        with assert_unchanged(dataset.path), pytest.raises(RecordIdInvalid):
            dataset.delete([IDS[0], "sample-7"], allow_missing=True)

    def test_the_event_counts(self, dataset: Dataset) -> None:
        """The ids that were asked for are a number and the first of them; what happened is in the metrics."""
        dataset.delete([IDS[0]])

        event = dataset.delete([*IDS[:2], UNKNOWN], reason="bad", allow_missing=True).event

        assert event is not None
        assert event == events(dataset)[-1]
        assert {"ids": 3, "first_ids": [*IDS[:2], UNKNOWN], "allow_missing": True, "reason": "bad"} == event["args"]
        size = (dataset.path / "_derived" / "usr.parquet").stat().st_size
        assert {"rows": 1, "rows_already_deleted": 1, "rows_missing": 1, "bytes": size} == event["metrics"]
        assert ["_derived/usr.parquet"] == [one["path"] for one in event["artifacts"]["added"]]
        assert ("delete", 6) == (event["action"], event["fingerprint"]["rows"])

    def test_many_ids_are_not_listed_in_the_event(self, tmp_path: Path) -> None:
        """A hundred ids are a number, and ten of them."""
        sequences = [SEQUENCES[0] + "".join(end) for end in itertools.product("ACGT", repeat=3)]
        dataset = make_dataset(tmp_path / "root", sequences=sequences)
        ids = list(rows_by_id(dataset))

        event = dataset.delete(ids).event

        assert event is not None
        assert (64, ids[:10]) == (event["args"]["ids"], event["args"]["first_ids"])

    def test_all_records_may_be_deleted(self, dataset: Dataset) -> None:
        """The view then has its columns and no row."""
        dataset.delete(IDS)

        assert 0 == dataset.to_arrow().num_rows

    def test_no_ids_change_nothing(self, dataset: Dataset) -> None:
        """In Python an empty list is an answer like any other."""
        with assert_unchanged(dataset.path):
            assert 0 == dataset.delete([]).deleted

    def test_a_second_writer_waits(self, dataset: Dataset) -> None:
        """Another writer's lock is waited for, and then refused."""
        other = Dataset.open(dataset.ref.root, "ns/base", lock_timeout=0.05)
        with (
            Transaction(dataset.layout, command="a test"),
            assert_unchanged(dataset.path),
            pytest.raises(LockTimeout),
        ):
            other.delete([IDS[0]])

    def test_without_a_registry_nothing_is_deleted(self, dataset: Dataset) -> None:
        """Every mutation needs a valid one."""
        (dataset.ref.root / "registry.yaml").unlink()

        with assert_unchanged(dataset.path), pytest.raises(RegistryMissing):
            dataset.delete([IDS[0]])


class TestRestore:
    def test_a_restored_record_is_as_it_was(self, dataset: Dataset) -> None:
        """Rows, order and attached values are back, and the file without tombstones is gone."""
        dataset.write_overlay("mock", pa.table({"id": list(IDS), "score": [float(n) for n in range(6)]}))
        before = dataset.to_arrow()
        dataset.delete(IDS[:3])

        outcome = dataset.restore(IDS[:3])

        assert before == dataset.to_arrow()
        assert (3, 0) == (outcome.restored, outcome.not_deleted)
        assert not (dataset.path / "_derived" / "usr.parquet").exists()

    def test_others_stay_deleted(self, dataset: Dataset) -> None:
        """Only the records that are named come back."""
        dataset.delete(IDS[:3], reason="first")

        dataset.restore([IDS[1]])

        assert {IDS[1], *IDS[3:]} == set(rows_by_id(dataset))
        assert {"first"} == {row["usr__deleted_reason"] for row in tombstones(dataset).values()}

    def test_a_record_may_be_deleted_again(self, dataset: Dataset) -> None:
        """The later tombstone is a new one, with its own reason."""
        dataset.delete([IDS[0]], reason="first")
        dataset.restore([IDS[0]])
        dataset.delete([IDS[0]], reason="second")

        assert "second" == tombstones(dataset)[IDS[0]]["usr__deleted_reason"]
        assert IDS[0] not in rows_by_id(dataset)

    def test_a_live_record_is_counted_and_nothing_is_written(self, dataset: Dataset) -> None:
        """Restoring what is not deleted is fine."""
        with assert_unchanged(dataset.path):
            outcome = dataset.restore(IDS[:2])

        assert (0, 2, None) == (outcome.restored, outcome.not_deleted, outcome.event)

    def test_an_unknown_id_is_refused(self, dataset: Dataset) -> None:
        """As for a delete."""
        dataset.delete([IDS[0]])

        with assert_unchanged(dataset.path), pytest.raises(RecordsMissing):
            dataset.restore([IDS[0], UNKNOWN])

    def test_the_event_tells_what_went(self, dataset: Dataset) -> None:
        """The last tombstone takes the file with it, and the event says so."""
        dataset.delete([IDS[0]])

        event = dataset.restore(IDS[:2]).event

        assert event is not None
        assert {"rows": 1, "rows_not_deleted": 1, "rows_missing": 0, "bytes": 0} == event["metrics"]
        assert ["_derived/usr.parquet"] == [one["path"] for one in event["artifacts"]["removed"]]


class TestOlderTombstones:
    """Tombstones as the predecessor left them: false for a restored record, or in parts."""

    def file(self, dataset: Dataset, name: str, ids: list[str], flags: list[bool | None], *, second: int = 0) -> None:
        write_overlay(
            dataset.path / "_derived" / name,
            "usr",
            {"id": pa.array(ids), "usr__deleted": pa.array(flags, pa.bool_())},
            created_at=f"2020-01-01T00:00:{second:02}Z",
        )

    def test_a_false_tombstone_is_a_live_record(self, dataset: Dataset) -> None:
        """Deleting it replaces the row, restoring it counts it as not deleted."""
        self.file(dataset, "usr.parquet", list(IDS[:2]), [False, True])

        assert 1 == dataset.restore([IDS[0]]).not_deleted
        assert (1, 1) == ((outcome := dataset.delete(IDS[:2])).deleted, outcome.already_deleted)
        assert {True} == {row["usr__deleted"] for row in tombstones(dataset).values()}

    def test_parts_become_one_file(self, dataset: Dataset) -> None:
        """The newest value of each counts, and the next change writes one file in their place."""
        self.file(dataset, "usr/part-a.parquet", list(IDS[:2]), [True, True])
        self.file(dataset, "usr/part-b.parquet", [IDS[0]], [False], second=1)

        dataset.delete([IDS[2]])

        assert {IDS[1], IDS[2]} == set(IDS) - set(rows_by_id(dataset))
        assert ["usr.parquet"] == [one.name for one in (dataset.path / "_derived").rglob("*.parquet")]

    def test_a_file_beside_parts_is_an_error(self, dataset: Dataset) -> None:
        """No rule says which one counts."""
        self.file(dataset, "usr/part-a.parquet", [IDS[0]], [True])
        self.file(dataset, "usr.parquet", [IDS[1]], [True])

        with assert_unchanged(dataset.path), pytest.raises(AmbiguousOverlay):
            dataset.delete([IDS[2]])

    def test_a_file_keyed_by_sequence_is_an_error(self, dataset: Dataset) -> None:
        """Reserved namespaces are keyed by id; another key would lose its rows in the rewrite."""
        columns = {"sequence": pa.array([SEQUENCES[0]]), "usr__deleted": pa.array([True])}
        write_overlay(dataset.path / "_derived" / "usr.parquet", "usr", columns, key="sequence")

        with assert_unchanged(dataset.path), pytest.raises(OverlayNotStamped):
            dataset.delete([IDS[2]])


class TestMaterializeDropDeleted:
    def test_rows_and_tombstones_go_and_the_sequences_can_come_again(self, dataset: Dataset) -> None:
        """What is imported anew is visible: no tombstone of its former self hides it."""
        dataset.delete(IDS[:2])
        with dataset.maintenance(reason="a test"):
            outcome = dataset.materialize(drop_deleted=True)

        assert 2 == outcome.rows_dropped
        assert list(IDS[2:]) == list(rows_by_id(dataset, include_deleted=True))
        assert not (dataset.path / "_derived" / "usr.parquet").exists()

        dataset.add_sequences([{"sequence": SEQUENCES[0]}])
        assert {*IDS[2:], IDS[0]} == set(rows_by_id(dataset))

    def test_without_it_deleted_records_stay_deleted_and_restorable(self, dataset: Dataset) -> None:
        """An ordinary materialize folds columns and touches neither rows nor tombstones."""
        dataset.write_overlay("mock", pa.table({"id": list(IDS), "score": [1.0] * 6}))
        dataset.delete(IDS[:2])
        with dataset.maintenance(reason="a test"):
            dataset.materialize()
        assert set(IDS[2:]) == set(rows_by_id(dataset))

        dataset.restore(IDS[:2])

        assert 1.0 == rows_by_id(dataset)[IDS[0]]["mock__score"]

    def test_states_are_kept(self, dataset: Dataset) -> None:
        """Materialize folds no state, and a live record keeps its own."""
        dataset.set_state(IDS[:3], split="train")
        dataset.delete(IDS[:2])
        with dataset.maintenance(reason="a test"):
            dataset.materialize(drop_deleted=True)

        assert "train" == dataset.get_state([IDS[2]])[0].split
        assert "usr_state__split" not in pq.read_schema(dataset.path / "records.parquet").names


class TestState:
    def test_what_is_set_is_shown_by_the_view_and_by_get(self, dataset: Dataset) -> None:
        """All five fields, with their types."""
        outcome = dataset.set_state(
            [IDS[0]], masked=False, qc_status="warn", split="val", supersedes=IDS[1], lineage=[IDS[2], IDS[1]]
        )

        state = dataset.get_state([IDS[0]])[0]
        assert 1 == outcome.changed
        assert (False, "warn", "val", IDS[1], (IDS[2], IDS[1])) == (
            state.masked, state.qc_status, state.split, state.supersedes, state.lineage,
        )  # fmt: skip
        row = rows_by_id(dataset)[IDS[0]]
        assert {name: list(v) if isinstance(v, tuple) else v for name, v in state.row().items()} == {
            name: row[name] for name in state.row()
        }
        assert pa.list_(pa.string()) == dataset.to_arrow().schema.field("usr_state__lineage").type

    def test_a_change_of_one_field_keeps_the_others(self, dataset: Dataset) -> None:
        """For each record its own, also where some had no state."""
        dataset.set_state([IDS[0]], masked=True, lineage=[IDS[3]])
        dataset.set_state([IDS[1]], split="test")

        dataset.set_state(IDS[:3], qc_status="pass")

        assert [
            RecordState(id=IDS[0], masked=True, qc_status="pass", lineage=(IDS[3],)),
            RecordState(id=IDS[1], split="test", qc_status="pass"),
            RecordState(id=IDS[2], qc_status="pass"),
        ] == dataset.get_state(IDS[:3])

    def test_the_same_state_again_writes_nothing(self, dataset: Dataset) -> None:
        """Records that have it are counted as unchanged."""
        dataset.set_state(IDS[:2], split="train", lineage=[IDS[4]])

        with assert_unchanged(dataset.path):
            outcome = dataset.set_state(IDS[:2], split="train", lineage=[IDS[4]])

        assert (0, 2, None) == (outcome.changed, outcome.unchanged, outcome.event)

    def test_only_records_with_another_state_are_counted(self, dataset: Dataset) -> None:
        """Here one has it, one has another, and one has none."""
        dataset.set_state([IDS[0]], split="train")
        dataset.set_state([IDS[1]], split="val")

        outcome = dataset.set_state(IDS[:3], split="train")

        assert (2, 1) == (outcome.changed, outcome.unchanged)
        assert ["train"] * 3 == [state.split for state in dataset.get_state(IDS[:3])]

    def test_clear_unsets_every_field(self, dataset: Dataset) -> None:
        """To null and not to false; the row goes, others stay."""
        dataset.set_state(IDS[:2], masked=False, qc_status="fail")

        outcome = dataset.clear_state([IDS[0], IDS[2]])

        assert [RecordState(id=IDS[0]), RecordState(id=IDS[1], masked=False, qc_status="fail")] == dataset.get_state(
            IDS[:2]
        )
        assert (1, 1) == (outcome.changed, outcome.unchanged)
        assert 1 == pq.read_metadata(dataset.path / "_derived" / "usr_state.parquet").num_rows

    def test_cleared_fields_do_not_come_back(self, dataset: Dataset) -> None:
        """A field set afterwards is the only one."""
        dataset.set_state([IDS[0]], masked=True, lineage=[IDS[1]])
        dataset.clear_state([IDS[0]])
        dataset.set_state([IDS[0]], split="holdout")

        assert [RecordState(id=IDS[0], split="holdout")] == dataset.get_state([IDS[0]])

    def test_the_last_state_takes_the_file_with_it(self, dataset: Dataset) -> None:
        """No file without rows stays behind."""
        dataset.set_state([IDS[0]], masked=True)

        dataset.clear_state([IDS[0]])

        assert not (dataset.path / "_derived" / "usr_state.parquet").exists()
        with assert_unchanged(dataset.path):
            assert (0, 1) == ((outcome := dataset.clear_state([IDS[0]])).changed, outcome.unchanged)

    def test_states_come_in_the_order_of_the_ids(self, dataset: Dataset) -> None:
        """Repeated ids count once; records without a state give nulls; so do deleted ones with one their state."""
        dataset.set_state([IDS[4]], split="train")
        dataset.delete([IDS[4]])

        states = dataset.get_state([IDS[5], IDS[4], IDS[5], IDS[0]])

        assert [(IDS[5], None), (IDS[4], "train"), (IDS[0], None)] == [(state.id, state.split) for state in states]

    def test_unknown_ids(self, dataset: Dataset) -> None:
        """They are refused by every verb, or left out where that is asked for."""
        for verb in (dataset.get_state, dataset.clear_state, lambda ids: dataset.set_state(ids, masked=True)):
            with assert_unchanged(dataset.path), pytest.raises(RecordsMissing):
                verb([IDS[0], UNKNOWN])

        assert [RecordState(id=IDS[0])] == dataset.get_state([UNKNOWN, IDS[0]], allow_missing=True)
        assert 1 == dataset.set_state([UNKNOWN, IDS[0]], masked=True, allow_missing=True).missing

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({}, StateFieldMissing),
            ({"lineage": []}, StateFieldMissing),
            ({"qc_status": "passed"}, StateValueNotAllowed),
            ({"qc_status": ""}, StateValueNotAllowed),
            ({"split": "Train"}, StateValueNotAllowed),
            ({"supersedes": "sample-7"}, RecordIdInvalid),
            ({"masked": True, "lineage": [IDS[0], "sample-7"]}, RecordIdInvalid),
        ],
        ids=str,
    )
    def test_values_that_are_not_allowed_change_nothing(
        self, dataset: Dataset, fields: dict[str, object], error: type[UsrError]
    ) -> None:
        """Wrong words, texts that are not ids, and nothing at all are refused as wrong usage."""
        with assert_unchanged(dataset.path), pytest.raises(error) as caught:
            dataset.set_state([IDS[0]], **fields)  # type: ignore[arg-type]

        assert 2 == caught.value.exit_code

    def test_an_error_lists_what_is_allowed(self, dataset: Dataset) -> None:
        """So that nobody has to look it up."""
        with pytest.raises(StateValueNotAllowed, match=r"can't be 'dev'") as caught:
            dataset.set_state([IDS[0]], split="dev")

        assert "train, val, test, holdout" in caught.value.hint

    def test_superseded_records_need_not_be_here(self, dataset: Dataset) -> None:
        """They may be in another dataset, or gone."""
        dataset.set_state([IDS[0]], supersedes=UNKNOWN, lineage=[UNKNOWN])

        assert UNKNOWN == dataset.get_state([IDS[0]])[0].supersedes

    def test_the_events_tell_what_was_set(self, dataset: Dataset) -> None:
        """Values that were given, and how many records have another state now."""
        dataset.set_state(IDS[:2], masked=True, lineage=[IDS[3]])
        dataset.clear_state(IDS[:3])

        (set_, clear) = events(dataset)[-2:]
        assert ("state_set", {"masked": True, "lineage": [IDS[3]]}) == (set_["action"], set_["args"]["set"])
        assert 2 == set_["metrics"]["rows"]
        assert ("state_clear", 2, 1) == (
            clear["action"], clear["metrics"]["rows"], clear["metrics"]["rows_unchanged"],
        )  # fmt: skip

    def test_state_and_tombstones_are_independent(self, dataset: Dataset) -> None:
        """Deleting and restoring a record leaves its state."""
        dataset.set_state([IDS[0]], split="train")
        dataset.delete([IDS[0]])
        dataset.restore([IDS[0]])

        assert "train" == rows_by_id(dataset)[IDS[0]]["usr_state__split"]
