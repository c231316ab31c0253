"""What history keeps (`_history`) in transfers: left out unless asked for, never deleted, verified when it travels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.small_datasets import make_dataset
from support.sync_pairs import NAME, MemoryPair
from usr_core.sync.errors import TransferDamaged
from usr_core.testing.memory_transport import MemoryRemote

HERE, THERE = "_history/2/records.parquet", "_history/3/_derived/mock/part-1.parquet"


def put_kept(root: Path, name: str, content: bytes = b"kept") -> None:
    """Write what history keeps by hand; what it says does not matter for a transfer."""
    path = root / NAME / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def kept(files: dict[str, str]) -> list[str]:
    """Return the names of what history keeps."""
    return sorted(name for name, digest in files.items() if name.startswith("_history/") and digest != "folder")


@pytest.fixture
def pair(tmp_path: Path) -> MemoryPair:
    """A dataset on both sides, each of which keeps another file."""
    remote = MemoryRemote()
    pair = MemoryPair(local=tmp_path / "here", base_dir=remote.root, remote=remote)
    make_dataset(pair.local)
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
            audit["_history"]["local_files"],
            audit["_history"]["remote_files"],
            audit["_history"]["local_only"],
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
            audit["_history"]["local_only"],
            audit["_history"]["remote_only"],
        )
        here, there = kept(content_here(pair)), kept(pair.there())
        assert ([THERE], [HERE, THERE]) == ((there, here) if action == "pull" else ([THERE], there))
        assert "NO-OP" == pair.sync(action, history=True)["transfer_state"]

    def test_what_a_copy_notes_of_itself_stays_there(self, pair: MemoryPair) -> None:
        """Only the files of versions travel."""
        put_kept(pair.local, "_history/base.json")

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
