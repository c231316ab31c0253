"""Records whose rows are dropped: what goes with them, what is kept, and what an import says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.maintenance import KINDS, dataset, new_root, record_id_of, sequence, values, write_overlay
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.store.changes.row_drop import ChosenRows
from usr_core.store.overlay import kept_values
from usr_core.store.parts.errors import OverlayKeysUnresolved

S = [sequence(number) for number in range(6)]
S[1] = S[0].lower()
IDS = [record_id_of(text) for text in S]

DROPPERS: dict[str, Callable[[Dataset], object]] = {
    "materialize": lambda made: (made.delete([IDS[1]]), made.materialize(drop_deleted=True, namespaces=[])),
    "dedupe": lambda made: made.dedupe(key="sequence_ci"),
    "drop_rows": lambda made: made.drop_rows(lambda _: ChosenRows(rows=np.array([1])), action="tool_drop"),
}


def made(root: Path) -> Dataset:
    """Six records, the first two of which differ in case only; all have a state, some have values."""
    made = dataset(new_root(root), "d", S)
    made.set_state(IDS, masked=True, split="test")
    made.write_overlay_part("mock", pa.table({"id": IDS[:3], "mock__i": pa.array([1, 2, 3], KINDS["mock__i"])}))
    return made


@pytest.mark.parametrize("dropper", DROPPERS)
def test_the_state_goes_and_values_are_kept_and_taken_up_again(tmp_path: Path, dropper: str):
    """The event counts the states, and the import's event the records that take up values."""
    ds = made(tmp_path / "root")
    with ds.maintenance(reason="test"):
        DROPPERS[dropper](ds)
    event = [line.event for line in ds.events()][-1]
    assert (1, 1 if dropper == "materialize" else 0) == (
        event["metrics"]["states_dropped"],
        event["metrics"]["tombstones_dropped"],
    )
    assert b"1" == pq.read_metadata(ds.layout.records).metadata[b"usr:rows_dropped"]

    outcome = ds.add_sequences([{"sequence": S[1]}, {"sequence": sequence(7)}])
    assert (2, 1) == (outcome.added, outcome.kept_values)
    assert 1 == outcome.event["metrics"]["rows_with_kept_values"]
    assert (S[1], 2) in values(ds, "sequence", "mock__i")
    assert [(None, None), (True, "test")] == [(one.masked, one.split) for one in ds.get_state([IDS[1], IDS[0]])]
    assert ds.validate(strict=True).ok


def test_a_row_without_a_value_and_an_ordinary_import_count_nothing(tmp_path: Path):
    """A null was attached, or nothing at all."""
    ds = made(tmp_path / "root")
    ds.write_overlay_part("mock", pa.table({"id": IDS[4:5], "mock__i": pa.nulls(1, pa.int64())}))
    with ds.maintenance(reason="test"):
        ds.drop_rows(lambda _: ChosenRows(rows=np.array([4, 5])), action="tool_drop")

    assert 0 == ds.add_sequences([{"sequence": S[4]}, {"sequence": S[5]}, {"sequence": sequence(9)}]).kept_values


@pytest.mark.parametrize("key", ["id", "sequence"])
def test_values_of_another_writer_and_an_older_state_count_too(tmp_path: Path, key: str):
    """Each record once, whatever has values for it; a part that can't be read is passed over."""
    ds = dataset(new_root(tmp_path / "root"), "d", S[:1])
    keys = [IDS[2], IDS[3]] if key == "id" else [S[2], S[3]]
    write_overlay(ds.path, "mock", keys, {"mock__i": pa.array([1, None], pa.int64())}, key=key, part="part-a")
    write_overlay(ds.path, "mock", keys, {"mock__s": pa.array(["x", None])}, key=key, part="part-b")
    write_overlay(ds.path, "usr_state", [IDS[4]], {"usr_state__masked": pa.array([True])}, part=None)
    (ds.path / "_derived/mock/part-damaged.parquet").write_bytes(b"PAR1 nothing PAR1")

    assert 2 == ds.add_sequences([{"sequence": text} for text in S[1:]]).kept_values


