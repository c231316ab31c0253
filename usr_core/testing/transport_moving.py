"""What every transport has to keep while it moves files, also where a try is cut off."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

import pytest

from usr_core.errors import UsrError
from usr_core.plugin.transport_errors import RemoteChanged, RemoteUnreachable
from usr_core.plugin.transports import DigestRequest, FetchRequest, SendRequest
from usr_core.testing.far_side import FarSide
from usr_core.testing.odd_names import ODD_NAMES

__all__ = ["MovingContract"]

_NESTED = {"a": b"alpha", "d/b": b"beta", "d/e/f/c": b"gamma" * 10_000, "d/empty": b"", "g/empty": b""}
_BIG = random.Random(4).randbytes(3_000_000)
_CUT_AFTER = 400_000


class MovingContract:
    """`fetch` and `send`: the files that were named, whole, and nothing else anywhere."""

    # ------------------------------------------------------------ fetch

    def test_fetch_copies_the_named_files(self, remote: FarSide, tmp_path: Path) -> None:
        """Nested and empty ones too; a file that was not named stays away."""
        for name, content in {**_NESTED, "not-named": b"x", "d/not-named": b"x"}.items():
            remote.write(f"{remote.root}/from/{name}", content)
        remote.transport.fetch(FetchRequest(folder=f"{remote.root}/from", files=tuple(_NESTED), into=_made(tmp_path)))

        assert _tree(tmp_path) == {f"into/{name}": content for name, content in _NESTED.items()}

    def test_fetch_keeps_odd_names(self, remote: FarSide, tmp_path: Path) -> None:
        """Each name is one file, in a folder of an odd name."""
        contents = {name: name.encode() for name in ODD_NAMES}
        for name, content in contents.items():
            remote.write(f"{remote.root}/f o'*/{name}", content)
        remote.transport.fetch(FetchRequest(folder=f"{remote.root}/f o'*", files=ODD_NAMES, into=_made(tmp_path)))

        assert _tree(tmp_path / "into") == contents

    def test_fetching_nothing_leaves_nothing(self, remote: FarSide, tmp_path: Path) -> None:
        """An empty list means no file, not all of them."""
        remote.write(f"{remote.root}/file", b"x")
        remote.transport.fetch(FetchRequest(folder=remote.root, files=(), into=_made(tmp_path)))

        assert _tree(tmp_path) == {}

    @pytest.mark.parametrize("basis", ["equal", "near", "unrelated", "longer", "absent"])
    def test_fetch_arrives_whole_whatever_the_basis(self, remote: FarSide, tmp_path: Path, basis: str) -> None:
        """A basis saves bytes, never costs any, and stays as it is."""
        if basis != "absent":
            _put(tmp_path / "basis" / "d/big", _basis(basis))
        (tmp_path / "basis").mkdir(exist_ok=True)
        remote.write(f"{remote.root}/d/big", _BIG)
        remote.transport.fetch(
            FetchRequest(folder=remote.root, files=("d/big",), into=_made(tmp_path), basis=tmp_path / "basis")
        )

        left = {} if basis == "absent" else {"basis/d/big": _basis(basis)}
        assert _tree(tmp_path) == {"into/d/big": _BIG} | left

    def test_fetch_does_not_trust_a_basis_of_equal_size_and_time(self, remote: FarSide, tmp_path: Path) -> None:
        """The basis is a hint about bytes; what arrives is what lies there."""
        remote.write(f"{remote.root}/file", b"right")
        request = FetchRequest(folder=remote.root, files=("file",), into=_made(tmp_path, "basis"))
        remote.transport.fetch(request)
        _spoil(tmp_path / "basis/file", b"wrong")
        remote.transport.fetch(
            FetchRequest(folder=remote.root, files=("file",), into=_made(tmp_path), basis=tmp_path / "basis")
        )

        assert _tree(tmp_path) == {"basis/file": b"wrong", "into/file": b"right"}

    def test_fetch_overwrites_what_an_earlier_try_left(self, remote: FarSide, tmp_path: Path) -> None:
        """Also where the leftover has the right size and time and other bytes."""
        remote.write(f"{remote.root}/file", b"right")
        remote.write(f"{remote.root}/long", b"short")
        request = FetchRequest(folder=remote.root, files=("file", "long"), into=_made(tmp_path))
        remote.transport.fetch(request)
        _spoil(tmp_path / "into/file", b"wrong")
        (tmp_path / "into/long").write_bytes(b"far too long")
        remote.transport.fetch(request)

        assert _tree(tmp_path) == {"into/file": b"right", "into/long": b"short"}

    def test_fetch_does_not_write_through_a_leftover_link(self, remote: FarSide, tmp_path: Path) -> None:
        """A link that has a file's name in `into` gives way to the file."""
        (tmp_path / "outside").write_bytes(b"not ours")
        (_made(tmp_path) / "file").symlink_to(tmp_path / "outside")
        remote.write(f"{remote.root}/file", b"fetched")
        remote.transport.fetch(FetchRequest(folder=remote.root, files=("file",), into=tmp_path / "into"))

        assert _tree(tmp_path) == {"into/file": b"fetched", "outside": b"not ours"}
        assert not (tmp_path / "into/file").is_symlink()

    def test_fetch_does_not_write_through_a_leftover_folder_link(self, remote: FarSide, tmp_path: Path) -> None:
        """A link that has a folder's name in `into` gives way, or the fetch fails: nothing behind it changes."""
        _put(tmp_path / "outside/file", b"not ours")
        (_made(tmp_path) / "d").symlink_to(tmp_path / "outside")
        remote.write(f"{remote.root}/d/file", b"fetched")
        with contextlib.suppress(UsrError):
            remote.transport.fetch(FetchRequest(folder=remote.root, files=("d/file",), into=tmp_path / "into"))

        assert _tree(tmp_path / "outside") == {"file": b"not ours"}

    @pytest.mark.parametrize("gone", ["file", "folder", "link"])
    def test_fetching_what_has_gone_is_remote_changed(self, remote: FarSide, tmp_path: Path, gone: str) -> None:
        """Also where a link has its name now: links are not followed."""
        folder = f"{remote.root}/from"
        if gone != "folder":
            remote.write(f"{folder}/there", b"x")
        if gone == "link":
            remote.write(f"{remote.root}/secret", b"secret")
            remote.link(f"{folder}/absent", f"{remote.root}/secret")

        with pytest.raises(RemoteChanged):
            remote.transport.fetch(FetchRequest(folder=folder, files=("there", "absent"), into=_made(tmp_path)))
        assert not (tmp_path / "into/absent").exists()

    @pytest.mark.parametrize("name", ["../escaped", "d/../../escaped", "/escaped"])
    def test_fetch_refuses_names_that_lead_out(self, remote: FarSide, tmp_path: Path, name: str) -> None:
        """Nothing outside `into` is written, whoever made the list."""
        remote.write(f"{remote.root}/escaped", b"x")
        remote.write(f"{remote.root}/from/d/file", b"x")

        with pytest.raises(UsrError):
            remote.transport.fetch(FetchRequest(folder=f"{remote.root}/from", files=(name,), into=_made(tmp_path)))
        assert _tree(tmp_path) == {}

    # ------------------------------------------------------------ send

    def test_send_copies_the_named_files(self, remote: FarSide, tmp_path: Path) -> None:
        """Nested and empty ones too, into a folder that is made; a file that was not named stays here."""
        for name, content in {**_NESTED, "not-named": b"x", "d/not-named": b"x"}.items():
            _put(tmp_path / name, content)
        remote.transport.send(SendRequest(source=tmp_path, files=tuple(_NESTED), into=f"{remote.root}/new/into"))

        assert _far(remote) == {f"new/into/{name}": content for name, content in _NESTED.items()}

    def test_send_keeps_odd_names(self, remote: FarSide, tmp_path: Path) -> None:
        """Each name is one file, in a folder of an odd name, and nothing is run."""
        contents = {name: name.encode() for name in ODD_NAMES}
        for name, content in contents.items():
            _put(tmp_path / name, content)
        remote.transport.send(SendRequest(source=tmp_path, files=ODD_NAMES, into=f"{remote.root}/i n'*$(touch gone)"))

        assert _far(remote) == {f"i n'*$(touch gone)/{name}": content for name, content in contents.items()}

    def test_sending_nothing_writes_no_file(self, remote: FarSide, tmp_path: Path) -> None:
        """An empty list means no file, not all of them."""
        _put(tmp_path / "file", b"x")
        remote.transport.send(SendRequest(source=tmp_path, files=(), into=f"{remote.root}/into"))

        assert _far(remote) == {}

    @pytest.mark.parametrize("basis", ["equal", "near", "unrelated", "longer", "absent"])
    def test_send_arrives_whole_whatever_the_basis(self, remote: FarSide, tmp_path: Path, basis: str) -> None:
        """A basis saves bytes, never costs any, and stays as it is."""
        if basis != "absent":
            remote.write(f"{remote.root}/basis/d/big", _basis(basis))
        _put(tmp_path / "d/big", _BIG)
        remote.transport.send(
            SendRequest(source=tmp_path, files=("d/big",), into=f"{remote.root}/in/to", basis=f"{remote.root}/basis")
        )

        left = {} if basis == "absent" else {"basis/d/big": _basis(basis)}
        assert _far(remote) == {"in/to/d/big": _BIG} | left

    def test_send_does_not_trust_a_basis_of_equal_size_and_time(self, remote: FarSide, tmp_path: Path) -> None:
        """The basis is a hint about bytes; what arrives is what lies here."""
        _put(tmp_path / "file", b"wrong")
        remote.transport.send(SendRequest(source=tmp_path, files=("file",), into=f"{remote.root}/basis"))
        _spoil(tmp_path / "file", b"right")
        remote.transport.send(
            SendRequest(source=tmp_path, files=("file",), into=f"{remote.root}/into", basis=f"{remote.root}/basis")
        )

        assert _far(remote) == {"basis/file": b"wrong", "into/file": b"right"}

    def test_send_overwrites_what_an_earlier_try_left(self, remote: FarSide, tmp_path: Path) -> None:
        """Also where the leftover has the right size and time and other bytes."""
        _put(tmp_path / "file", b"wrong")
        _put(tmp_path / "long", b"short")
        request = SendRequest(source=tmp_path, files=("file", "long"), into=f"{remote.root}/into")
        remote.transport.send(request)
        _spoil(tmp_path / "file", b"right")
        remote.write(f"{remote.root}/into/long", b"far too long")
        remote.transport.send(request)

        assert _far(remote) == {"into/file": b"right", "into/long": b"short"}

    @pytest.mark.parametrize("linked", ["file", "folder"])
    def test_send_does_not_write_through_a_leftover_link(self, remote: FarSide, tmp_path: Path, linked: str) -> None:
        """A link in `into` gives way, or the send fails: nothing behind it changes."""
        remote.write(f"{remote.root}/outside/file", b"not ours")
        if linked == "file":
            remote.link(f"{remote.root}/into/d/file", f"{remote.root}/outside/file")
        else:
            remote.link(f"{remote.root}/into/d", f"{remote.root}/outside")
        _put(tmp_path / "d/file", b"sent")
        with contextlib.suppress(UsrError):
            remote.transport.send(SendRequest(source=tmp_path, files=("d/file",), into=f"{remote.root}/into"))

        assert remote.names(f"{remote.root}/outside") == ["file"]
        assert remote.read(f"{remote.root}/outside/file") == b"not ours"

    def test_many_files_move_at_once(self, remote: FarSide, tmp_path: Path) -> None:
        """More names than fit on a command line."""
        names = tuple(f"{index:04}{'n' * 200}" for index in range(1500))
        for name in names:
            _put(tmp_path / "from" / name, name[:4].encode())
        remote.transport.send(SendRequest(source=tmp_path / "from", files=names, into=f"{remote.root}/into"))
        digests = remote.transport.digest(DigestRequest(folder=f"{remote.root}/into", files=names))
        remote.transport.fetch(FetchRequest(folder=f"{remote.root}/into", files=names, into=_made(tmp_path)))

        assert set(digests) == set(names)
        assert _tree(tmp_path / "into") == {name: name[:4].encode() for name in names}

    @pytest.mark.parametrize("name", ["../escaped", "d/../../escaped", "/escaped"])
    def test_send_refuses_names_that_lead_out(self, remote: FarSide, tmp_path: Path, name: str) -> None:
        """Nothing outside `into` is written, whoever made the list."""
        _put(tmp_path / "escaped", b"x")
        _put(tmp_path / "from/d/file", b"x")

        with pytest.raises(UsrError):
            remote.transport.send(SendRequest(source=tmp_path / "from", files=(name,), into=f"{remote.root}/in/to"))
        assert _far(remote) == {}

    # ------------------------------------------------------------ cut off, counted

    def test_an_interrupted_fetch_is_completed_by_the_next(self, remote: FarSide, tmp_path: Path) -> None:
        """The try that was cut off says so and writes nothing outside `into`; the next one ends with the whole file."""
        if "interrupt" not in remote.declared:
            return
        _put(tmp_path / "beside", b"beside")
        remote.write(f"{remote.root}/d/big", _BIG)
        remote.write(f"{remote.root}/small", b"small")
        request = FetchRequest(folder=remote.root, files=("d/big", "small"), into=_made(tmp_path))

        remote.cut("fetch", _CUT_AFTER)
        with pytest.raises(RemoteUnreachable):
            remote.transport.fetch(request)
        beside = {name for name in _tree(tmp_path) if not name.startswith("into/")}
        torn = (tmp_path / "into/d/big").is_file() and (tmp_path / "into/d/big").read_bytes() == _BIG
        remote.mend()
        remote.transport.fetch(request)

        assert beside == {"beside"}
        assert not torn, "the transfer was not cut: this stand-in's `cut` does not work"
        assert _tree(tmp_path) == {"beside": b"beside", "into/d/big": _BIG, "into/small": b"small"}

    def test_an_interrupted_send_is_completed_by_the_next(self, remote: FarSide, tmp_path: Path) -> None:
        """The try that was cut off says so and writes nothing outside `into`; the next one ends with the whole file."""
        if "interrupt" not in remote.declared:
            return
        remote.write(f"{remote.root}/beside", b"beside")
        _put(tmp_path / "d/big", _BIG)
        _put(tmp_path / "small", b"small")
        request = SendRequest(source=tmp_path, files=("d/big", "small"), into=f"{remote.root}/in/to")

        remote.cut("send", _CUT_AFTER)
        with pytest.raises(RemoteUnreachable):
            remote.transport.send(request)
        left = _far(remote)
        remote.mend()
        remote.transport.send(request)

        assert {name for name in left if not name.startswith("in/to/")} == {"beside"}
        assert left.get("in/to/d/big") != _BIG, "the transfer was not cut: this stand-in's `cut` does not work"
        assert _far(remote) == {"beside": b"beside", "in/to/d/big": _BIG, "in/to/small": b"small"}

    def test_traffic_counts_both_directions(self, remote: FarSide, tmp_path: Path) -> None:
        """Bytes sent and received grow at least by what can't be compressed away."""
        _put(tmp_path / "big", _BIG)
        start = remote.transport.traffic()
        remote.transport.send(SendRequest(source=tmp_path, files=("big",), into=f"{remote.root}/into"))
        sent = remote.transport.traffic()
        remote.transport.fetch(
            FetchRequest(folder=f"{remote.root}/into", files=("big",), into=_made(tmp_path)),
        )
        fetched = remote.transport.traffic()

        assert sent.sent - start.sent >= len(_BIG)
        assert fetched.received - sent.received >= len(_BIG)

    def test_progress_is_told(self, remote: FarSide, tmp_path: Path) -> None:
        """Whatever is told of progress is within what there is."""
        told: list[tuple[int, int]] = []
        remote.write(f"{remote.root}/big", _BIG)
        remote.transport.fetch(
            FetchRequest(
                folder=remote.root,
                files=("big",),
                into=_made(tmp_path),
                progress=lambda done, total: told.append((done, total)),
            )
        )

        assert [pair for pair in told if not 0 <= pair[0] <= pair[1]] == []
        assert (tmp_path / "into/big").read_bytes() == _BIG


def _made(place: Path, name: str = "into") -> Path:
    folder = place / name
    folder.mkdir(exist_ok=True)
    return folder


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _spoil(path: Path, content: bytes) -> None:
    """Give a file other content and leave size and time as they are."""
    before = path.stat()
    with path.open("r+b") as opened:
        opened.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def _basis(kind: str) -> bytes:
    if kind == "near":
        return _BIG[:1_000_000] + b"inserted" + _BIG[1_000_000:2_000_000] + b"!" + _BIG[2_000_001:]
    return {"equal": _BIG, "longer": _BIG + b"more", "unrelated": random.Random(5).randbytes(200_000)}[kind]


def _tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _far(remote: FarSide) -> dict[str, bytes]:
    return {name: remote.read(f"{remote.root}/{name}") for name in remote.names(remote.root)}
