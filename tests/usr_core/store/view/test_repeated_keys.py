"""A key that stands twice in one part of another writer: no reader takes one of its values for the right one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.maintenance import KINDS, dataset, new_root, record_id_of, sequence, values, write_overlay
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.store.parts.errors import OverlayKeyFault
from usr_infer.pending import Pending

S = [sequence(number) for number in range(6)]
IDS = [record_id_of(text) for text in S]
PART = "_derived/mock/part-20260101T000000000000-00000000.parquet"


@pytest.fixture
def made(tmp_path: Path) -> Dataset:
    """Six records, the third of which has two values in one part."""
    made = dataset(new_root(tmp_path / "root"), "d", S)
    write_overlay(made.path, "mock", [IDS[2], IDS[4], IDS[2]], {"mock__i": pa.array([1, 2, 3], pa.int64())})
    write_overlay(made.path, "mock", [IDS[5]], {"mock__s": pa.array(["x"])}, part="part-other")
    return made


def inside(made: Dataset, change: Callable[[], object]) -> object:
    with made.maintenance(reason="test"):
        return change()


READERS: dict[str, Callable[[Dataset, Path], object]] = {
    "to_arrow": lambda made, _: made.to_arrow(),
    "where": lambda made, _: made.to_arrow(columns=["id"], where=[("mock__i", ">", 0)]),
    "pending": lambda made, _: list(Pending(made, "mock__i").batches()),
    "sql": lambda made, _: made.sql("select sum(mock__i) from records"),
    "export": lambda made, place: made.export(place / "o.csv", fmt="csv"),
    "describe": lambda made, _: made.describe(),
    "materialize": lambda made, _: inside(made, made.materialize),
    "compact": lambda made, _: inside(made, lambda: made.compact_overlay("mock")),
    "clear": lambda made, _: inside(made, lambda: made.clear_overlay("mock", ["i"], ids=[IDS[4]])),
    "merge, carried": lambda made, _: inside(
        other := Dataset.open(made.ref.root, "other"), lambda: other.merge(made, carry_namespaces=["mock"])
    ),
    "head": lambda made, _: made.head_arrow(3),
    "get": lambda made, _: made.get([IDS[2]]),
}


@pytest.mark.parametrize("reader", READERS)
def test_who_would_show_such_a_value_refuses(made: Dataset, tmp_path: Path, reader: str):
    """The part and its key are named, and every byte stays."""
    Dataset.open(made.ref.root, "other").init()
    with assert_unchanged(tmp_path), pytest.raises(OverlayKeyFault) as caught:
        READERS[reader](made, tmp_path)

    assert (PART, 1, (IDS[2],)) == (caught.value.part, caught.value.count, caught.value.values)


def test_a_scan_raises_arrows_error_with_our_words(made: Dataset):
    """As for every error while its stream is read."""
    with pytest.raises(pa.ArrowInvalid, match="a key occurs more than once"):
        made.scan(columns=["mock__i"]).read_all()


def test_what_is_not_concerned_goes_on(made: Dataset):
    """Other columns, other records looked up one by one, and what tells of the fault."""
    assert [(text,) for text in S] == values(made, "sequence")
    assert [2] == made.get([IDS[4]]).column("mock__i").to_pylist()
    assert [None, None] == made.head_arrow(2).column("mock__i").to_pylist()
    assert 6 == made.overview().rows
    assert not made.validate().ok


def test_two_spellings_of_one_sequence_are_one_key(tmp_path: Path):
    """White space around a sequence is not part of the key."""
    made = dataset(new_root(tmp_path / "root"), "d", S)
    write_overlay(
        made.path, "mock", [f" {S[1]}", S[1]], {"mock__i": pa.array([1, 2], KINDS["mock__i"])}, key="sequence"
    )
    for reader in ("to_arrow", "head"):
        with pytest.raises(OverlayKeyFault) as caught:
            READERS[reader](made, tmp_path)
        assert 1 == caught.value.count


@pytest.mark.parametrize("rows_per_group", [1, 2, 3])
def test_metadata_that_was_copied_from_a_part_of_usr_is_not_believed(tmp_path: Path, rows_per_group: int):
    """A tool that rewrites a part may keep the note of unique keys; a key's row groups do not matter."""
    made = dataset(new_root(tmp_path / "root"), "d", S)
    made.write_overlay_part("mock", pa.table({"id": IDS[:3], "mock__i": [1, 2, 3]}))
    (part,) = (made.path / "_derived/mock").iterdir()
    footer = pq.read_metadata(part).metadata
    assert b"3" == footer[b"usr:overlay_unique_keys"]
    table = pq.read_table(part).replace_schema_metadata(footer)
    again = table.set_column(0, table.schema.field(0), pa.array([IDS[1], IDS[0], IDS[1]]))
    pq.write_table(again, part, row_group_size=rows_per_group)
    for reader in ("head", "to_arrow"):
        with pytest.raises(OverlayKeyFault):
            READERS[reader](made, tmp_path)
    with pytest.raises(OverlayKeyFault):
        made.get([IDS[1]])


def test_a_record_that_is_deleted_twice(tmp_path: Path):
    """Nobody can tell whether it is deleted: readers refuse, and so do changes of tombstones and states."""
    made = dataset(new_root(tmp_path / "root"), "d", S)
    write_overlay(made.path, "usr", [IDS[0], IDS[0]], {"usr__deleted": pa.array([True, False])}, part=None)
    state = {"usr_state__masked": pa.array([True, False])}
    write_overlay(made.path, "usr_state", [IDS[0], IDS[0]], state, part=None)
    for change in (
        made.to_arrow,
        lambda: made.head_arrow(2),
        lambda: made.restore([IDS[0]]),
        lambda: made.get_state([IDS[0]]),
        lambda: made.set_state([IDS[0]], masked=True),
    ):
        with assert_unchanged(tmp_path), pytest.raises(OverlayKeyFault):
            change()
