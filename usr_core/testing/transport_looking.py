"""What every transport has to see: entries, walks, bytes of files, digests, abilities."""

from __future__ import annotations

import hashlib
import io
import time

import pytest

from usr_core.plugin.parquet_facts import parquet_facts
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.plugin.transports import ABILITY_PARQUET, ABILITY_SHA256, DigestRequest, ReadRequest, Transport
from usr_core.testing.far_side import FarSide
from usr_core.testing.odd_names import ODD_NAMES

__all__ = ["LookingContract"]

_A_TICK = 0.05
"""Seconds in which the slowest file system clock that we know has moved on."""


class LookingContract:
    """Looking changes nothing there; links are never followed."""

    def test_it_is_a_transport(self, remote: FarSide) -> None:
        """Every call of the protocol is there."""
        assert isinstance(remote.transport, Transport)

    # ------------------------------------------------------------ stat

    def test_stat_tells_kind_and_size(self, remote: FarSide) -> None:
        """A file with its size, a folder, a link whatever it points to, and None for nothing."""
        root = remote.root
        remote.write(f"{root}/folder/file", b"12345")
        remote.link(f"{root}/to-file", f"{root}/folder/file")
        remote.link(f"{root}/to-nothing", f"{root}/absent")
        seen = {
            name: remote.transport.stat(f"{root}/{name}") for name in ("folder/file", "folder", "to-file", "absent")
        }
        dangling = remote.transport.stat(f"{root}/to-nothing")

        kinds = {name: entry and (entry.path, entry.kind, entry.size_bytes) for name, entry in seen.items()}
        assert kinds == {
            "folder/file": ("", "file", 5),
            "folder": ("", "folder", 0),
            "to-file": ("", "link", 0),
            "absent": None,
        }
        assert dangling is not None
        assert dangling.kind == "link"

    def test_stat_below_a_file_is_nothing(self, remote: FarSide) -> None:
        """A path that leads through a file names nothing."""
        remote.write(f"{remote.root}/file", b"x")

        assert remote.transport.stat(f"{remote.root}/file/below") is None

    def test_the_mark_changes_with_the_content_at_equal_size(self, remote: FarSide) -> None:
        """Two looks at an unchanged file agree; after other bytes of the same number they don't."""
        path = f"{remote.root}/file"
        remote.write(path, b"one")
        first, again = remote.transport.stat(path), remote.transport.stat(path)
        time.sleep(_A_TICK)
        remote.write(path, b"two")
        changed = remote.transport.stat(path)

        assert first == again
        assert first is not None
        assert changed is not None
        assert first.mark != changed.mark

    def test_walk_and_stat_give_the_same_mark(self, remote: FarSide) -> None:
        """What an inventory has seen can be compared with a later look at one file."""
        remote.write(f"{remote.root}/folder/file", b"one")
        (_, walked) = remote.transport.walk(remote.root)
        looked = remote.transport.stat(f"{remote.root}/folder/file")

        assert looked is not None
        assert (walked.path, walked.mark) == ("folder/file", looked.mark)

    # ------------------------------------------------------------ walk

    def test_walk_yields_everything_sorted_by_path(self, remote: FarSide) -> None:
        """Sorted by the code points of the whole path, hidden names and folders included."""
        for name in ("b", "a/c", "a-b", "a.d", ".hidden", "a/.usr.tmp/x", "Z"):
            remote.write(f"{remote.root}/{name}", name.encode())
        walked = [(entry.path, entry.kind, entry.size_bytes) for entry in remote.transport.walk(remote.root)]

        assert walked == [
            (".hidden", "file", 7),
            ("Z", "file", 1),
            ("a", "folder", 0),
            ("a-b", "file", 3),
            ("a.d", "file", 3),
            ("a/.usr.tmp", "folder", 0),
            ("a/.usr.tmp/x", "file", 12),
            ("a/c", "file", 3),
            ("b", "file", 1),
        ]

    def test_walk_does_not_follow_links(self, remote: FarSide) -> None:
        """A link to a folder is one entry, and a link to an ancestor is not an endless way."""
        remote.write(f"{remote.root}/walked/in/file", b"x")
        remote.write(f"{remote.root}/outside/secret", b"x")
        remote.link(f"{remote.root}/walked/out", f"{remote.root}/outside")
        remote.link(f"{remote.root}/walked/in/up", f"{remote.root}/walked")
        walked = [(entry.path, entry.kind) for entry in remote.transport.walk(f"{remote.root}/walked")]

        assert walked == [("in", "folder"), ("in/file", "file"), ("in/up", "link"), ("out", "link")]

    def test_walk_of_a_missing_folder_yields_nothing(self, remote: FarSide) -> None:
        """A dataset that is not there yet is not an error."""
        assert list(remote.transport.walk(f"{remote.root}/absent")) == []

    def test_walk_keeps_odd_names(self, remote: FarSide) -> None:
        """No name is expanded, quoted, cut or run."""
        folder = f"{remote.root}/f o'l"
        for name in ODD_NAMES:
            remote.write(f"{folder}/{name}", b"x")
        walked = [entry.path for entry in remote.transport.walk(folder) if entry.kind == "file"]

        assert walked == sorted(ODD_NAMES)

    # ------------------------------------------------------------ read

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [
            (0, None, b"0123456789"),
            (3, None, b"3456789"),
            (3, 4, b"3456"),
            (8, 5, b"89"),
            (10, None, b""),
            (99, 3, b""),
            (0, 0, b""),
        ],
    )
    def test_read_gives_the_range(self, remote: FarSide, offset: int, length: int | None, expected: bytes) -> None:
        """A range that ends behind the file gives what there is."""
        remote.write(f"{remote.root}/file", b"0123456789")

        assert remote.transport.read(ReadRequest(path=f"{remote.root}/file", offset=offset, length=length)) == expected

    def test_read_keeps_every_byte(self, remote: FarSide) -> None:
        """Zeros, line ends and bytes that are not text arrive as they are."""
        content = bytes(range(256)) * 300 + b"\n\n"
        remote.write(f"{remote.root}/file", content)

        assert remote.transport.read(ReadRequest(path=f"{remote.root}/file")) == content

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_read_and_stat_take_odd_names(self, remote: FarSide, name: str) -> None:
        """The path names one file and nothing else."""
        remote.write(f"{remote.root}/{name}", b"odd")
        entry = remote.transport.stat(f"{remote.root}/{name}")

        assert remote.transport.read(ReadRequest(path=f"{remote.root}/{name}")) == b"odd"
        assert entry is not None
        assert entry.size_bytes == 3

    def test_reading_a_missing_file_is_remote_changed(self, remote: FarSide) -> None:
        """Whoever saw it a moment ago has to look again."""
        with pytest.raises(RemoteChanged):
            remote.transport.read(ReadRequest(path=f"{remote.root}/absent"))

    # ------------------------------------------------------------ digests

    def test_digests_are_right_and_missing_files_left_out(self, remote: FarSide) -> None:
        """Every file that is there has the SHA-256 of its bytes, odd names and empty files included."""
        contents = {name: name.encode() * 50 for name in ODD_NAMES} | {"empty": b""}
        for name, content in contents.items():
            remote.write(f"{remote.root}/d/{name}", content)
        facts = remote.transport.digest(DigestRequest(folder=f"{remote.root}/d", files=("absent", *contents)))

        assert {name: dict(found) for name, found in facts.items()} == {
            name: {ABILITY_SHA256: hashlib.sha256(content).hexdigest()} for name, content in contents.items()
        }

    def test_digests_of_nothing_are_empty(self, remote: FarSide) -> None:
        """No files, or none that is there."""
        assert dict(remote.transport.digest(DigestRequest(folder=remote.root, files=()))) == {}
        assert dict(remote.transport.digest(DigestRequest(folder=f"{remote.root}/absent", files=("a",)))) == {}

    def test_a_digest_sees_one_flipped_byte(self, remote: FarSide) -> None:
        """Of a file of equal size, at once: nothing is remembered from the last time."""
        request = DigestRequest(folder=remote.root, files=("file",))
        remote.write(f"{remote.root}/file", b"a" * 100_000 + b"b" + b"a" * 100_000)
        before = remote.transport.digest(request)["file"]
        remote.write(f"{remote.root}/file", b"a" * 100_000 + b"c" + b"a" * 100_000)

        assert remote.transport.digest(request)["file"] != before

    def test_parquet_facts_are_those_of_the_core(self, remote: FarSide) -> None:
        """Where the remote side can read footers, it sees the rows, columns and schema that are seen here."""
        if ABILITY_PARQUET not in remote.transport.abilities():
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        written = io.BytesIO()
        pq.write_table(pa.table({"id": ["a", "b"], "ns__score": pa.array([[1.5], None])}), written)
        for name in ("t.parquet", "-o d'd.parquet"):
            remote.write(f"{remote.root}/{name}", written.getvalue())
        found = remote.transport.digest(
            DigestRequest(folder=remote.root, files=("t.parquet", "-o d'd.parquet", "absent"), kind=ABILITY_PARQUET)
        )

        expected = parquet_facts(io.BytesIO(written.getvalue()))
        assert {name: dict(facts) for name, facts in found.items()} == {
            "t.parquet": expected,
            "-o d'd.parquet": expected,
        }

    # ------------------------------------------------------------ the connection

    def test_it_says_what_the_far_side_has(self, remote: FarSide) -> None:
        """A folder is writable or missing, and the clock is a time of today."""
        there, absent = remote.transport.probe(remote.root), remote.transport.probe(f"{remote.root}/absent")

        assert (there.folder, absent.folder) == ("writable", "missing")
        assert abs(there.clock - time.time()) < 86_400
        assert remote.names(remote.root) == []

    def test_it_can_be_closed_twice(self, remote: FarSide) -> None:
        """Closing what is closed, or was never used, is fine."""
        remote.transport.close()
        remote.transport.abilities()
        remote.transport.close()
        remote.transport.close()
