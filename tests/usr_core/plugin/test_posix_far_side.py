"""`PosixFarSide`, where the remote side's files are not as a contract's usual ones."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from usr_core.plugin.far_files import check_path, check_staging_name, remote_error
from usr_core.plugin.posix_far_side import PosixFarSide
from usr_core.plugin.transport_errors import (
    RemoteChanged,
    RemoteNameRefused,
    RemoteNonsense,
    RemoteRefused,
    RemoteUnreachable,
)
from usr_core.plugin.transports import RemoteEntry, SendRequest
from usr_core.testing import MemoryFiles, MemoryRemote


class CaseBlind(MemoryFiles):
    """A file system for which names that differ in letter case are one."""

    def entry(self, path: str) -> RemoteEntry | None:
        return super().entry(path.lower())

    def put(self, path: str, pieces, *, basis: str | None) -> None:
        super().put(path.lower(), pieces, basis=basis)

    def remove(self, path: str) -> None:
        super().remove(path.lower())


class LeadingOut(MemoryFiles):
    """A server that lists what is not in the folder."""

    def entries(self, folder: str) -> list[RemoteEntry]:
        return [RemoteEntry(path="../outside", kind="file", size_bytes=1)]


class TestNames:
    def test_two_names_that_are_one_there_are_refused(self, tmp_path: Path):
        """Neither takes the other's place in silence; a second try of one name is fine."""
        for name in ("note.txt", "Note.txt"):
            (tmp_path / name).write_text(name)
        transport = PosixFarSide(CaseBlind(MemoryRemote()))
        into = "/remote/root/new"
        transport.send(SendRequest(source=tmp_path, files=("Note.txt",), into=into))
        transport.send(SendRequest(source=tmp_path, files=("Note.txt",), into=into))

        with pytest.raises(RemoteRefused, match=r"Note\.txt and note\.txt apart"):
            transport.send(SendRequest(source=tmp_path, files=("Note.txt", "note.txt"), into=into))

    def test_two_names_that_differ_in_case_are_two_elsewhere(self, tmp_path: Path):
        """On an ordinary file system."""
        remote = MemoryRemote()
        for name in ("note.txt", "Note.txt"):
            (tmp_path / name).write_text(name)
        remote.transport.send(SendRequest(source=tmp_path, files=("Note.txt", "note.txt"), into=remote.root))

        assert ["Note.txt", "note.txt"] == remote.names(remote.root)

    def test_a_listing_that_leads_out_is_nonsense(self):
        """Whatever the server says."""
        with pytest.raises(RemoteNonsense, match="outside"):
            list(PosixFarSide(LeadingOut(MemoryRemote())).walk("/remote/root"))


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.ENOENT, RemoteChanged, "not there any more"),
        (errno.ENOTDIR, RemoteChanged, "not there any more"),
        (errno.ESTALE, RemoteUnreachable, "does not answer"),
        (errno.ETIMEDOUT, RemoteUnreachable, "does not answer"),
        (errno.EPIPE, RemoteUnreachable, "does not answer"),
        (errno.ENOSPC, RemoteRefused, "no space"),
        (errno.EDQUOT, RemoteRefused, "no space"),
        (errno.EFBIG, RemoteRefused, "larger"),
        (errno.ENAMETOOLONG, RemoteRefused, "that name"),
        (errno.EROFS, RemoteRefused, "read-only"),
        (errno.EACCES, RemoteRefused, "permission"),
        (errno.ELOOP, RemoteRefused, "symbolic link"),
        (errno.EIO, RemoteRefused, "refused"),
    ],
)
def test_each_error_of_an_operating_system_has_its_type(number: int, kind: type[Exception], said: str):
    """With the remote, and with a thing to do."""
    error = remote_error(OSError(number, "x"), remote="disk", path="/disk/x", doing="send a file")

    assert type(error) is kind
    assert said in error.message
    assert "disk" in error.message
    assert error.hint


def test_a_lost_connection_without_a_number_is_one():
    """As libraries raise it."""
    assert isinstance(remote_error(ConnectionError("x"), remote="lab", path="/x", doing="look"), RemoteUnreachable)


def test_paths_as_they_are() -> None:
    """Absolute paths of any letters are taken, up to what systems take of a path."""
    for path in ("/a", "/a b/ç/$x/it's", "/...", "/a/..b", "/-", "/" + "a" * 4094):
        assert check_path(path) == path
    for path in ("", "/", "a", "/a/", "/a//b", "/a/./b", "/a/../b", "/a\nb", "/a\x85b"):
        with pytest.raises(RemoteNameRefused, match="can't be used as a remote's path"):
            check_path(path)


def test_a_path_that_is_too_long_is_counted() -> None:
    """In bytes: a letter of two counts twice."""
    with pytest.raises(RemoteNameRefused, match="has 4,097 bytes") as caught:
        check_path("/" + "é" * 2048)

    assert "base_dir" in caught.value.hint


@pytest.mark.parametrize("name", ["", "..", "x", "push-", "push-1/x", "0123456", "ABCDEF01", "push-ü"])
def test_another_name_is_no_staging_folder(name: str) -> None:
    """Neither that of a transfer nor that of a change."""
    with pytest.raises(RemoteNameRefused):
        check_staging_name(name)
