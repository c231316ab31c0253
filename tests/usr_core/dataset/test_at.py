"""`Dataset.at`: a dataset as it was at an earlier version, read in every way; what would change it is refused."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from support.small_datasets import IDS, SEQUENCES, make_dataset
from support.tree import assert_unchanged
from usr_core import Actor, Dataset
from usr_core.registry.store import register_namespace
from usr_core.store.changes.row_drop import ChosenRows
from usr_core.store.questions.errors import RecordsNotFound
from usr_core.store.versions.errors import VersionMissing, VersionNotShown, VersionReadOnly, VersionTextInvalid


@pytest.fixture
def grown(tmp_path: Path) -> Dataset:
    """Versions: 1 init, 2 six records, 3 scores of the first three, 4 two more records, 5 scores of all.

    Nothing of what is replaced is kept.
    """
    dataset = make_dataset(tmp_path, history="none")
    dataset.write_overlay_part("mock", pa.table({"id": IDS[:3], "mock__score": [0.1, 0.2, 0.3]}))
    dataset.add_sequences([{"sequence": "CCCCC"}, {"sequence": "GGGGG"}])
    ids = dataset.to_arrow(columns=["id"])["id"]
    dataset.write_overlay_part("mock", pa.table({"id": ids, "mock__score": [float(row) for row in range(8)]}))
    return dataset


def test_each_version_has_the_records_and_values_of_then(grown: Dataset) -> None:
    """Rows behind and parts written later are not there; columns that only these have are none either."""
    assert [grown.at(version).rows for version in range(1, 6)] == [0, 6, 6, 8, 8]
    assert "mock__score" not in grown.at(2).to_arrow().schema.names
    assert grown.at(3).to_arrow(columns=["mock__score"])["mock__score"].to_pylist() == [0.1, 0.2, 0.3, None, None, None]
    assert grown.at(4).to_arrow(columns=["mock__score"])["mock__score"].to_pylist()[3:] == [None] * 5
    assert grown.at(5).to_arrow().equals(grown.to_arrow())
    assert grown.at("now").version == 5


def test_every_way_of_reading_stops_at_the_last_row_of_then(grown: Dataset, tmp_path: Path) -> None:
    """Whatever answers from footers, Bloom filters, indexes or SQL goes by the rows of the version."""
    past = grown.at(3)
    later = grown.to_arrow(columns=["id"])["id"][6].as_py()
    assert (len(past), past.base_rows(), past.head_arrow(100).num_rows) == (6, 6, 6)
    assert past.overview().rows == 6
    assert [column.name for column in past.at(2).columns()] == grown.at(2).to_arrow().schema.names
    with pytest.raises(RecordsNotFound):
        past.get(later)
    assert later in grown
    assert later not in past
    assert past.get_state(IDS[:1])[0].id == IDS[0]
    assert past.grep("CCCCC", limit=0).num_rows == 0
    assert past.grep("CCCCC", limit=0, where="length > 0").num_rows == 0
    assert past.motif("CCCCC").read_all().num_rows == 0
    assert past.sql("select count(*) from records").fetchall() == [(6,)]
    assert past.sql("select max(mock__score), count(sequence) from records").fetchall() == [(0.3, 6)]
    assert past.query("select count(*) from d").fetchall() == [(6,)]
    assert past.describe(["length"], sample=0).columns[0].summary.rows == 6
    assert (
        past.to_arrow(where="sequence like 'C%'").num_rows == grown.at(2).to_arrow(where="sequence like 'C%'").num_rows
    )
    assert past.to_arrow(where=[("length", "<", 6)]).num_rows == 0
    assert sum(len(batch) for batch in past.batches(batch_rows=4)) == 6
    for fmt in ("parquet", "csv", "jsonl"):
        assert past.export(tmp_path / f"out.{fmt}", fmt=fmt).rows == 6
    assert past.head_arrow(None, sort="length:desc").num_rows == 6
    assert [line.number for line in past.events()] == [1, 2, 3]
    assert [line.number for line in past.events(n=1)] == [3]


def test_the_overview_tells_of_the_version(grown: Dataset) -> None:
    """Its events, its last change, the size of the base then, its registry."""
    register_namespace(grown.ref.root, "later", [("later__x", "int64")])
    known = {version: grown.at(version).overview() for version in (2, 5)}
    grown.add_sequences([{"sequence": "TTTTT"}])
    assert [grown.at(version).overview() for version in (2, 5)] == list(known.values())
    assert (known[2].events, known[2].last_action) == (2, "import")
    assert known[2].base_bytes < known[5].base_bytes
    assert grown.overview().registry_hash != known[5].registry_hash


def test_what_would_change_a_version_is_refused(grown: Dataset) -> None:
    """One error, before anything is looked at; the dataset itself can be changed."""
    past = grown.at(3)
    table = pa.table({"id": IDS[:1], "mock__score": [9.0]})
    changes: list[Callable[[], object]] = [
        lambda: past.add_sequences([{"sequence": "AAAA"}]),
        lambda: past.write_overlay("mock", table),
        lambda: past.write_overlay_part("mock", table),
        lambda: past.delete(IDS[:1]),
        lambda: past.restore(IDS[:1]),
        lambda: past.set_state(IDS[:1], masked=True),
        lambda: past.clear_state(IDS[:1]),
        lambda: past.materialize(dry_run=True),
        lambda: past.maintenance("x").__enter__(),
        past.snapshot,
        past.archive,
        past.writer,
        lambda: past.record_event("a_b"),
        past.adopt,
        past.validate,
        lambda: past.push("nowhere"),
        lambda: past.diff("nowhere"),
    ]
    with assert_unchanged(grown.path):
        for change in changes:
            with pytest.raises(VersionReadOnly, match="as it was at version 3"):
                change()
    assert grown.delete(IDS[:1]).deleted == 1


def test_a_version_is_named_by_number_time_or_a_field_of_its_event(grown: Dataset) -> None:
    """The last event until then, and the last event that has the field."""
    run = Actor(tool="lab", run_id="r7")
    Dataset.open(grown.ref.root, grown.name, actor=run).add_sequences([{"sequence": "TTTTT"}])
    Dataset.open(grown.ref.root, grown.name, actor=run).add_sequences([{"sequence": "AAAAA"}])
    grown.add_sequences([{"sequence": "GAGAG"}])
    events = [line.event or {} for line in grown.events()]
    for number, event in enumerate(events, 1):
        assert grown.at(str(number)).version == number
        assert grown.at(event["clock"]).version == number
    between = datetime.fromisoformat(events[3]["clock"]) - timedelta(microseconds=1)
    assert grown.at(between.astimezone(UTC).replace(tzinfo=None).isoformat()).version == 3
    assert grown.at("2999-01-01").version == 8
    assert grown.at("actor.run_id=r7").version == 7
    assert grown.at("action=write_overlay_part").version == 5
    assert grown.at("fingerprint.rows=6").version == 3
    assert grown.at(" now ").rows == 11


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (9, VersionMissing, "the last one is 5"),
        ("0", VersionMissing, "numbered from 1, and 5 is the last"),
        (-1, VersionMissing, "numbered from 1"),
        ("99999999999999999999999", VersionMissing, "the last one is 5"),
        ("9" * 5000, VersionMissing, "the last one is 5"),
        ("-" + "9" * 5000, VersionMissing, "numbered from 1"),
        ("1999-01-01T00:00", VersionMissing, "its first event was at 20"),
        ("actor.run_id=r8", VersionMissing, "no event has actor.run_id 'r8'"),
        ("v1.0", VersionMissing, "no tag of that name"),
        ("2026-13-01", VersionTextInvalid, "it is not a time"),
        ("", VersionTextInvalid, "does not name a version"),
        ("three or four", VersionTextInvalid, "does not name a version"),
    ],
)
def test_a_version_that_is_not_there_is_refused_with_what_there_is(
    grown: Dataset, text: str | int, error: type[Exception], told: str
) -> None:
    """One error, which says how far the versions go."""
    with pytest.raises(error, match=told):
        grown.at(text)


@pytest.mark.parametrize("run_id", ["Größe", 'a"b\\c\x7f', "ü"])
@pytest.mark.parametrize("escaped", [False, True])
def test_a_field_is_found_whatever_its_letters(grown: Dataset, run_id: str, escaped: bool) -> None:
    """Also in a log whose writer escapes the letters that are not of ASCII."""
    actor = Actor(tool="lab", run_id=run_id)
    Dataset.open(grown.ref.root, grown.name, actor=actor).add_sequences([{"sequence": "TTTTT"}])
    if escaped:
        log = grown.layout.event_log
        events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        log.write_text("".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events))

    assert grown.at(f"actor.run_id={run_id}").version == 6


def test_a_version_whose_tombstones_were_replaced_says_which_ones_can_be_seen(grown: Dataset) -> None:
    """A version before the first deletion can be shown: it had none."""
    grown.delete(IDS[:1])
    grown.delete(IDS[1:2])
    assert grown.at(5).rows == 8
    assert grown.at(7).rows == 6
    with pytest.raises(VersionNotShown, match=r"event 7 \(delete\) replaced _derived/usr.parquet") as refused:
        grown.at(6).head_arrow()
    assert refused.value.hint == "The nearest that can be shown are 5 and 7."


def test_a_base_that_was_written_anew_is_shown_from_a_snapshot(grown: Dataset) -> None:
    """What dedupe or materialize replaced is there where a snapshot was taken in time."""
    with grown.maintenance("fold") as allowed:
        allowed.materialize(snapshot_before=True, drop_overlays=False)
    folded = grown.to_arrow()
    assert grown.at(3).to_arrow(columns=["mock__score"])["mock__score"].to_pylist()[:3] == [0.1, 0.2, 0.3]
    assert grown.at(5).columns()[-1].origin == "overlay"
    assert grown.at(6).to_arrow().equals(folded)
    for snapshot in (grown.path / "_snapshots").iterdir():
        snapshot.unlink()
    with pytest.raises(VersionNotShown, match=r"event 6 \(materialize\) wrote all records anew") as refused:
        grown.at(3).rows  # noqa: B018
    assert refused.value.hint == "The nearest that can be shown is 6."


def test_parts_that_were_merged_are_read_from_where_they_went(grown: Dataset) -> None:
    """Archived parts count again; those that are gone don't matter where the merged one has just their values."""
    with grown.maintenance("fewer files") as allowed:
        allowed.compact_overlay("mock")
    assert grown.at(3).to_arrow(columns=["mock__score"])["mock__score"].to_pylist()[:3] == [0.1, 0.2, 0.3]
    assert grown.at(5).to_arrow().equals(grown.to_arrow())
    for part in (grown.path / "_derived" / "_archived").rglob("*.parquet"):
        part.unlink()
    assert grown.at(5).to_arrow().equals(grown.to_arrow())
    with pytest.raises(VersionNotShown, match=r"event 6 \(compact_overlay\) merged"):
        grown.at(3).rows  # noqa: B018


