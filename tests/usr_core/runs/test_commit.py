"""Committing a run: once, whatever has become of the dataset meanwhile, and nothing that is not whole."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.tree import assert_unchanged
from usr_core import Dataset, register_namespace
from usr_core.plugin.executors import ShardReceipt
from usr_core.roots.errors import DatasetMissing
from usr_core.runs.commit import commit_run
from usr_core.runs.errors import RunDamaged, RunIncomplete, RunMissing, RunRecordsGone, RunTypesDiffer
from usr_core.runs.folder import COMMITTED, RunFolder
from usr_core.runs.map_run import MapRun
from usr_core.runs.shard import run_shard
from usr_core.store.base.file import write_options

from .conftest import SEQUENCES, Plan

Changed = Callable[[Dataset], object]


def folder_of(run: MapRun) -> RunFolder:
    assert run.folder is not None
    return run.folder


def half_done(run: MapRun) -> None:
    """Run every second shard."""
    for index in range(0, folder_of(run).plan.shards, 2):
        run_shard(folder_of(run).spec(index))


def values(dataset: Dataset) -> dict[str, int | None]:
    """Return the attached length by sequence."""
    table = dataset.to_arrow(columns=["sequence", "lab__length"])
    return dict(zip(table["sequence"].to_pylist(), table["lab__length"].to_pylist(), strict=True))


def map_events(dataset: Dataset) -> list[dict[str, object]]:
    return [line.event for line in dataset.events() if line.event and line.event["action"] == "map"]


def drop_deleted(dataset: Dataset) -> None:
    with dataset.maintenance("fewer"):
        dataset.materialize(drop_deleted=True)


def id_bytes(path: Path) -> list[bytes]:
    """Return the ids of each row group as they are stored."""
    groups = pq.read_metadata(path)
    found = []
    for group in range(groups.num_row_groups):
        chunk = groups.row_group(group).column(0)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        found.append(path.read_bytes()[start : start + chunk.total_compressed_size])
    return found


def test_the_ids_of_a_larger_base_are_its_own_bytes(dataset: Dataset, plan: Plan) -> None:
    """As with an attachment: what covers the base is written beside it, with its row groups."""
    bases = "ACGT"
    more = ["".join(bases[at >> 2 * place & 3] for place in range(5)) + "TTTTTTTT" for at in range(600)]
    dataset.add_sequences([{"sequence": one} for one in more])
    base = dataset.path / "records.parquet"
    table = pq.read_table(base)
    with pq.ParquetWriter(
        base, table.schema, **write_options(table.schema, bloom="id").writer_arguments(rows=648)
    ) as w:
        w.write_table(table, row_group_size=400)
    done = plan("lengths", per_record=False).start("inline").wait(60).commit()

    assert {one: len(one) for one in [*SEQUENCES, *more]} == values(dataset)
    assert 2 == len(id_bytes(base))
    assert id_bytes(base) == id_bytes(dataset.path / done.parts[0])


# ------------------------------------------------------------- the dataset changes meanwhile


def append(dataset: Dataset) -> None:
    dataset.add_sequences([{"sequence": "GGGCCCGGG"}, {"sequence": "CCCCCGGG"}])


def drop_some(dataset: Dataset) -> None:
    dataset.delete(dataset.head_arrow(20)["id"].to_pylist()[5:15])
    drop_deleted(dataset)


def dedupe(dataset: Dataset) -> None:
    dataset.add_sequences([{"sequence": SEQUENCES[3].lower()}])
    with dataset.maintenance("one a sequence"):
        dataset.dedupe(key="sequence_ci", keep="keep-last")


def rewrite_all(dataset: Dataset) -> None:
    for change in (append, drop_some, dedupe):
        change(dataset)
    dataset.write_overlay("lab", pa.table({"id": dataset.head_arrow(1)["id"], "lab__ratio": [0.5]}))
    with dataset.maintenance("fold"):
        dataset.materialize(namespaces=["lab"])


@pytest.mark.parametrize(("change", "gone"), [(append, 0), (drop_some, 10), (dedupe, 1), (rewrite_all, 11)])
def test_the_dataset_may_change_during_a_run(dataset: Dataset, plan: Plan, change: Changed, gone: int) -> None:
    """Shards read what was planned. Records are found by id: gone ones are counted, and new ones have no value."""
    run = plan()
    half_done(run)
    change(dataset)
    done = run.start("inline").wait(60).commit()
    found = values(dataset)

    assert (gone, len(SEQUENCES) - gone, 8) == (done.rows_gone, done.rows, done.shards)
    assert {one: len(one) if one in SEQUENCES else None for one in found} == found
    assert dataset.validate(strict=True).ok
    assert 1 == len(map_events(dataset))


def test_records_that_came_meanwhile_are_found_by_the_next_run(dataset: Dataset, plan: Plan) -> None:
    """They are those that lack the value."""
    run = plan()
    append(dataset)
    run.start("inline").wait(60).commit()
    after = plan(shards=1)

    assert 2 == folder_of(after).plan.rows
    after.start("inline").wait(60).commit()
    assert None not in values(dataset).values()


def test_where_no_record_lacks_the_value_there_is_nothing_to_commit(dataset: Dataset, plan: Plan) -> None:
    """A script that asks again goes on without an error, and changes nothing."""
    plan().start("inline").wait(60).commit()
    with assert_unchanged(dataset.path):
        again = plan()
        told = again.wait(60).commit()

    assert ("MapRun(nothing to do)", True, 0, 0) == (repr(again), told.already, told.rows, told.seq)


def test_a_run_whose_records_are_all_gone_is_told(dataset: Dataset, plan: Plan) -> None:
    """With the dataset and the function; nothing changes."""
    run = plan().start("inline").wait(60)
    dataset.delete(dataset.to_arrow(columns=["id"])["id"].to_pylist())
    drop_deleted(dataset)

    with assert_unchanged(dataset.path), pytest.raises(RunRecordsGone, match="None of the 48 records of the run"):
        run.commit()


def test_a_dataset_that_was_merged_away_is_told(dataset: Dataset, plan: Plan) -> None:
    """Its run went with it."""
    run = plan()
    spec = folder_of(run).spec(0)
    shutil.rmtree(dataset.path)

    with pytest.raises(DatasetMissing):
        run.commit()
    with pytest.raises(RunMissing):
        run_shard(spec)


def test_deleted_records_are_not_in_a_run(dataset: Dataset, plan: Plan) -> None:
    """Those that are deleted while it goes on keep their value for the day they are restored."""
    ids = dataset.to_arrow(columns=["id"])["id"].to_pylist()
    dataset.delete(ids[:2])
    run = plan()
    dataset.delete(ids[2:3])
    run.start("inline").wait(60).commit()
    dataset.restore(ids[2:3])

    assert 46 == folder_of(run).plan.rows
    assert len(SEQUENCES[2]) == values(dataset)[SEQUENCES[2]]


# ------------------------------------------------------------- once


def test_a_second_commit_says_that_it_is_done_already(dataset: Dataset, plan: Plan) -> None:
    """And changes nothing, also where the run's folder was never told of the first one."""
    run = plan().start("inline").wait(60)
    first = run.commit()
    with assert_unchanged(dataset.path):
        second = run.commit()

    assert (False, True) == (first.already, second.already)
    assert (first.seq, first.rows, first.parts) == (second.seq, second.rows, second.parts)


