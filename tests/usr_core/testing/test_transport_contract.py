"""The contract notices transports that do not keep it: each defect here makes the test that is about it fail."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from usr_core.plugin.far_commit import FarCommit
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.plugin.transports import (
    CommitRequest,
    DigestRequest,
    FetchRequest,
    LockRequest,
    PlaceRequest,
    RemoteEntry,
    RemoveRequest,
    SendRequest,
    Traffic,
)
from usr_core.testing.memory_transport import MemoryRemote, MemoryTransport
from usr_core.testing.transport_contract import TransportContract


class SizeAsMark(MemoryTransport):
    def stat(self, path: str) -> RemoteEntry | None:
        entry = super().stat(path)
        return entry and replace(entry, mark=str(entry.size_bytes))


class FolderByFolder(MemoryTransport):
    def walk(self, path: str) -> Iterator[RemoteEntry]:
        return iter(sorted(super().walk(path), key=lambda entry: entry.path.split("/")))


class OldDigests(MemoryTransport):
    seen: dict[str, Mapping[str, str | int]] = {}  # noqa: RUF012 - shared is the defect

    def digest(self, request: DigestRequest) -> Mapping[str, Mapping[str, str | int]]:
        return {name: self.seen.setdefault(name, facts) for name, facts in super().digest(request).items()}


class DigestsOfNothing(MemoryTransport):
    def digest(self, request: DigestRequest) -> Mapping[str, Mapping[str, str | int]]:
        missing = {name: {"sha256": hashlib.sha256(b"").hexdigest()} for name in request.files}
        return {**missing, **super().digest(request)}


class LeavesOutWhatHasGone(MemoryTransport):
    def fetch(self, request: FetchRequest) -> None:
        there = tuple(name for name in request.files if self._remote.exists(f"{request.folder}/{name}"))
        super().fetch(replace(request, files=there))


class TrustsSizes(MemoryTransport):
    def fetch(self, request: FetchRequest) -> None:
        for name in request.files:
            basis = request.into / name
            entry = self._remote.entry(f"{request.folder}/{name}")
            if entry and basis.is_file() and basis.stat().st_size == entry.size_bytes:
                return
        super().fetch(request)

    def send(self, request: SendRequest) -> None:
        for name in request.files:
            for place in (request.into, request.basis):
                entry = self._remote.entry(f"{place}/{name}")
                if entry and (request.source / name).stat().st_size == entry.size_bytes:
                    self._remote.write(f"{request.into}/{name}", self._remote.read(f"{place}/{name}"))
                    return
        super().send(request)


class LeavesItsListAround(MemoryTransport):
    def fetch(self, request: FetchRequest) -> None:
        (request.into / ".list").write_text("\n".join(request.files))
        super().fetch(request)

    def send(self, request: SendRequest) -> None:
        self._remote.write(f"{request.into}.list", b"")
        super().send(request)


class SwallowsTheCut(MemoryTransport):
    def fetch(self, request: FetchRequest) -> None:
        with contextlib.suppress(ConnectionError):
            super().fetch(request)


class CountsNothing(MemoryTransport):
    def traffic(self) -> Traffic:
        return Traffic()


class LocksForItselfOnly(MemoryTransport):
    def lock(self, request: LockRequest) -> AbstractContextManager[bool]:
        return super().lock(replace(request, folder=request.folder + "/.itself", create=True))


class GivesUpAtOnce(MemoryTransport):
    def lock(self, request: LockRequest) -> AbstractContextManager[bool]:
        return super().lock(replace(request, timeout=0))


class ChecksNothing(MemoryTransport):
    def commit(self, request: CommitRequest) -> None:
        Unchecked(self._files, request, lambda _: None).run()


class Unchecked(FarCommit):
    def _check(self) -> None:
        pass


class ForgetsRetired(MemoryTransport):
    def commit(self, request: CommitRequest) -> None:
        Forgetful(self._files, request, lambda _: None).run()


class Forgetful(FarCommit):
    def _was_published(self, publish: object) -> bool:
        return True


class FinishesOverOthers(MemoryTransport):
    def commit(self, request: CommitRequest) -> None:
        if request.action == "finish":
            log = f"{request.folder}/.events.log"
            self._remote.write(log, self._remote.read(log)[: request.offset])
        super().commit(request)


class MovesIntoFolders(MemoryTransport):
    def place(self, request: PlaceRequest) -> None:
        entry = self._remote.entry(request.final)
        final = f"{request.final}/moved" if entry and entry.kind == "folder" else request.final
        super().place(replace(request, final=final))


class RemovesAnything(MemoryTransport):
    def remove_staging(self, request: RemoveRequest) -> None:
        self._remote.remove(f"{request.folder}/.usr.tmp")


DEFECTS: list[tuple[Callable[[MemoryRemote], MemoryTransport], str, dict[str, object]]] = [
    (SizeAsMark, "test_the_mark_changes_with_the_content_at_equal_size", {}),
    (FolderByFolder, "test_walk_yields_everything_sorted_by_path", {}),
    (OldDigests, "test_a_digest_sees_one_flipped_byte", {}),
    (DigestsOfNothing, "test_digests_are_right_and_missing_files_left_out", {}),
    (LeavesOutWhatHasGone, "test_fetching_what_has_gone_is_remote_changed", {"gone": "file"}),
    (TrustsSizes, "test_fetch_overwrites_what_an_earlier_try_left", {}),
    (TrustsSizes, "test_send_overwrites_what_an_earlier_try_left", {}),
    (TrustsSizes, "test_send_does_not_trust_a_basis_of_equal_size_and_time", {}),
    (LeavesItsListAround, "test_fetch_copies_the_named_files", {}),
    (LeavesItsListAround, "test_send_copies_the_named_files", {}),
    (LeavesItsListAround, "test_an_interrupted_send_is_completed_by_the_next", {}),
    (SwallowsTheCut, "test_an_interrupted_fetch_is_completed_by_the_next", {}),
    (CountsNothing, "test_traffic_counts_both_directions", {}),
    (LocksForItselfOnly, "test_our_lock_keeps_others_out", {}),
    (LocksForItselfOnly, "test_a_lock_that_another_holds_is_waited_for", {}),
    (GivesUpAtOnce, "test_a_lock_that_another_holds_is_waited_for", {}),
    (
        ChecksNothing,
        "test_what_was_not_there_fails_before_anything_changed",
        {"name": "_derived/n'e w/part *$(x).parquet", "content": b"x"},
    ),
    (ChecksNothing, "test_what_is_missing_fails_before_anything_changed", {"missing": "_derived/few/part-1.parquet"}),
    (ForgetsRetired, "test_an_undo_that_was_begun_goes_on", {"undone": 5}),
    (FinishesOverOthers, "test_finish_is_refused_where_the_log_moved_on", {}),
    (MovesIntoFolders, "test_place_does_not_move_into_a_folder", {}),
    (RemovesAnything, "test_remove_staging_removes_one_staging_folder", {}),
    (RemovesAnything, "test_remove_staging_refuses_names_that_lead_out", {"name": ".."}),
]


@pytest.mark.parametrize(
    ("transport", "test", "arguments"),
    DEFECTS,
    ids=lambda value: getattr(value, "__name__", "" if value == {} else None),
)
def test_a_defect_fails_the_test_that_is_about_it(
    tmp_path: Path, transport: Callable[[MemoryRemote], MemoryTransport], test: str, arguments: dict[str, object]
):
    """And the same test passes without the defect."""
    (tmp_path / "sound").mkdir()
    (tmp_path / "broken").mkdir()
    run(test, MemoryRemote(), tmp_path / "sound", arguments)
    broken = MemoryRemote()
    broken.transport = transport(broken)

    # A test fails by an assertion, by an error that it waits for in vain, or by one that it does not expect.
    with pytest.raises((AssertionError, pytest.fail.Exception, RemoteChanged, RuntimeError)):
        run(test, broken, tmp_path / "broken", arguments)


def run(test: str, remote: MemoryRemote, place: Path, arguments: Mapping[str, object]) -> None:
    """Call one test of the contract as pytest would."""
    method = getattr(TransportContract(), test)
    fixtures = {"tmp_path": place} if "tmp_path" in inspect.signature(method).parameters else {}
    method(remote=remote, **fixtures, **arguments)
