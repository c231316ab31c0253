"""What sync promises, whatever the transport is: subclasses supply the pair of roots."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.small_datasets import IDS, make_dataset
from support.sync_pairs import NAME, dataset_content
from support.tree import tree_digest
from usr_core.dataset import Dataset
from usr_core.errors import ExitCode, UsrError
from usr_core.events.chain import verify_chain
from usr_core.plugin.transport_errors import RemoteLocked
from usr_core.roots.layout import EVENT_LOG, RECORDS
from usr_core.store.errors import CopyIncomplete
from usr_core.sync.errors import (
    ChangeUnderWay,
    CopiesDamaged,
    FileNotRegular,
    FileOfDataset,
    GiverDamaged,
    HistoriesDiverged,
    HistoryAhead,
    HistoryMissing,
    LogNotSyncable,
    NameNotSyncable,
    NamesClash,
    NothingToSync,
    RemoteRecordUnreadable,
    VerifyImpossible,
)

MORE = "AAAACCCCGG"
OTHER = "CCCCAAAATT"


def scores(dataset: Dataset, value: float, *, ids: tuple[str, ...] = IDS) -> None:
    """Attach a part to a dataset."""
    table = pa.table({"id": list(ids), "mock__score": [value] * len(ids)})
    dataset.write_overlay_part("mock", table)


def scores_table(value: float) -> pa.Table:
    """Return one value for every record of `make_dataset`."""
    return pa.table({"id": list(IDS), "mock__score": [value] * len(IDS)})


def append(path: Path, content: bytes) -> None:
    """Write behind what a file holds."""
    with path.open("ab") as handle:
        handle.write(content)


def add(sequence: str) -> Callable[[Path], None]:
    """Return a change that adds a record to the dataset in a root."""
    return lambda root: void(Dataset.open(root, NAME).add_sequences([{"sequence": sequence}]))


def void(_: object) -> None:
    return None


def put(name: str, text: str) -> Callable[[Path], None]:
    """Return a change that writes a file into the dataset in a root."""

    def change(root: Path) -> None:
        path = root / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return change


def put_file(path: Path, content: bytes) -> None:
    """Write a file."""
    path.write_bytes(content)


class SyncContract:
    """Every test gets a `pair` with a dataset here and an empty root there."""

    @pytest.fixture
    def pair(self, tmp_path: Path) -> Any:
        raise NotImplementedError

    @pytest.fixture(scope="session")
    @classmethod
    def _filled_template(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        root = tmp_path_factory.mktemp("filled")
        dataset = make_dataset(root)
        scores(dataset, 1.0)
        dataset.snapshot()
        put("notes/read me.txt", "by hand")(root)
        return root

    @pytest.fixture
    def filled(self, pair: Any, _filled_template: Path) -> Any:
        """A pair whose dataset here has records, a part, a snapshot and an auxiliary file."""
        shutil.copytree(_filled_template, pair.local, dirs_exist_ok=True)
        return pair

    @pytest.fixture
    def twins(self, filled: Any) -> Any:
        """A pair with the same dataset on both sides."""
        filled.change_far(lambda root: void(shutil.copytree(filled.local, root, dirs_exist_ok=True)))
        filled.change_far(lambda root: shutil.rmtree(root / NAME / ".usr.tmp", ignore_errors=True))
        return filled

    # ------------------------------------------------------------- plain transfers

    def test_a_first_push_brings_everything(self, filled: Any) -> None:
        """The far copy equals the one here, and its chain is whole; machinery does not travel."""
        audit = filled.sync("push")
        here, there = filled.both()

        assert "TRANSFERRED" == audit["transfer_state"]
        assert here == there
        assert not [name for name in filled.there() if name.startswith((".usr.tmp", ".usr.commit"))]
        filled.change_far(lambda root: self._whole(root / NAME))

    def test_a_first_pull_brings_everything(self, twins: Any) -> None:
        """A dataset that is not here yet is made, without the root's registry."""
        expected = dataset_content(twins.local / NAME)
        shutil.rmtree(twins.local)
        twins.local.mkdir()

        audit = twins.sync("pull")

        assert "TRANSFERRED" == audit["transfer_state"]
        assert expected == dataset_content(twins.local / NAME)
        assert not (twins.local / NAME / ".usr.tmp").exists()
        self._whole(twins.local / NAME)

    def test_new_events_travel_either_way(self, twins: Any) -> None:
        """Records and parts that one side has added are there on the other, and both logs are equal."""
        twins.change_far(add(MORE))
        twins.sync("pull")
        scores(twins.here(), 2.0)
        audit = twins.sync("push")
        here, there = twins.both()

        assert here == there
        assert 7 == len(twins.here().to_arrow())
        assert "equal" != audit[".events.log"]["relation"]
        self._whole(twins.local / NAME)
        twins.change_far(lambda root: self._whole(root / NAME))

    @pytest.mark.parametrize("action", ["pull", "push"])
    def test_a_second_run_is_a_no_op(self, twins: Any, action: str) -> None:
        """Nothing moves, nothing changes, and no receipt is written."""
        here, there = twins.both()
        audit = twins.sync(action)

        assert "NO-OP" == audit["transfer_state"]
        assert (here, there) == twins.both()
        assert audit["bytes"]["sent"] < 100_000
        assert not (twins.local / NAME / ".sync.log").exists()

    def test_the_log_is_extended_and_never_replaced(self, twins: Any) -> None:
        """A follower keeps its place: the log is the same file as before."""
        log = twins.local / NAME / ".events.log"
        inode, size = log.stat().st_ino, log.stat().st_size
        before = log.read_bytes()
        twins.change_far(add(MORE))
        twins.sync("pull")

        assert (inode, before) == (log.stat().st_ino, log.read_bytes()[:size])

    def test_what_the_source_has_retired_is_put_aside(self, twins: Any) -> None:
        """After a compaction there, the old parts are kept here for older versions, and the view is the same.

        They stand below the event that removed them; a copy that keeps nothing puts them aside.
        """
        shutil.copytree(twins.local, twins.local.with_name("plain"))
        twins.change_far(lambda root: scores(Dataset.open(root, NAME), 3.0))

        def compact(root: Path) -> None:
            dataset = Dataset.open(root, NAME)
            with dataset.maintenance(reason="test"):
                dataset.compact_overlay("mock", drop=True)

        twins.change_far(compact)
        twins.sync("pull")
        here, there = twins.both()

        assert here == there
        assert 1 == len(list((twins.local / NAME / ".history/6").rglob("part-*.parquet")))
        twins.local = twins.local.with_name("plain")
        shutil.rmtree(twins.local / NAME / ".history")
        twins.sync("pull")
        assert list((twins.local / NAME / ".usr.replaced").rglob("part-*.parquet"))
        assert {3.0} == set(twins.here().to_arrow(columns=["mock__score"]).column(0).to_pylist())

    # ------------------------------------------------------------- histories

    def test_a_pull_never_goes_back_over_local_events(self, twins: Any) -> None:
        """It is refused, names the events, and changes nothing on either side."""
        twins.here().add_sequences([{"sequence": MORE}])
        self._refused(twins, "pull", HistoryAhead, "import")

    def test_a_push_never_goes_back_over_remote_events(self, twins: Any) -> None:
        """It is refused, names the events, and changes nothing on either side."""
        twins.change_far(add(MORE))
        self._refused(twins, "push", HistoryAhead, "import")

    @pytest.mark.parametrize("action", ["pull", "push"])
    def test_diverged_histories_are_refused_with_both_sides_events(self, twins: Any, action: str) -> None:
        """Both lists are in the error, and nothing has changed."""
        twins.change_far(add(MORE))
        scores(twins.here(), 5.0)
        error = self._refused(twins, action, HistoriesDiverged, "import")

        assert {"only here", "only there"} == set(error.facts)
        assert f"`usr compare {NAME} {NAME}@far`" in error.hint

    @pytest.mark.parametrize("action", ["pull", "push"])
    @pytest.mark.parametrize("damage", ["changed", "gone", "added"])
    def test_equal_heads_and_other_files_are_damage(self, twins: Any, action: str, damage: str) -> None:
        """An overlay that differs under one history is named; --repair takes the source's and keeps the other."""
        part = next((twins.local / NAME / "_derived" / "mock").iterdir())
        content = part.read_bytes()
        if damage == "changed":
            part.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        elif damage == "gone":
            part.unlink()
        else:
            shutil.copy(part, part.with_name("part-20990101T000000000000-abcd.parquet"))
        error = self._refused(twins, action, CopiesDamaged, "_derived/mock/part-")
        assert "--repair" in error.hint
        if action == "push":
            return  # the side here gives, and it is the damaged one

        twins.sync("pull", repair=True)
        here, there = twins.both()
        assert here == there
        assert damage == "gone" or list((twins.local / NAME / ".usr.replaced").rglob("part-*"))

    def test_a_log_edited_in_the_middle_is_damage(self, twins: Any) -> None:
        """Equal ends do not hide an edited line."""
        log = twins.local / NAME / ".events.log"
        lines = log.read_bytes().splitlines(keepends=True)
        lines[0] = lines[0].replace(b'"action"', b'"Action"')
        log.write_bytes(b"".join(lines))
        self._refused(twins, "pull", CopiesDamaged, ".events.log")

    def test_logs_of_older_writers_are_compared_line_by_line(self, twins: Any) -> None:
        """Lines without numbers: the beginning of the other log is seen, and so is a fork."""
        old = b"".join(b'{"action":"init","event_version":1,"n":%d}\n' % number for number in range(3))
        (twins.local / NAME / ".events.log").write_bytes(old)
        twins.change_far(lambda root: void((root / NAME / ".events.log").write_bytes(old)))
        assert "NO-OP" == twins.sync("pull")["transfer_state"]
        twins.change_far(add(MORE))
        assert "behind" == twins.sync("pull")[".events.log"]["relation"]

        forked = old[:-3] + b"7}\n"
        (twins.local / NAME / ".events.log").write_bytes(forked)
        self._refused(twins, "pull", HistoriesDiverged, "init")

    # ------------------------------------------------------------- other files

    def test_for_other_files_the_source_wins_and_the_rest_stays(self, twins: Any) -> None:
        """A changed file replaces, the old one is kept aside; files that only this side has stay."""
        twins.change_far(put("notes/read me.txt", "by HAND"))
        put("mine.txt", "only here")(twins.local)
        audit = twins.sync("pull")

        assert ["notes/read me.txt"] == audit["_auxiliary"]["differing"]
        assert "by HAND" == (twins.local / NAME / "notes/read me.txt").read_text()
        assert "only here" == (twins.local / NAME / "mine.txt").read_text()
        kept = list((twins.local / NAME / ".usr.replaced").rglob("read me.txt"))
        assert ["by hand"] == [path.read_text() for path in kept]

    def test_a_push_keeps_what_it_replaces_there(self, twins: Any) -> None:
        """The far file's old content is in .usr.replaced there."""
        put("notes/read me.txt", "by HAND")(twins.local)
        twins.sync("push")
        names = [name for name in twins.there() if name.startswith(".usr.replaced") and name.endswith("read me.txt")]

        assert 1 == len(names)

    def test_content_alone_makes_a_difference(self, twins: Any) -> None:
        """A file of the same size and time but other content differs; without derived hashes it does not show."""
        twins.change_far(put("notes/read me.txt", "by HAND"))

        assert not twins.sync("diff", verify_derived_hashes=False)["changed"]
        assert twins.sync("diff")["changed"]

    def test_links_are_followed_and_told(self, filled: Any, tmp_path: Path) -> None:
        """What a link to a file, or to a folder of files, leads to travels as files; that is said."""
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "inner.txt").write_text("inner")
        (filled.local / NAME / "link").symlink_to("/etc/hostname")
        (filled.local / NAME / "folder").symlink_to(tmp_path / "store")
        audit = filled.sync("push")

        assert ["folder", "link"] == audit["links"]["followed"]
        assert any("link here is a link; what it leads to (/etc/hostname)" in line for line in filled.warnings)
        assert {"link", "folder/inner.txt"} <= set(filled.there())
        assert not filled.sync("diff")["changed"]

    def test_links_that_lead_nowhere_stay(self, filled: Any) -> None:
        """A dangling link, a circle and a FIFO are told, and do not travel."""
        here = filled.local / NAME
        (here / "dangling").symlink_to("nothing")
        (here / "circle").symlink_to(here)
        os.mkfifo(here / "fifo")
        audit = filled.sync("push")

        assert ["circle", "dangling", "fifo"] == audit["links"]["local"]
        assert any("dangling here is a link or not a regular file" in line for line in filled.warnings)
        assert not {"dangling", "circle", "fifo"} & set(filled.there())

    @pytest.mark.parametrize("whole_folder", [False, True])
    def test_a_linked_part_travels_as_a_file(self, filled: Any, tmp_path: Path, whole_folder: bool) -> None:
        """The remote copy has every value; none is left out while the transfer counts as done."""
        parts = filled.local / NAME / "_derived" / "mock"
        (part,) = parts.iterdir()
        moved = parts if whole_folder else part
        moved.rename(tmp_path / "store")
        moved.symlink_to(tmp_path / "store")
        filled.sync("push")

        assert f"_derived/mock/{part.name}" in filled.there()
        assert not filled.sync("diff")["changed"]

    def test_a_dangling_part_is_refused(self, filled: Any) -> None:
        """What can't be read can't be sent: nothing is said to be done."""
        parts = filled.local / NAME / "_derived" / "mock"
        (part,) = parts.iterdir()
        part.unlink()
        part.symlink_to("nothing")
        self._refused(filled, "push", FileNotRegular, part.name)

    def test_a_name_with_a_line_break_is_refused(self, filled: Any) -> None:
        """It could forge a line in a list; nothing moves."""
        (filled.local / NAME / "two\nlines").write_text("x")
        self._refused(filled, "push", NameNotSyncable, "two")

    def test_a_file_there_and_a_folder_here_is_refused(self, twins: Any) -> None:
        """By name, before anything moves; in both directions."""
        put("clash/inside.txt", "x")(twins.local)
        twins.change_far(put("clash", "a file"))
        for action in ("pull", "push"):
            self._refused(twins, action, NamesClash, "clash")

    def test_names_that_other_systems_make(self, filled: Any) -> None:
        """A narrow no-break space and joined emoji are names like any other."""
        put("Screenshot 3.12.00\u202fPM \N{WOMAN}\u200d\N{PERSONAL COMPUTER}.txt", "x")(filled.local)
        filled.sync("push")
        assert filled.both()[0] == filled.both()[1]

    def test_rsyncs_own_folders_are_refused_by_name(self, filled: Any) -> None:
        """What has such a name could not be told from what is under way."""
        put("notes/.rsync-partial/x", "x")(filled.local)
        self._refused(filled, "push", NameNotSyncable, ".rsync-partial")

    # ------------------------------------------------------------- how much is compared

    @pytest.mark.parametrize("action", ["pull", "push"])
    @pytest.mark.parametrize(
        "options",
        [
            {"verify": "parquet"},
            {"verify": "size"},
            {"verify_derived_hashes": False},
            {"verify_sidecars": False},
            {"verify": "size", "verify_sidecars": False},
        ],
        ids=lambda one: "-".join(map(str, one)),
    )
    def test_a_weaker_comparison_never_leaves_the_base_behind(self, twins: Any, action: str, options: Any) -> None:
        """After values were folded into the base, a step forward moves it, though rows, columns and size are alike."""

        def fold(value: float) -> Callable[[Path], None]:
            def change(root: Path) -> None:
                dataset = Dataset.open(root, NAME)
                dataset.write_overlay_part("mock", scores_table(value))
                with dataset.maintenance(reason="test"):
                    dataset.materialize(drop_overlays=True)

            return change

        first, second = fold(1.25), fold(2.75)
        first(twins.local)
        twins.sync("push")
        if action == "push":
            second(twins.local)
        else:
            twins.change_far(second)
        twins.sync(action, **options)

        here, there = twins.both()
        assert here == there
        assert {2.75} == set(twins.here().to_arrow(columns=["mock__score"]).column(0).to_pylist())

    @pytest.mark.parametrize("action", ["pull", "push"])
    def test_an_overlay_file_of_one_size_is_not_left_behind(self, twins: Any, action: str) -> None:
        """Not compared by content, an overlay that is written in place travels with new events all the same."""

        def single_file(value: float) -> Callable[[Path], None]:
            def change(root: Path) -> None:
                folder = root / NAME / "_derived"
                part = next((folder / "mock").iterdir()) if (folder / "mock").is_dir() else folder / "mock.parquet"
                table = pq.read_table(part)
                values = pa.array([value] * len(table), pa.float64())
                shutil.rmtree(folder)
                folder.mkdir()
                changed = table.set_column(table.schema.get_field_index("mock__score"), "mock__score", values)
                pq.write_table(changed.replace_schema_metadata(table.schema.metadata), folder / "mock.parquet")

            return change

        single_file(1.0)(twins.local)
        twins.sync("push", repair=True)
        giver = (lambda change: change(twins.local)) if action == "push" else twins.change_far
        giver(single_file(2.0))
        giver(lambda root: void(Dataset.open(root, NAME).snapshot()))
        sizes = {(twins.local / NAME / "_derived/mock.parquet").stat().st_size}
        twins.change_far(lambda root: sizes.add((root / NAME / "_derived/mock.parquet").stat().st_size))
        assert 1 == len(sizes)
        twins.sync(action, verify_derived_hashes=False)

        assert twins.both()[0] == twins.both()[1]
        assert {2.0} == set(twins.here().to_arrow(columns=["mock__score"]).column(0).to_pylist())

    def test_a_repair_looks_into_snapshots(self, twins: Any) -> None:
        """A snapshot of the same size and other content is found and replaced; the other is kept."""
        snapshot = next((twins.local / NAME / "_snapshots").iterdir())
        content = snapshot.read_bytes()
        snapshot.unlink()
        snapshot.write_bytes(content[:-5] + b"?????")
        twins.sync("pull", repair=True)
        assert content == snapshot.read_bytes()

    def test_no_repair_rewrites_a_log(self, twins: Any) -> None:
        """It would be no chain any more; the refusal says so, and nothing is called done."""
        log = twins.local / NAME / ".events.log"
        log.write_bytes(log.read_bytes().replace(b'"action"', b'"Action"', 1))
        with pytest.raises(LogNotSyncable):
            twins.sync("pull", repair=True)

    def test_datasets_without_any_log(self, twins: Any) -> None:
        """Foreign copies are compared and moved all the same; a second run is a no-op."""
        (twins.local / NAME / ".events.log").unlink()
        twins.change_far(lambda root: (root / NAME / ".events.log").unlink())
        assert "NO-OP" == twins.sync("pull")["transfer_state"]
        shutil.rmtree(twins.local / NAME)
        assert "TRANSFERRED" == twins.sync("pull")["transfer_state"]
        assert "NO-OP" == twins.sync("pull")["transfer_state"]

    def test_a_torn_last_line_there_is_cut_by_a_push(self, twins: Any) -> None:
        """It is not an event; what lacks only its end is one, and is not touched."""
        twins.here().add_sequences([{"sequence": MORE}])
        twins.change_far(lambda root: append(root / NAME / ".events.log", b'{"seq": 99, "pa'))
        twins.sync("push")
        assert twins.both()[0] == twins.both()[1]
        twins.here().add_sequences([{"sequence": OTHER}])
        twins.change_far(lambda root: append(root / NAME / ".events.log", b'{"seq": 99}'))
        self._refused(twins, "push", LogNotSyncable, "end of the line")

    def test_a_damaged_giver_is_named(self, twins: Any) -> None:
        """A base that is not a whole Parquet file is not handed on."""
        base = twins.local / NAME / "records.parquet"
        twins.here().add_sequences([{"sequence": MORE}])
        content = base.read_bytes()
        base.unlink()
        base.write_bytes(content[:-100])
        before = twins.both()[1]
        with pytest.raises(GiverDamaged):
            twins.sync("push")
        assert before == twins.both()[1]

    def test_a_push_hides_no_other_dataset(self, twins: Any) -> None:
        """A dataset whose folder there holds another one is refused."""
        make_dataset(twins.local / "other root", "ns")
        shutil.rmtree(twins.local / NAME)
        shutil.copytree(twins.local / "other root" / "ns", twins.local / "ns", dirs_exist_ok=True)
        before = twins.there("ns")
        with pytest.raises(NothingToSync):
            twins.sync("push", "ns")
        assert before == {name: one for name, one in twins.there("ns").items() if name != ".usr.lock"}

    # ------------------------------------------------------------- what is left out

    def test_primary_only_moves_the_base_and_leaves_the_history(self, twins: Any) -> None:
        """A later whole pull goes on from there."""
        twins.change_far(add(MORE))
        twins.change_far(lambda root: scores(Dataset.open(root, NAME), 9.0))
        before = (twins.local / NAME / ".events.log").read_bytes()
        twins.sync("pull", primary_only=True)

        assert before == (twins.local / NAME / ".events.log").read_bytes()
        assert 7 == len(twins.here().to_arrow())
        twins.sync("pull")
        here, there = twins.both()
        assert here == there

    def test_a_base_without_a_history_is_not_written_over(self, twins: Any) -> None:
        """Where no receipt tells where it comes from, it is kept, until --repair puts it aside."""
        shutil.rmtree(twins.local / NAME)
        twins.sync("pull", primary_only=True)
        (twins.local / NAME / ".sync.log").unlink()
        assert not twins.sync("diff", primary_only=True)["changed"]
        twins.change_far(add(MORE))
        self._refused(twins, "pull", HistoryMissing, "no events")
        twins.sync("pull", repair=True)

        assert twins.both()[0] == twins.both()[1]
        assert list((twins.local / NAME / ".usr.replaced").rglob("records.parquet"))

    def test_a_base_that_came_by_primary_only_is_brought_up_to_date(self, twins: Any) -> None:
        """The receipt tells that it is the remote's own, older one; one that was exchanged is not written over."""
        shutil.rmtree(twins.local / NAME)
        twins.sync("pull", primary_only=True)
        base = twins.local / NAME / "records.parquet"
        twins.change_far(add(MORE))
        right = base.read_bytes()
        base.write_bytes(right[:-20] + b"X" + right[-19:])
        self._refused(twins, "pull", HistoryMissing, "no events")
        base.write_bytes(right)
        twins.sync("pull")

        assert twins.both()[0] == twins.both()[1]
        assert 7 == len(twins.here().to_arrow())

    def test_a_copy_that_came_by_primary_only_can_be_read_and_nothing_else(self, twins: Any) -> None:
        """Changes and pushes are refused and name the remote; a whole pull ends that."""
        twins.change_far(add(MORE))
        twins.sync("pull", primary_only=True)
        assert 7 == len(twins.here().to_arrow())
        before = tree_digest(twins.local)
        with pytest.raises(CopyIncomplete) as caught:
            twins.here().add_sequences([{"sequence": OTHER}])
        assert ("far", 1) == (caught.value.remote, caught.value.events)
        assert before == tree_digest(twins.local)
        with pytest.raises(CopyIncomplete) as caught:
            twins.here().adopt()
        assert "move .sync.log away" in caught.value.hint
        assert before == tree_digest(twins.local)
        self._refused(twins, "push", CopyIncomplete, "far")
        report = twins.here().validate(strict=True)
        assert (True, ["USR-EVENT-004"]) == (report.ok, [finding.code for finding in report.findings])

        twins.sync("pull")
        twins.here().add_sequences([{"sequence": OTHER}])
        twins.sync("push")

        assert twins.both()[0] == twins.both()[1]

    def test_primary_only_of_an_equal_history_takes_nothing_away(self, twins: Any) -> None:
        """A base that was repaired so belongs to the log that is here."""
        base = twins.local / NAME / "records.parquet"
        base.unlink()
        twins.sync("pull", primary_only=True)

        assert 1 == twins.here().add_sequences([{"sequence": OTHER}]).added

    def test_skip_snapshots_leaves_them_out(self, filled: Any) -> None:
        """Neither compared nor sent."""
        filled.sync("push", skip_snapshots=True)

        assert not [name for name in filled.there() if name.startswith("_snapshots/")]
        assert not filled.sync("diff", skip_snapshots=True)["changed"]
        assert filled.sync("diff")["changed"]

    def test_history_goes_along_when_asked(self, twins: Any) -> None:
        """Left out it is no difference; asked for, it arrives as it is, and a second time nothing moves."""
        put(".history/9/records.parquet", "what a change replaced")(twins.local)
        assert "NO-OP" == twins.sync("push")["transfer_state"]

        assert "TRANSFERRED" == twins.sync("push", history=True)["transfer_state"]

        assert ".history/9/records.parquet" in twins.there()
        assert "NO-OP" == twins.sync("pull", history=True)["transfer_state"]

    @pytest.mark.parametrize("action", ["diff", "pull", "push"])
    def test_looking_changes_nothing(self, twins: Any, action: str) -> None:
        """`diff` and dry runs leave both sides as they were, whatever differs."""
        if action == "push":
            twins.here().add_sequences([{"sequence": MORE}])
        else:
            twins.change_far(add(MORE))
        here, there = tree_digest(twins.local), twins.there()
        audit = twins.sync(action, dry_run=action != "diff")

        assert audit["changed"]
        assert (here, there) == (tree_digest(twins.local), twins.there())

    # ------------------------------------------------------------- what is not there

    def test_a_remote_without_the_dataset(self, filled: Any) -> None:
        """A pull of what is not there says so and changes nothing."""
        self._refused(filled, "pull", NothingToSync, NAME)

    def test_a_push_without_the_dataset(self, pair: Any) -> None:
        """A push of what is not here says so."""
        with pytest.raises(UsrError) as caught:
            pair.sync("push")
        assert ExitCode.MISSING == caught.value.exit_code

    # ------------------------------------------------------------- single files

    def test_a_file_goes_there_and_back(self, pair: Any, tmp_path: Path) -> None:
        """It arrives whole under its own name, beside other files, and a second time nothing moves."""
        file = tmp_path / "data.bin"
        file.write_bytes(b"x" * 100_000)
        pair.change_far(lambda root: void((root / "runs").mkdir()) or put_file(root / "runs" / "other.txt", b"stays"))
        assert "TRANSFERRED" == pair.sync_file("push", file, "runs/data.bin")["transfer_state"]
        assert "NO-OP" == pair.sync_file("push", file, "runs/data.bin")["transfer_state"]
        assert {"data.bin", "other.txt"} == set(pair.there("runs"))

        back = tmp_path / "back" / "data.bin"
        assert "TRANSFERRED" == pair.sync_file("pull", back, "runs/data.bin")["transfer_state"]
        assert "NO-OP" == pair.sync_file("pull", back, "runs/data.bin")["transfer_state"]
        assert file.read_bytes() == back.read_bytes()
        assert ["data.bin"] == sorted(path.name for path in back.parent.iterdir())

    def test_a_changed_file_replaces_the_other(self, pair: Any, tmp_path: Path) -> None:
        """The source's content wins in both directions, at equal size too; its permissions here stay."""
        file = tmp_path / "data.bin"
        file.write_bytes(b"here")
        file.chmod(0o600)
        pair.change_far(lambda root: put_file(root / "data.bin", b"far!"))
        assert pair.sync_file("diff", file, "data.bin")["changed"]
        pair.sync_file("pull", file, "data.bin")
        assert (b"far!", 0o600) == (file.read_bytes(), file.stat().st_mode & 0o777)
        file.write_bytes(b"mine")
        pair.sync_file("push", file, "data.bin")
        assert not pair.sync_file("diff", file, "data.bin")["changed"]

    def test_a_file_that_is_nowhere(self, pair: Any, tmp_path: Path) -> None:
        """Neither side changes."""
        for action in ("diff", "pull", "push"):
            with pytest.raises(NothingToSync):
                pair.sync_file(action, tmp_path / "none.bin", "none.bin")

    def test_a_file_of_a_dataset_is_not_written(self, twins: Any, tmp_path: Path) -> None:
        """Its history decides what it holds; to read one is fine, and so is any other file in the folder."""
        base = twins.local / NAME / "records.parquet"
        for name in ("records.parquet", "_derived/mock/x.parquet", ".events.log", ".usr.lock"):
            with pytest.raises(FileOfDataset):
                twins.sync_file("push", base, f"{NAME}/{name}")
        with pytest.raises(FileOfDataset):
            twins.sync_file("pull", base, f"{NAME}/records.parquet")
        assert (
            "TRANSFERRED"
            == twins.sync_file("pull", tmp_path / "copy.parquet", f"{NAME}/records.parquet")["transfer_state"]
        )
        assert "TRANSFERRED" == twins.sync_file("push", base, f"{NAME}/notes/base.parquet")["transfer_state"]

    def test_a_file_called_records_parquet_is_moved_where_there_is_no_dataset(self, pair: Any, tmp_path: Path) -> None:
        """A folder of some other program's Parquet files is not a dataset, on either side."""
        for place in ("run1", "run2"):
            (tmp_path / place).mkdir()
            pq.write_table(pa.table({"x": [place]}), tmp_path / place / "records.parquet")
        one, two = tmp_path / "run1" / "records.parquet", tmp_path / "run2" / "records.parquet"
        pair.change_far(lambda root: void((root / "run42").mkdir()))

        for action, path in (("push", one), ("push", two), ("pull", one)):
            assert "TRANSFERRED" == pair.sync_file(action, path, "run42/records.parquet")["transfer_state"]

        assert one.read_bytes() == two.read_bytes()

    def test_a_diff_beside_a_half_done_change_says_so(self, twins: Any) -> None:
        """It may not finish it; exit 5, as for a lock."""
        twins.change_far(lambda root: leave_half_done(root / NAME, MORE))
        with pytest.raises(ChangeUnderWay):
            twins.sync("diff")

    def test_a_link_is_no_file(self, pair: Any, tmp_path: Path) -> None:
        """In file mode it is not followed."""
        (tmp_path / "link").symlink_to("/etc/passwd")
        with pytest.raises(NothingToSync):
            pair.sync_file("push", tmp_path / "link", "link")

    @pytest.mark.parametrize("name", [EVENT_LOG, RECORDS])
    @pytest.mark.parametrize("action", ["pull", "push"])
    def test_a_link_in_place_of_the_log_or_the_base_there_is_refused(self, filled: Any, name: str, action: str) -> None:
        """By its name, on a first pull as later: records without their history would arrive otherwise."""
        filled.sync("push")
        filled.link_far(f"{NAME}/{name}", "elsewhere")
        if action == "pull":
            shutil.rmtree(filled.local / NAME)

        error = self._refused(filled, action, FileNotRegular, name)
        assert "again" not in (error.hint or "")

    def test_a_push_does_not_write_over_a_link_there(self, twins: Any) -> None:
        """Nor through one that stands in place of a folder; what it leads to stays."""
        put("notes/a.txt", "new")(twins.local)
        twins.link_far(f"{NAME}/notes", "elsewhere")

        self._refused(twins, "push", FileNotRegular, "notes")

    @pytest.mark.parametrize("action", ["diff", "pull", "push"])
    def test_a_commit_record_there_that_can_not_be_read_is_named(self, twins: Any, action: str) -> None:
        """With the side and the path; nothing says that it goes away by itself."""
        add("GGGGTTTT")(twins.local)
        twins.change_far(put(".usr.commit.9.json", '{"usr_commit": 7}'))

        error = self._refused(twins, action, RemoteRecordUnreadable, f"{NAME}/.usr.commit.9.json")
        assert "remote" in error.message
        assert "again" not in (error.hint or "")

    # ------------------------------------------------------------- writers that died

    def test_a_change_that_a_dead_writer_left_there_is_finished(self, twins: Any) -> None:
        """A live record on the remote side is applied before anything is compared."""
        twins.change_far(lambda root: leave_half_done(root / NAME, MORE))
        twins.sync("pull")
        here, there = twins.both()

        assert here == there
        assert 7 == len(twins.here().to_arrow())
        assert not [name for name in twins.there() if name.startswith((".usr.commit", ".usr.tmp/"))]

    def test_a_change_that_was_being_taken_back_there_is_taken_back(self, twins: Any) -> None:
        """An abort file on the remote side is undone to the end."""
        _, before = twins.both()
        twins.change_far(lambda root: leave_half_done(root / NAME, MORE, abort=True))
        assert "NO-OP" == twins.sync("push")["transfer_state"]

        assert before == twins.both()[1]
        assert not [name for name in twins.there() if name.startswith((".usr.abort", ".usr.tmp/"))]

    def test_a_lock_held_there_is_waited_for(self, twins: Any) -> None:
        """While another writer has it, nothing moves; after the wait comes exit 5."""
        twins.change_far(add(MORE))
        with self.held_lock(twins), pytest.raises(RemoteLocked) as caught:
            twins.sync("pull", lock_timeout=1.0)
        assert ExitCode.LOCKED == caught.value.exit_code
        assert 6 == len(twins.here().to_arrow())

    def held_lock(self, pair: Any) -> Any:
        """Hold the far dataset's lock as a stranger, so long that a transfer gives up."""
        raise NotImplementedError

    # ------------------------------------------------------------- strategies

    def without_digests(self, pair: Any) -> None:
        """Take every SHA-256 program from the remote side."""
        raise NotImplementedError

    def test_hash_without_digests_is_an_error(self, twins: Any) -> None:
        """Never a silent step down: exit 7."""
        self.without_digests(twins)
        error = self._refused(twins, "pull", VerifyImpossible, "sha256")
        assert ExitCode.REMOTE == error.exit_code

    def test_auto_steps_down_and_says_so(self, twins: Any) -> None:
        """The strongest that works is used; the audit and a warning name every step."""
        twins.change_far(add(MORE))
        self.without_digests(twins)
        audit = twins.sync("pull", verify="auto")

        assert audit["verify"]["used"] in ("parquet", "size")
        assert "off" == audit["verify"]["content_hashes"]
        assert audit["verify"]["downgrades"]
        assert set(audit["verify"]["downgrades"]) <= set(twins.warnings)
        assert 7 == len(twins.here().to_arrow())

    def test_derived_hashes_asked_for_by_name_are_never_dropped(self, twins: Any) -> None:
        """Not even by auto."""
        self.without_digests(twins)
        with pytest.raises(VerifyImpossible):
            twins.sync("pull", verify="auto", verify_derived_hashes=True)

    # ------------------------------------------------------------- inside

    def _refused(self, pair: Any, action: str, kind: type[UsrError], named: str) -> UsrError:
        here, there = tree_digest(pair.local), pair.there()
        with pytest.raises(kind) as caught:
            pair.sync(action)
        assert named in f"{caught.value.message} {caught.value.facts}"
        assert here == {name: one for name, one in tree_digest(pair.local).items() if name != f"{NAME}/.usr.lock"}
        assert there == {name: one for name, one in pair.there().items() if name != ".usr.lock"}
        return caught.value

    def _whole(self, folder: Path) -> None:
        assert [] == verify_chain(folder / ".events.log")
        report = Dataset.open(folder.parents[1], NAME).validate(registry_mode="frozen")
        assert [] == [finding for finding in report.findings if finding.severity == "error"]


def leave_half_done(folder: Path, sequence: str, *, abort: bool = False) -> None:
    """Leave what a writer leaves that dies right after its commit point, or while it takes a change back."""
    import subprocess
    import sys

    program = (
        "import os, sys\n"
        "from usr_core.commit import transaction\n"
        "from usr_core.dataset import Dataset\n"
        "from pathlib import Path\n"
        "folder, sequence, abort = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == 'abort'\n"
        "def die(self, step):\n"
        "    if step is transaction.Step.LINKED: os._exit(9)\n"
        "transaction.Transaction._reached = die\n"
        "dataset = Dataset.open(folder.parents[1], folder.parent.name + '/' + folder.name)\n"
        "dataset.add_sequences([{'sequence': sequence}])\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", program, str(folder), sequence, "abort" if abort else "no"], check=False, timeout=120
    )
    assert 9 == died.returncode
    if abort:
        for record in folder.glob(".usr.commit.*.json"):
            record.rename(record.with_name(record.name.replace("commit", "abort")))