def test_large_overlays_are_looked_at_where_rows_were_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without the note in the base an import does not read them."""
    monkeypatch.setattr(kept_values, "_MOST_ROWS", 1)
    foreign = dataset(new_root(tmp_path / "root"), "foreign", S[:1])
    write_overlay(foreign.path, "mock", IDS[2:4], {"mock__i": pa.array([1, 2], pa.int64())})
    assert 0 == foreign.add_sequences([{"sequence": S[2]}]).kept_values

    own = made(tmp_path / "own")
    with own.maintenance(reason="test"):
        own.dedupe(key="sequence_ci")
    assert 1 == own.add_sequences([{"sequence": S[1]}]).kept_values


class TestMaterializeKeepsWhatTheBaseHasNot:
    """Files that go after a materialize leave behind, in the overlay, every value that no row of the new base has."""

    @pytest.mark.parametrize("way", ["drop", "archive"])
    def test_values_of_dropped_records_come_back(self, tmp_path: Path, way: str):
        """A dropped record that is imported again has its value again; the event counts the keys that stay."""
        ds = made(tmp_path / "root")
        ds.delete([IDS[1]])
        with ds.maintenance(reason="test"):
            outcome = ds.materialize(drop_deleted=True, drop_overlays=way == "drop", archive_overlays=way == "archive")

        assert ({"mock": 1}, {"mock": 1}) == (dict(outcome.kept), outcome.event["metrics"]["keys_kept"])
        assert 1 == len(list(ds.path.glob("_derived/mock/part-*.parquet")))
        assert (way == "archive") == bool(list(ds.path.glob("_derived/_archived/mock/*/*.parquet")))
        assert 1 == ds.add_sequences([{"sequence": S[1]}]).kept_values
        assert [(S[0], 1), (S[2], 3), (S[1], 2)] == [row for row in values(ds, "sequence", "mock__i") if row[1]]
        assert ds.validate(strict=True).ok

    @pytest.mark.parametrize("key", ["id", "sequence"])
    def test_values_of_no_record_stay(self, tmp_path: Path, key: str):
        """The newest value of each key, and no key that has a record or has no value; a single file becomes a part."""
        ds = dataset(new_root(tmp_path / "root"), "d", S[:1])
        keys = [IDS[0], IDS[2], IDS[3]] if key == "id" else [S[0], S[2], S[3]]
        write_overlay(ds.path, "mock", keys, {"mock__i": pa.array([1, 2, None], pa.int64())}, key=key, part=None)
        with ds.maintenance(reason="test"):
            outcome = ds.materialize(drop_overlays=True)

        (part,) = ds.path.glob("_derived/mock/part-*.parquet")
        assert {"id": [IDS[2]], "mock__i": [2]} == pq.ParquetFile(part).read().to_pydict()
        assert {"mock": 1} == dict(outcome.kept)
        assert not (ds.path / "_derived/mock.parquet").exists()
        assert 1 == ds.add_sequences([{"sequence": text} for text in S[2:4]]).kept_values
        assert [(1,), (2,), (None,)] == values(ds, "mock__i")

    def test_a_deleted_record_that_stays_takes_its_values_into_the_base(self, tmp_path: Path):
        """Without drop_deleted nothing is left over, so the overlay goes."""
        ds = made(tmp_path / "root")
        ds.delete([IDS[1]])
        with ds.maintenance(reason="test"):
            outcome = ds.materialize(drop_overlays=True)

        assert ({}, []) == (dict(outcome.kept), list(ds.path.glob("_derived/mock/*")))
        ds.restore([IDS[1]])
        assert [1, 2, 3, None, None, None] == [value for (value,) in values(ds, "mock__i")]

    def test_keys_that_tell_no_id_are_refused(self, tmp_path: Path):
        """The case of the letters is not known, so the values could not be kept by id."""
        ds = dataset(new_root(tmp_path / "root"), "d", S[:1])
        write_overlay(ds.path, "mock", [S[2]], {"mock__i": pa.array([1], pa.int64())}, key="sequence_ci")
        with (
            assert_unchanged(ds.path),
            ds.maintenance(reason="test"),
            pytest.raises(OverlayKeysUnresolved, match="part-"),
        ):
            ds.materialize(drop_overlays=True)