def test_a_value_that_was_kept_for_a_record_comes_with_the_record(tmp_path: Path) -> None:
    """A part may have values of a sequence that is imported later: the version between does not show them."""
    dataset = make_dataset(tmp_path, sequences=SEQUENCES[:2])
    dataset.write_overlay_part("mock", pa.table({"id": IDS[:3], "mock__score": [0.1, 0.2, 0.3]}), allow_missing=True)
    dataset.add_sequences([{"sequence": SEQUENCES[2]}])
    assert dataset.at(3).to_arrow(columns=["mock__score"]).num_rows == 2
    assert dataset.at(3).overview().rows == 2


def change_somehow(dataset: Dataset, ids: list[str], chance: random.Random) -> bool:
    """Make one change of some of the records, and tell whether it may have replaced or removed a file."""
    some = chance.sample(ids, chance.randint(1, len(ids)))
    version = dataset.overview().events
    attached = "mock" in [one.name for one in dataset.overview().namespaces]
    table = pa.table({"id": some, "mock__score": [chance.random() for _ in some]})
    letters = f"{'ACGT' * version}AC"
    more = [{"sequence": f"{'ACGT'[n % 4]}{letters}{'G' * n}"} for n in range(4)]

    def write() -> None:
        with dataset.writer() as writer:
            writer.add([{**row, "source": "session"} for row in more])

    adding: list[Callable[[], object]] = [
        lambda: dataset.add_sequences(more),
        lambda: dataset.write_overlay_part("mock", table),
        write,
    ]
    others: list[Callable[[], object]] = [
        lambda: dataset.delete(some),
        lambda: dataset.restore(some),
        lambda: dataset.set_state(some, qc_status="pass"),
        lambda: dataset.clear_state(some),
        lambda: dataset.materialize(drop_deleted=chance.random() < 0.5),
        lambda: dataset.drop_rows(lambda _: ChosenRows(rows=np.array([1])), action="any_drop"),
        lambda: dataset.merge(make_dataset(dataset.ref.root, f"n/{version}", SEQUENCES[2:5])),
    ]
    if attached:
        others += [
            lambda: dataset.compact_overlay("mock", drop=chance.random() < 0.5),
            lambda: dataset.clear_overlay("mock", ids=some[:1], columns=["mock__score"]),
            lambda: dataset.remove_overlay("mock", mode=chance.choice(["archive", "delete"])),
        ]
    if dataset.path.joinpath(".history").exists():
        others += [lambda: dataset.rollback(chance.randint(1, version))] * 2
    adds = chance.random() < 0.4
    if adds:
        chance.choice(adding)()
    else:
        with dataset.maintenance("any"):
            chance.choice(others)()
    return not adds and dataset.overview().events > version