def test_a_commit_that_died_before_it_told_the_run_is_found_in_the_log(dataset: Dataset, plan: Plan) -> None:
    """By what its event says."""
    run = plan().start("inline").wait(60)
    kept = dataset.path.parent / "kept"
    shutil.copytree(folder_of(run).path, kept)
    first = run.commit()
    shutil.rmtree(folder_of(run).path)
    shutil.copytree(kept, folder_of(run).path)
    second = run.commit()

    assert (True, first.seq, first.parts) == (second.already, second.seq, second.parts)
    assert 1 == len(map_events(dataset))


def test_the_same_question_after_a_discarded_commit_may_be_committed_again(dataset: Dataset, plan: Plan) -> None:
    """Its attempt is another one."""
    for _ in range(2):
        run = plan(mode="all").start("inline").wait(60)
        assert not run.commit().already
        run.discard()

    assert 2 == len(map_events(dataset))


def test_values_that_were_lost_after_a_commit_are_made_again(dataset: Dataset, plan: Plan) -> None:
    """The same records lack the same value: a committed run of that question is void."""
    plan().start("inline").wait(60).commit()
    with dataset.maintenance("wrong"):
        dataset.clear_overlay("lab", ["lab__length"])
    done = plan().start("inline").wait(60).commit()

    assert (False, 48) == (done.already, done.rows)


