"""A folder that is not there, not writable, full, not ours, linked, or on a file system that lacks something."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.small_datasets import make_dataset
from support.sync_pairs import NAME, FolderPair
from support.tree import tree_digest
from usr_core.api.transports import (
    DigestRequest,
    FetchRequest,
    PlaceRequest,
    ReadRequest,
    RemoteNameRefused,
    RemoteRefused,
    RemoteUnreachable,
    SendRequest,
)
from usr_core.errors import ExitCode, UsrError
from usr_folder.errors import FolderLacksLinks, FolderLacksLocks, FolderMissing
from usr_folder.transport import FolderTransport


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with one dataset."""
    place = tmp_path_factory.mktemp("folder-root")
    make_dataset(place)
    return place


@pytest.fixture
def pair(root: Path, tmp_path: Path) -> FolderPair:
    """That root here, and an empty folder there."""
    shutil.copytree(root, tmp_path / "here")
    (tmp_path / "there").mkdir()
    base = str(tmp_path / "there")
    return FolderPair(
        local=tmp_path / "here", base_dir=base, connect=lambda: FolderTransport({"base_dir": base, "name": "disk"})
    )


def refused(pair: FolderPair, action: str = "push") -> UsrError:
    """Return the error of a transfer, after which nothing has changed on either side."""
    before = tree_digest(pair.local), tree_digest(Path(pair.base_dir))
    with pytest.raises(UsrError) as caught:
        pair.sync(action)
    shutil.rmtree(pair.local / NAME / ".usr.tmp", ignore_errors=True)  # what was linked aside for the next try
    left = {name: one for name, one in tree_digest(Path(pair.base_dir)).items() if ".usr." not in name}
    assert before[0] == tree_digest(pair.local)
    assert {name for name, one in left.items() if one != "folder"} <= set(before[1])
    return caught.value


class TestMissing:
    @pytest.mark.parametrize("action", ["diff", "pull", "push"])
    def test_a_share_that_is_not_mounted_is_said(self, pair: FolderPair, action: str):
        """By every command, with the exit code of a remote that can't be reached; the folder is not made."""
        Path(pair.base_dir).rmdir()
        with pytest.raises(FolderMissing, match="may not be mounted") as caught:
            pair.sync(action)

        assert ExitCode.REMOTE == caught.value.exit_code
        assert not Path(pair.base_dir).exists()

    @pytest.mark.parametrize("what", ["a file", "a dangling link"])
    def test_what_is_no_folder_is_said(self, pair: FolderPair, what: str):
        """A file, or a link that leads nowhere, in place of the base folder."""
        place = Path(pair.base_dir)
        place.rmdir()
        place.write_text("") if what == "a file" else place.symlink_to("nowhere")
        with pytest.raises(FolderMissing) as caught:
            pair.sync("push")

        assert ("not a folder" if what == "a file" else "leads nowhere") in caught.value.hint

    def test_a_base_that_is_a_link_to_a_folder_works(self, pair: FolderPair, tmp_path: Path):
        """The user chose it: many mounts are reached by a link."""
        (tmp_path / "mounted").symlink_to(pair.base_dir)
        base = str(tmp_path / "mounted")
        pair.base_dir, pair.connect = base, lambda: FolderTransport({"base_dir": base})

        assert "TRANSFERRED" == pair.sync("push")["transfer_state"]

    def test_a_share_that_goes_away_in_the_middle_is_said(self, pair: FolderPair):
        """A later look does not take it for an empty folder."""
        transport = pair.transport()
        assert transport.stat(pair.base_dir) is not None
        Path(pair.base_dir).rmdir()

        with pytest.raises(FolderMissing):
            transport.stat(f"{pair.base_dir}/{NAME}")


def failing(monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    """Let a system call that the folder's files make fail, as it does on another file system."""

    real = getattr(os, call)

    def fail(*given: Any, **more: Any) -> Any:
        if call == "mkdir" and "dir_fd" not in more:  # a folder on this side
            return real(*given, **more)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)