@pytest.mark.parametrize("history", ["none", "keep"])
@pytest.mark.parametrize("seed", range(3))
def test_every_version_is_what_was_recorded_then(tmp_path: Path, seed: int, history: str) -> None:
    """For random sequences of changes: the view at each version is the table of then.

    Where nothing is kept, it is said of some that they are gone, and only of those behind which something was replaced.
    """
    chance = random.Random(seed)
    dataset = make_dataset(tmp_path, sequences=SEQUENCES[:3], history=history)
    seen: dict[int, pa.Table] = {}
    states: dict[int, list[object]] = {}
    lost: set[int] = set()
    for _ in range(10):
        version = dataset.overview().events
        seen[version] = dataset.to_arrow(include_deleted=True)
        ids = seen[version]["id"].to_pylist()
        states[version] = list(dataset.get_state(ids))
        if len(ids) < 2:
            dataset.add_sequences([{"sequence": "ACGTACGT"}, {"sequence": "CCGT"}])
        elif change_somehow(dataset, ids, chance) and history == "none":
            lost |= set(range(1, version + 1))
    for version, table in seen.items():
        try:
            past = dataset.at(version)
            assert past.to_arrow(include_deleted=True).equals(table), version
            assert past.get_state(table["id"]) == states[version], version
            assert past.rows == table.num_rows - sum(map(bool, table["usr__deleted"].to_pylist()))
        except VersionNotShown:
            assert version in lost