def test_a_large_result_is_several_parts(dataset: Dataset, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one change."""
    monkeypatch.setattr("usr_core.runs.joining.PART_BYTES", 400)
    done = plan().start("inline").wait(60).commit()

    assert len(done.parts) > 2
    assert {one: len(one) for one in SEQUENCES} == values(dataset)
    assert 1 == len(map_events(dataset))
    assert dataset.validate(strict=True).ok


def test_a_dry_run_checks_and_counts(dataset: Dataset, plan: Plan) -> None:
    """And leaves everything as it was."""
    run = plan().start("inline").wait(60)
    with assert_unchanged(dataset.path):
        tried = run.commit(dry_run=True)

    assert (48, 0, ()) == (tried.rows, tried.seq, tried.parts)


# ------------------------------------------------------------- only what is whole


def test_missing_shards_block_a_commit(dataset: Dataset, plan: Plan) -> None:
    """Unless what is there is to be taken."""
    run = plan()
    with pytest.raises(RunIncomplete):
        run.commit(allow_partial=True)  # there is nothing
    half_done(run)
    with assert_unchanged(dataset.path), pytest.raises(RunIncomplete, match="4 shards of 8"):
        run.commit()

    assert " is not done." in RunIncomplete(missing=1, shards=8, run_id="4f1d").message
    assert (4, 4, 24) == ((done := run.commit(allow_partial=True)).shards, done.shards_left_out, done.rows)


def cut_a_part(folder: RunFolder) -> None:
    part = next(iter(sorted(folder.parts.iterdir())))
    part.write_bytes(part.read_bytes()[:-5])


def remove_a_part(folder: RunFolder) -> None:
    next(iter(sorted(folder.parts.iterdir()))).unlink()


def swap_parts(folder: RunFolder) -> None:
    one, two = (folder.path / "done" / f"{index:06}.json" for index in (0, 1))
    told = [json.loads(path.read_bytes()) for path in (one, two)]
    for path, mine, other in ((one, *told), (two, *reversed(told))):
        path.write_text(json.dumps({**other, "index": mine["index"]}))


def miscount(folder: RunFolder) -> None:
    receipt = folder.path / "done" / "000000.json"
    receipt.write_text(json.dumps({**json.loads(receipt.read_bytes()), "rows": 99}))


def cut_a_receipt(folder: RunFolder) -> None:
    receipt = folder.path / "done" / "000000.json"
    receipt.write_text(receipt.read_text()[:-5])


@pytest.mark.parametrize("damage", [cut_a_part, remove_a_part, swap_parts, miscount, cut_a_receipt])
def test_a_damaged_part_is_refused(dataset: Dataset, plan: Plan, damage: Callable[[RunFolder], None]) -> None:
    """With the file and the shard; nothing is attached."""
    run = plan().start("inline").wait(60)
    damage(folder_of(run))

    with assert_unchanged(dataset.path), pytest.raises(RunDamaged) as caught:
        run.commit()
    assert {"file", "shard"} <= caught.value.facts.keys()
    assert f"Remove {folder_of(run).path}/done/0000" in caught.value.hint


class Discarding(RunFolder):
    """A run that somebody discards while its receipts are read."""

    def receipt(self, index: int) -> ShardReceipt | None:
        if index == 3:
            self.remove()
        return super().receipt(index)


def test_a_run_that_is_discarded_during_its_commit_is_missing(dataset: Dataset, plan: Plan) -> None:
    """It is not damaged, and there is nothing to resume; so for one that was discarded a moment before."""
    run, before = plan().start("inline").wait(60), map_events(dataset)
    going = Discarding(folder_of(run).path)
    for folder in (going, folder_of(run)):
        with pytest.raises(RunMissing, match="it was discarded meanwhile"):
            commit_run(dataset._site(), folder)

    assert before == map_events(dataset)


def test_a_column_that_has_another_type_by_now_is_refused(dataset: Dataset, plan: Plan) -> None:
    """With both types."""
    run = plan().start("inline").wait(60)
    register_namespace(dataset.ref.root, "lab", [("lab__length", "float64")], overwrite=True)

    with assert_unchanged(dataset.path), pytest.raises(RunTypesDiffer, match=r"int64.*float64"):
        run.commit()


def test_leftovers_of_dead_workers_do_not_count(dataset: Dataset, plan: Plan) -> None:
    """Parts without a receipt are swept by the commit."""
    run = plan()
    (folder_of(run).parts / "000003.dead.parquet").write_bytes(b"half")
    run.start("inline").wait(60).commit()

    assert {"run.json", "committed.json"} == {place.name for place in folder_of(run).path.iterdir()}


def test_a_worker_that_comes_after_the_commit_is_told(dataset: Dataset, plan: Plan) -> None:
    """And leaves nothing."""
    run = plan()
    spec = folder_of(run).spec(3)
    run.start("inline").wait(60)
    commit_run(dataset._site(), folder_of(run))

    with assert_unchanged(dataset.path), pytest.raises(RunMissing, match="discarded or committed"):
        run_shard(spec)


def test_a_function_that_changed_is_not_run(plan: Plan, functions: Path) -> None:
    """A run has one version of it."""
    run = plan("lengths", per_record=False)
    functions.write_text(functions.read_text() + "\n", encoding="utf-8")

    with pytest.raises(Exception, match="is not the file that the run was planned with"):
        run_shard(folder_of(run).spec(0))


def test_a_full_disk_after_the_commit_is_no_error(
    dataset: Dataset, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The values are attached: that the run's folder could not be told is made good by whoever maps next."""
    run = plan()
    run.start("inline").wait(60.0)
    link = os.link

    def full(source: Path, target: Path) -> None:
        if Path(target).name == COMMITTED:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        link(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", full)
        done = run.commit()
    told = run.status().state
    plan("lengths", per_record=False)

    assert (False, len(SEQUENCES)) == (done.already, done.rows)
    assert ("complete", "committed") == (told, run.status().state)
    assert True is run.commit().already


def clear(dataset: Dataset) -> None:
    with dataset.maintenance("wrong"):
        dataset.clear_overlay("lab", ["lab__length"])


def attach_others(dataset: Dataset) -> None:
    other = dataset.path.parent / "other.parquet"
    ids = dataset.to_arrow(columns=["id"])
    pq.write_table(ids.append_column("lab__length", pa.array([7] * len(ids), pa.int64())), other)
    dataset.attach(other, "lab", key="id", allow_overwrite=True)


@pytest.mark.parametrize("change", [clear, attach_others])
def test_every_record_is_mapped_again_where_its_values_were_changed_since(
    dataset: Dataset, plan: Plan, change: Changed
) -> None:
    """A commit whose values are not what the dataset shows answers nothing."""
    plan(mode="all").start("inline").wait(60).commit()
    assert plan(mode="all").commit().already
    change(dataset)
    done = plan(mode="all").start("inline").wait(60).commit()

    assert (False, len(SEQUENCES)) == (done.already, done.rows)
    assert {sequence: len(sequence) for sequence in SEQUENCES} == values(dataset)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"[]"])
def test_what_a_commit_left_may_be_damaged(content: bytes, dataset: Dataset, plan: Plan) -> None:
    """The event log says it too: other runs are listed and planned, and the values are attached once."""
    run = plan().start("inline").wait(60)
    seq = run.commit().seq
    (folder_of(run).path / COMMITTED).write_bytes(content)
    again = dataset.run(run.run_id)

    assert [run.run_id] == [one.status().run_id for one in dataset.runs()]
    assert (True, seq) == ((done := again.commit()).already, done.seq)
    (folder_of(run).path / COMMITTED).write_bytes(content)
    plan("lengths", per_record=False)
    assert ("committed", seq) == (again.status().state, again.status().event)
    assert 1 == len(map_events(dataset))