class TestFileSystem:
    def test_a_read_only_mount_can_be_pulled_from(self, pair: FolderPair, monkeypatch: pytest.MonkeyPatch, tmp_path):
        """Nothing is written there, no lock is needed, and a push says what to do."""
        pair.sync("push")
        self._mount_read_only(monkeypatch)
        before = tree_digest(Path(pair.base_dir))
        shutil.rmtree(pair.local / NAME)

        assert "TRANSFERRED" == pair.sync("pull")["transfer_state"]
        assert before == tree_digest(Path(pair.base_dir))
        pair.here().add_sequences([{"sequence": "GGGGCCCCAA"}])
        error = refused(pair)
        assert "read-only" in error.message
        assert ExitCode.FAILED == error.exit_code

    def _mount_read_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.open

        def opened(path: Any, flags: int, *rest: Any, **more: Any) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR) and ("dir_fd" in more or "there" in str(path)):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return real(path, flags, *rest, **more)

        monkeypatch.setattr(os, "open", opened)
        failing(monkeypatch, "mkdir", errno.EROFS)

    @pytest.mark.parametrize(
        ("number", "said"),
        [(errno.ENOSPC, "no space is left"), (errno.EDQUOT, "no space is left"), (errno.EFBIG, "larger than a file")],
    )
    def test_a_full_disk_is_said(self, pair: FolderPair, monkeypatch: pytest.MonkeyPatch, number: int, said: str):
        """And which; nothing of the dataset is there."""
        failing(monkeypatch, "write", number)
        error = refused(pair)

        assert said in error.message
        assert pair.base_dir in error.message

    def test_a_name_that_the_file_system_refuses_is_said(self, pair: FolderPair, monkeypatch: pytest.MonkeyPatch):
        """FAT and Windows shares have no ``:`` in names: the message has the file, and nothing is there."""
        (pair.local / NAME / "run 12:30.txt").write_text("by hand")
        real = os.open

        def opened(path: Any, flags: int, *rest: Any, **more: Any) -> int:
            if "dir_fd" in more and ":" in str(path):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            return real(path, flags, *rest, **more)

        monkeypatch.setattr(os, "open", opened)
        error = refused(pair)

        assert "run 12:30.txt" in error.message
        assert "Rename" in error.hint

    def test_no_permission_is_said(self, pair: FolderPair, monkeypatch: pytest.MonkeyPatch):
        """With the folder to ask for."""
        failing(monkeypatch, "mkdir", errno.EACCES)
        error = refused(pair)

        assert "no permission" in error.message
        assert "owner" in error.hint

    @pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
    def test_a_share_without_locks_is_refused(self, pair: FolderPair, monkeypatch: pytest.MonkeyPatch, number: int):
        """Two writers could not be kept apart there."""
        import filelock

        def fail(*_: Any, **__: Any) -> bool:
            raise OSError(number, os.strerror(number))

        (Path(pair.base_dir) / NAME).mkdir(parents=True)
        transport = pair.transport()
        monkeypatch.setattr(filelock, "lock_descriptor", fail)
        from usr_core.api.transports import LockRequest

        request = LockRequest(folder=f"{pair.base_dir}/{NAME}", timeout=0, label="push", create=True)
        with pytest.raises(FolderLacksLocks, match="flock"), transport.lock(request):
            pass

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
    def test_a_lock_that_is_no_file_is_told_as_one(self, pair: FolderPair, make: Callable[[Path], None]):
        """It is what has the lock's name that has to go, and not the share that lacks locks."""
        place = Path(pair.base_dir) / NAME / ".usr.lock"
        place.parent.mkdir(parents=True)
        make(place)

        with pytest.raises(RemoteRefused, match="regular file") as caught:
            pair.sync("push")

        assert ".usr.lock" in caught.value.message
        assert not isinstance(caught.value, FolderLacksLocks)

    def test_a_disk_without_hard_links_is_refused(self, pair: FolderPair, monkeypatch: pytest.MonkeyPatch):
        """FAT has none, and a change is committed by one: what is there stays as it is."""
        before = tree_digest(pair.local)
        real = os.link

        def link(source: Any, target: Any, **more: Any) -> None:
            if "src_dir_fd" in more:
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
            real(source, target, **more)

        monkeypatch.setattr(os, "link", link)
        with pytest.raises(FolderLacksLinks, match="hard links"):
            pair.sync("push")

        assert [] == [name for name in pair.there() if not name.startswith(".usr.")]
        assert before.keys() <= tree_digest(pair.local).keys()


