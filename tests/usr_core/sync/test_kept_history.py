"""What history keeps (`.history`) in transfers: left out unless asked for, never deleted, verified when it travels."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from support.small_datasets import IDS, SEQUENCES
from support.sync_contract import add, void
from support.sync_pairs import NAME, MemoryPair
from usr_core.commit.file_tree import FileTree
from usr_core.dataset import Dataset
from usr_core.registry.store import register_namespace
from usr_core.store.history.files import History
from usr_core.store.history.keeping import NOT_KEPT, SETTING, Setting
from usr_core.store.history.restoring import write_base_at
from usr_core.sync.errors import TransferDamaged
from usr_core.sync.kept_history import setting_after
from usr_core.testing.memory_transport import MemoryRemote


def keeps(since: int, *versions: int) -> Setting:
    """Return what a copy says that keeps history."""
    return Setting(keep=True, since=since, versions=versions)


HERE, THERE = ".history/2/records.parquet", ".history/3/_derived/mock/part-1.parquet"


def put_kept(root: Path, name: str, content: bytes = b"kept") -> None:
    """Write what history keeps by hand; what it says does not matter for a transfer."""
    path = root / NAME / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def make_plain(root: Path) -> None:
    """Make a dataset of a few records that keeps no history."""
    root.mkdir(parents=True)
    register_namespace(root, "mock", [("mock__score", "float64")])
    dataset = Dataset.open(root, NAME).init(history="none")
    dataset.add_sequences([{"sequence": sequence} for sequence in SEQUENCES])


def kept(files: dict[str, str]) -> list[str]:
    """Return the names of what history keeps."""
    return sorted(name for name, digest in files.items() if name.startswith(".history/") and digest != "folder")


@pytest.fixture
def pair(tmp_path: Path) -> MemoryPair:
    """A dataset on both sides, each of which keeps another file."""
    remote = MemoryRemote()
    pair = MemoryPair(local=tmp_path / "here", base_dir=remote.root, remote=remote)
    make_plain(pair.local)
    pair.sync("push")
    put_kept(pair.local, HERE)
    pair.change_far(lambda root: put_kept(root, THERE))
    return pair


class TestLeftOut:
    """Without `history`."""

    def test_it_is_no_difference(self, pair: MemoryPair) -> None:
        """`diff` says that the copies are alike, and how many files each side keeps."""
        audit = pair.sync("diff")

        assert (False, False) == (audit["changed"], audit["history"])
        assert (1, 1, []) == (
            audit[".history"]["local_files"],
            audit[".history"]["remote_files"],
            audit[".history"]["local_only"],
        )
        assert 0 == audit["_auxiliary"]["local_files"] - audit["_auxiliary"]["remote_files"]

    @pytest.mark.parametrize("action", ["pull", "push"])
    def test_it_neither_travels_nor_goes(self, pair: MemoryPair, action: str) -> None:
        """A transfer of new events leaves what each side keeps where it is."""
        if action == "push":
            pair.here().add_sequences([{"sequence": "AAAACCCCGG"}])
        else:
            pair.change_far(lambda root: put_kept(root, "notes/read me.txt"))

        assert "TRANSFERRED" == pair.sync(action)["transfer_state"]

        assert HERE in kept(content_here(pair)) and THERE not in kept(content_here(pair))
        assert [THERE] == kept(pair.there())

    def test_what_is_odd_there_does_not_matter(self, pair: MemoryPair) -> None:
        """Two copies with one history are not called damaged for what they keep, whatever it is."""
        put_kept(pair.local, THERE, b"something else")

        assert "NO-OP" == pair.sync("push")["transfer_state"]


class TestVersions:
    """The version of the side that takes, before and after."""

    def test_a_receipt_names_them(self, pair: MemoryPair) -> None:
        """The numbers of the last events; a first transfer begins at 0, and one without events changes none."""
        pair.here().add_sequences([{"sequence": "AAAACCCCGG"}])
        pair.sync("push")
        put_kept(pair.local, "notes/read me.txt")
        pair.sync("push")
        pair.sync("push", primary_only=True)

        receipts = [json.loads(line) for line in (pair.local / NAME / ".sync.log").read_text().splitlines()]

        assert [(0, 2), (2, 3), (3, 3)] == [(one["versions"]["before"], one["versions"]["after"]) for one in receipts]

    def test_a_dry_run_says_what_would_be(self, pair: MemoryPair) -> None:
        """And `diff`, which changes neither copy, has none."""
        pair.here().add_sequences([{"sequence": "AAAACCCCGG"}])

        assert {"before": 2, "after": 3} == pair.sync("push", dry_run=True)["versions"]
        assert "versions" not in pair.sync("diff")


class TestTakenAlong:
    """With `history`."""

    @pytest.mark.parametrize("action", ["pull", "push"])
    def test_the_side_that_takes_gets_what_it_lacks(self, pair: MemoryPair, action: str) -> None:
        """And keeps what it has itself; a second transfer moves nothing."""
        audit = pair.sync(action, history=True)

        assert ("TRANSFERRED", [HERE], [THERE]) == (
            audit["transfer_state"],
            audit[".history"]["local_only"],
            audit[".history"]["remote_only"],
        )
        here, there = kept(content_here(pair)), kept(pair.there())
        assert ([THERE], [HERE, THERE]) == ((there, here) if action == "pull" else ([THERE], there))
        assert "NO-OP" == pair.sync(action, history=True)["transfer_state"]

    def test_what_a_copy_notes_of_itself_stays_there(self, pair: MemoryPair) -> None:
        """Only the files of versions travel."""
        put_kept(pair.local, ".history/base.json")

        pair.sync("push", history=True)

        assert [HERE, THERE] == kept(pair.there())

    def test_what_arrives_is_checked(self, pair: MemoryPair) -> None:
        """A byte that changes on the way is found, and nothing is kept of that transfer."""
        disk = pair.remote

        def flip(_call: object) -> None:
            for name in [one for one in disk.files(pair.base_dir) if ".usr.tmp/" in one and one.endswith(HERE)]:
                disk.write(f"{pair.base_dir}/{name}", b"kepT")

        disk.before = flip

        with pytest.raises(TransferDamaged) as caught:
            pair.sync("push", history=True)

        assert HERE in str(caught.value.facts)
        assert [THERE] == kept(pair.there())

    def test_a_damaged_one_is_found_by_a_repair(self, pair: MemoryPair) -> None:
        """What both keep under one name is of one size and not read, except for a repair."""
        put_kept(pair.local, THERE, b"KEPT")
        assert "NO-OP" == pair.sync("pull", history=True)["transfer_state"]

        assert "TRANSFERRED" == pair.sync("pull", history=True, repair=True)["transfer_state"]

        assert b"kept" == (pair.local / NAME / THERE).read_bytes()


def content_here(pair: MemoryPair) -> dict[str, str]:
    """Return the names of the files here."""
    folder = pair.local / NAME
    return {path.relative_to(folder).as_posix(): "" for path in folder.rglob("*") if path.is_file()}


class TestSetting:
    """What a copy says after a transfer about what can be seen of its past."""

    @pytest.mark.parametrize(
        ("giver", "taker", "versions", "taken_along", "kept", "expected"),
        [
            pytest.param(keeps(2), None, (0, 9), False, True, keeps(9), id="a first transfer begins to keep"),
            pytest.param(keeps(2), None, (0, 9), True, True, keeps(2), id="a first transfer of everything"),
            pytest.param(keeps(6, 2, 4), None, (0, 9), True, True, keeps(6, 2, 4), id="single versions go along"),
            pytest.param(NOT_KEPT, None, (0, 9), True, True, None, id="nobody keeps anything"),
            pytest.param(NOT_KEPT, keeps(1), (4, 5), False, True, keeps(1), id="one event leaves no gap"),
            pytest.param(keeps(1), keeps(2), (4, 7), False, True, keeps(7, 2, 3, 4), id="several leave one"),
            pytest.param(keeps(1), keeps(3), (4, 7), True, True, keeps(1), id="which history fills"),
            pytest.param(keeps(6), keeps(3), (4, 7), True, True, keeps(6, 3, 4), id="as far as it goes"),
            pytest.param(keeps(1), keeps(2), (4, 7), False, False, keeps(7), id="a push keeps nothing there"),
            pytest.param(keeps(1), keeps(2), (4, 7), True, False, keeps(1), id="unless history goes along"),
            pytest.param(keeps(1), keeps(4), (4, 4), True, False, keeps(1), id="which may come later"),
            pytest.param(keeps(1), NOT_KEPT, (4, 7), False, True, NOT_KEPT, id="a copy decides for itself"),
        ],
    )
    def test_after_a_transfer(self, giver, taker, versions, taken_along, kept, expected) -> None:  # type: ignore[no-untyped-def]
        """Every version that it names can be shown, and none is forgotten that can be."""
        before, after = versions

        assert expected == setting_after(
            giver, taker, before=before, after=after, history=taken_along, kept=kept and taker is not None
        )

    def test_the_copy_there_says_so_too(self, pair: MemoryPair) -> None:
        """A push tells the remote since which version it has everything, with history and without."""
        put_kept(pair.local, SETTING, keeps(1).encode())
        pair.here().add_sequences([{"sequence": "AAAACCCCGG"}])

        def said() -> Setting:
            return Setting.decode(pair.remote.read(f"{pair.base_dir}/{NAME}/{SETTING}"))

        pair.sync("push")
        assert keeps(3) == said()
        pair.sync("push", history=True)
        assert keeps(1) == said()
        assert "NO-OP" == pair.sync("push", history=True)["transfer_state"]


class TestReplacedByAPull:
    """What a pull replaces here, where the copy here keeps history."""

    @pytest.fixture
    def twins(self, tmp_path: Path) -> MemoryPair:
        """Two copies with one deleted record, of which the one here keeps history; there, more happens."""
        remote = MemoryRemote()
        pair = MemoryPair(local=tmp_path / "here", base_dir=remote.root, remote=remote)
        make_plain(pair.local)
        pair.here().delete([IDS[0]])
        pair.sync("push")
        remote.write(f"{remote.root}/registry.yaml", (pair.local / "registry.yaml").read_bytes())
        put_kept(pair.local, ".history/setting.json", keeps(1).encode())
        return pair

    def test_it_is_kept_below_the_event_that_replaced_it(self, twins: MemoryPair) -> None:
        """The tombstones from before are found for every version up to the one that wrote them anew."""
        before = (twins.local / NAME / "_derived/usr.parquet").read_bytes()
        twins.change_far(lambda root: void(Dataset.open(root, NAME).record_event("model_health")))
        twins.change_far(lambda root: void(Dataset.open(root, NAME).delete([IDS[1]])))
        twins.change_far(lambda root: void(Dataset.open(root, NAME).delete([IDS[2]])))

        audit = twins.sync("pull")

        history = History(FileTree(twins.local / NAME))
        assert [] == audit["plan"]["put_aside"]
        assert {3: before, 4: before} == {
            seq: (history.file_at("_derived/usr.parquet", seq) or Path()).read_bytes() for seq in (3, 4)
        }
        assert keeps(6, 1, 2, 3) == history.setting

    def test_of_a_base_that_was_extended_the_end_is_kept(self, twins: MemoryPair, tmp_path: Path) -> None:
        """With it the base from before can be written again, byte for byte."""
        letters = random.Random(1)
        many = [{"sequence": "".join(letters.choices("ACGT", k=40))} for _ in range(2_000)]
        twins.here().add_sequences(many)
        twins.sync("push")
        base = twins.local / NAME / "records.parquet"
        before = base.read_bytes()
        for sequence in ("AAAACCCCGG", "AAAACCCCTT"):
            twins.change_far(lambda root, one=sequence: add(one)(root))

        twins.sync("pull")

        assert before != base.read_bytes()
        assert ".history/5/records.tail" in kept(content_here(twins))
        write_base_at(History(FileTree(twins.local / NAME)), 4, tmp_path / "then.parquet")
        assert before == (tmp_path / "then.parquet").read_bytes()

    def test_of_a_base_that_was_written_anew_all_is_kept(self, twins: MemoryPair, tmp_path: Path) -> None:
        """It is moved, not copied."""
        base = twins.local / NAME / "records.parquet"
        before, inode = base.read_bytes(), base.stat().st_ino

        def drop(root: Path) -> None:
            dataset = Dataset.open(root, NAME)
            with dataset.maintenance(reason="test"):
                dataset.materialize(drop_deleted=True)

        twins.change_far(drop)

        twins.sync("pull")

        old = twins.local / NAME / ".history/4/records.parquet"
        assert (before, inode) == (old.read_bytes(), old.stat().st_ino)

    def test_what_came_along_is_not_kept_twice(self, twins: MemoryPair) -> None:
        """With `history` the file of the other copy stands where the one here would."""
        twins.change_far(lambda root: void(Dataset.open(root, NAME).delete([IDS[1]])))
        twins.change_far(lambda root: put_kept(root, ".history/4/_derived/usr.parquet", b"there"))

        twins.sync("pull", history=True)

        assert b"there" == (twins.local / NAME / ".history/4/_derived/usr.parquet").read_bytes()

    def test_a_copy_that_keeps_nothing(self, twins: MemoryPair) -> None:
        """Replaces files as ever, and says nothing of its past."""
        put_kept(twins.local, ".history/setting.json", NOT_KEPT.encode())
        twins.change_far(lambda root: void(Dataset.open(root, NAME).delete([IDS[1]])))

        twins.sync("pull")

        assert [".history/setting.json"] == kept(content_here(twins))
