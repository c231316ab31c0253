"""How often the remote side is waited for, and how much comes from it: counted, not timed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from support.small_datasets import make_dataset
from support.sshd import LoopbackSshd, SshFarSide
from support.sync_pairs import NAME, FolderPair
from usr_core.plugin.transports import ABILITY_SHA256, DigestRequest, LockRequest
from usr_rsync import transport as transport_module
from usr_rsync.session import AgentSession
from usr_rsync.transport import RsyncTransport

MANY = 300


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[AgentSession]:
    """Every session that is opened, in order."""
    opened: list[AgentSession] = []

    class Counted(AgentSession):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            opened.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(transport_module, "AgentSession", Counted)
    return opened


@pytest.fixture
def pair(sshd: LoopbackSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderPair:
    """Two roots; the one here has a dataset with many small notes, and the one there has nothing."""
    monkeypatch.setenv("PATH", sshd.path)
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    make_dataset(tmp_path / "here", NAME)
    notes = tmp_path / "here" / NAME / "notes"
    notes.mkdir()
    for number in range(MANY):
        (notes / f"note-{number:04}.txt").write_text(f"note {number:04}\n")
    return FolderPair(
        local=tmp_path / "here", base_dir=str(tmp_path / "there"), connect=lambda: RsyncTransport(sshd.settings)
    )


class TestTurns:
    def test_a_pull_with_nothing_to_do_waits_six_times(self, pair: FolderPair, sessions: list[AgentSession]) -> None:
        """The start with a first request, the folder, the lock with a look, the unlock, the log, the digests."""
        pair.sync("push")
        sessions.clear()

        audit = pair.sync("pull")

        assert (audit["transfer_state"], len(sessions)) == ("NO-OP", 1)
        # The script and the request that is sent with it are one turn.
        assert sessions[0].turns <= 6

    def test_the_script_is_sent_once_and_small(self, pair: FolderPair, sessions: list[AgentSession]) -> None:
        """A push of much, and one session for it; what is sent beside files is names and a packed script."""
        pair.sync("push")

        assert len(sessions) == 1
        assert sessions[0].script_bytes < 12_000


class TestBytes:
    def test_files_that_are_alike_cost_a_few_bytes_each(self, pair: FolderPair) -> None:
        """A push of one event: one packed listing, and neither a digest for each file nor a second listing."""
        pair.sync("push")
        pair.here().record_event("test_beat")

        audit = pair.sync("push")

        assert audit["transfer_state"] == "TRANSFERRED"
        assert audit["bytes"]["received"] < 50 * MANY

    def test_a_note_of_one_size_that_differs_is_found_among_many(self, pair: FolderPair) -> None:
        """Where the digest of all is another one, each is asked for."""
        pair.sync("push")
        (Path(pair.base_dir) / NAME / "notes" / "note-0007.txt").write_text("NOTE 0007\n")

        audit = pair.sync("diff")

        assert audit["_auxiliary"]["differing"] == ["notes/note-0007.txt"]


class TestWalk:
    def test_what_was_seen_is_not_sent_again(self, far_side: SshFarSide) -> None:
        """The same entries, and an answer of one line."""
        for number in range(MANY):
            far_side.write(f"{far_side.root}/ns/file-{number}", b"x")
        first = list(far_side.transport.walk(f"{far_side.root}/ns"))
        before = far_side.transport.traffic().received

        again = list(far_side.transport.walk(f"{far_side.root}/ns"))

        assert again == first
        assert len(again) == MANY
        assert far_side.transport.traffic().received - before < 200

    def test_what_has_changed_is_seen(self, far_side: SshFarSide) -> None:
        """A file of one name and size that was written again, under the lock that looked ahead too."""
        folder = f"{far_side.root}/ns"
        far_side.write(f"{folder}/file", b"one")
        before = list(far_side.transport.walk(folder))
        far_side.write(f"{folder}/file", b"two")
        os.utime(f"{folder}/file", ns=(1, 1))

        with far_side.transport.lock(LockRequest(folder=folder, timeout=5, label="look")):
            far_side.write(f"{folder}/other", b"three")
            under_lock = {entry.path for entry in far_side.transport.walk(folder)}
            after = list(far_side.transport.walk(folder))

        assert {entry.mark for entry in before} - {entry.mark for entry in after if entry.path == "file"}
        assert {"file", "other"} <= under_lock | {entry.path for entry in after}


class TestExpected:
    def test_wrong_expectations_do_not_become_answers(self, far_side: SshFarSide) -> None:
        """What is expected is only compared with."""
        names = tuple(f"file-{number}" for number in range(MANY))
        for name in names:
            far_side.write(f"{far_side.root}/{name}", name.encode())
        list(far_side.transport.walk(far_side.root))
        request = DigestRequest(folder=far_side.root, files=names, expected=lambda: dict.fromkeys(names, "0" * 64))

        told = far_side.transport.digest(request)
        plain = far_side.transport.digest(DigestRequest(folder=far_side.root, files=names))

        assert told == plain
        assert len({str(facts[ABILITY_SHA256]) for facts in told.values()}) == MANY

    def test_a_host_without_gzip_gets_the_script_as_it_is(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path
    ) -> None:
        """And its listings come as they are."""
        far_side.write(f"{far_side.root}/file", b"x")
        programs = ("sh", "dd", "tr", "find", "cat", "cut", "grep", "head", "tail", "sha256sum")
        sshd.limit_path(tmp_path / "bin", programs)

        assert [entry.path for entry in far_side.transport.walk(far_side.root)] == ["file"]