def test_versions_that_a_collection_keeps_are_shown_and_the_others_refused(tmp_path: Path) -> None:
    """The error names the event whose old file is gone."""
    dataset = make_dataset(tmp_path, history="keep")
    seen = {}
    for row in range(4):
        dataset.delete(IDS[row : row + 1])
        seen[3 + row] = dataset.to_arrow()
    dataset.gc(keep_seconds=0, keep_versions=[4])
    assert [dataset.at(version).to_arrow().equals(seen[version]) for version in (4, 6)] == [True, True]
    assert dataset.at(2).rows == 6
    for version in (3, 5):
        with pytest.raises(VersionNotShown, match=f"event {version + 1} "):
            dataset.at(version).to_arrow()


def test_what_an_older_writer_did_behind_a_version_is_not_known(grown: Dataset) -> None:
    """Its lines carry no number and name no files: the last of its own versions can be shown, and all behind it."""
    log = grown.layout.event_log
    older = [json.loads(line) for line in log.read_text().splitlines()]
    for event in older:
        for key in ("seq", "clock", "prev", "artifacts"):
            del event[key]
    log.write_text("".join(json.dumps(event) + "\n" for event in older))
    shown = grown.to_arrow()
    grown.add_sequences([{"sequence": "TTTTT"}])
    assert grown.at(5).to_arrow().equals(shown)
    assert grown.at(older[3]["timestamp_utc"]).version == 4
    with pytest.raises(VersionNotShown, match="event 5 is an older writer's") as refused:
        grown.at(2).to_arrow()
    assert refused.value.hint == "The nearest that can be shown is 5."


def test_a_fingerprint_of_another_form_is_one_that_tells_nothing(grown: Dataset) -> None:
    """How many records there were is not known then, which is said."""
    log = grown.layout.event_log
    events = [json.loads(line) for line in log.read_text().splitlines()]
    events[1]["fingerprint"] = "3 rows"
    log.write_text("".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events))

    for read in (Dataset.to_arrow, Dataset.overview):
        with pytest.raises(VersionNotShown, match="how many records"):
            read(grown.at(2))


def test_an_empty_version_that_a_collection_keeps_is_shown(tmp_path: Path) -> None:
    """Its base was kept by the import that followed, and what a later rewrite replaced is gone."""
    dataset = make_dataset(tmp_path, history="keep", sequences=())
    dataset.add_sequences([{"sequence": "ACGT"}])
    dataset.rollback(1)
    dataset.add_sequences([{"sequence": "CCCC"}])
    dataset.gc(keep_seconds=0, keep_versions=[1])
    assert [dataset.at(version).rows for version in (1, 4)] == [0, 1]
    with pytest.raises(VersionNotShown, match=r"event 3 \(rollback\)"):
        dataset.at(2).rows  # noqa: B018