class TestInterrupts:
    def test_closing_ends_what_computes_digests(self, pair: FolderPair):
        """A large file is not read to its end first."""
        big = Path(pair.base_dir) / "big"
        with big.open("wb") as handle:
            handle.truncate(1 << 36)
        transport = pair.transport()
        timer = threading.Timer(0.2, transport.close)
        timer.start()

        with pytest.raises(RemoteUnreachable, match="closed"):
            transport.digest(DigestRequest(folder=pair.base_dir, files=("big",)))
        timer.join(10)
        big.unlink()
        assert {} == dict(transport.digest(DigestRequest(folder=pair.base_dir, files=("big",))))


class TestLinks:
    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        """A folder beside the base, with a file."""
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "secret").write_text("not ours")
        return tmp_path / "outside"

    @pytest.mark.parametrize("call", ["stat", "walk", "read", "digest", "fetch", "send", "place"])
    def test_nothing_is_reached_through_a_link(self, pair: FolderPair, outside: Path, tmp_path: Path, call: str):
        """Below the base, every part of a path has to be what it says it is."""
        base, transport = pair.base_dir, pair.transport()
        (Path(base) / "out").symlink_to(outside)
        (Path(base) / "staged").write_text("staged")
        (tmp_path / "into").mkdir()
        before = tree_digest(outside)
        calls: dict[str, Callable[[], object]] = {
            "stat": lambda: transport.stat(f"{base}/out/secret"),
            "walk": lambda: list(transport.walk(f"{base}/out")),
            "read": lambda: transport.read(ReadRequest(path=f"{base}/out/secret")),
            "digest": lambda: transport.digest(DigestRequest(folder=f"{base}/out", files=("secret",))),
            "fetch": lambda: transport.fetch(
                FetchRequest(folder=f"{base}/out", files=("secret",), into=tmp_path / "into")
            ),
            "send": lambda: transport.send(
                SendRequest(source=pair.local, files=("registry.yaml",), into=f"{base}/out")
            ),
            "place": lambda: transport.place(PlaceRequest(staged=f"{base}/staged", final=f"{base}/out/secret")),
        }

        with pytest.raises(RemoteRefused, match="symbolic link"):
            calls[call]()
        assert before == tree_digest(outside)
        assert [] == list((tmp_path / "into").iterdir())

    def test_paths_outside_the_base_are_refused(self, pair: FolderPair, outside: Path):
        """Whatever names them; the folder for file mode is allowed beside it."""
        with pytest.raises(RemoteNameRefused, match="not below"):
            pair.transport().read(ReadRequest(path=f"{outside}/secret"))

        both = FolderTransport({"base_dir": pair.base_dir, "repo_root": str(outside)})
        assert b"not ours" == both.read(ReadRequest(path=f"{outside}/secret"))

    def test_a_name_that_only_begins_like_the_base_is_outside(self, pair: FolderPair, tmp_path: Path):
        """``/disk-2`` is not in ``/disk``."""
        (tmp_path / "there-2").mkdir()
        with pytest.raises(RemoteNameRefused):
            list(pair.transport().walk(f"{pair.base_dir}-2"))


def test_file_mode_works(pair: FolderPair, tmp_path: Path):
    """A file goes there and comes back; a second run is a no-op."""
    note = tmp_path / "note.txt"
    note.write_text("by hand")
    assert "TRANSFERRED" == pair.sync_file("push", note, "notes/note.txt")["transfer_state"]
    assert "NO-OP" == pair.sync_file("push", note, "notes/note.txt")["transfer_state"]
    note.write_text("other")
    pair.sync_file("pull", note, "notes/note.txt")

    assert "by hand" == note.read_text()
    assert ["note.txt"] == [path.name for path in (Path(pair.base_dir) / "notes").iterdir()]


def test_new_files_are_for_the_group_where_the_folder_is(pair: FolderPair):
    """A colleague with another umask can go on there."""
    Path(pair.base_dir).chmod(0o2775)
    before = os.umask(0o077)
    try:
        pair.sync("push")
    finally:
        os.umask(before)

    records = Path(pair.base_dir) / NAME / "records.parquet"
    assert 0o060 == records.stat().st_mode & 0o060
    assert 0o2070 == records.parent.stat().st_mode & 0o2070
