"""Input files: opening, unpacking, and noticing changes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from pathlib import Path

import pyarrow as pa
import pytest

from usr_core.errors import ExitCode
from usr_core.store.rules.errors import (
    FileChanged,
    NotAFile,
    SourceFileError,
    SourceMissing,
    SourceTruncated,
    SourceUnreadable,
)
from usr_core.store.rules.source_file import open_source

CONTENT = b"sequence,x\n" + b"ACGT,1\n" * 10_000


def read(path: Path) -> bytes:
    with open_source(path) as source, source.stream() as stream:
        return b"".join(iter(lambda: stream.read(1000), b""))


BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzf(content: bytes, block: int = 10_000) -> bytes:
    """Return `content` as bgzip writes it: gzip members that tell their own length, and an empty one behind them."""
    members = []
    for start in range(0, len(content), block):
        member = gzip.compress(content[start : start + block])
        length = (len(member) + 8 - 1).to_bytes(2, "little")
        members.append(b"\x1f\x8b\x08\x04" + member[4:10] + b"\x06\x00BC\x02\x00" + length + member[10:])
    return b"".join(members) + BGZF_END


PACKERS = {
    ".gz": gzip.compress,
    ".bgz": bgzf,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def packed(kind: str) -> bytes:
    return PACKERS[kind](CONTENT) if kind else CONTENT


class TestReading:
    @pytest.mark.parametrize("suffix", ["", *PACKERS])
    def test_content_is_unpacked_by_suffix(self, tmp_path: Path, suffix: str) -> None:
        """The stream gives the content, however the file is packed."""
        path = tmp_path / f"in.csv{suffix}"
        path.write_bytes(packed(suffix))

        assert CONTENT == read(path)

    def test_streams_do_not_move_each_other(self, tmp_path: Path) -> None:
        """Two streams that are read in turns both give the whole content: a reader that was given up may read ahead."""
        (tmp_path / "in").write_bytes(CONTENT)
        with open_source(tmp_path / "in") as source:
            one, two = source.stream(), source.stream()
            pieces = [(one.read(7_000), two.read(7_000)) for _ in range(len(CONTENT) // 7_000 + 1)]

        assert (CONTENT, CONTENT) == tuple(b"".join(part) for part in zip(*pieces, strict=True))

    def test_each_stream_begins_at_the_start(self, tmp_path: Path) -> None:
        """A second stream reads anew."""
        (tmp_path / "in").write_bytes(CONTENT)
        with open_source(tmp_path / "in") as source:
            first, second = source.stream().read(20), source.stream().read(20)

        assert first == second == CONTENT[:20]

    @pytest.mark.parametrize("suffix", PACKERS)
    def test_every_member_is_read(self, tmp_path: Path, suffix: str) -> None:
        """Compressed files that were joined, an empty one among them, are read to the end."""
        path = tmp_path / f"in{suffix}"
        path.write_bytes(packed(suffix) + PACKERS[suffix](b"") + packed(suffix))

        assert CONTENT * 2 == read(path)

    def test_padding_between_xz_streams_is_skipped(self, tmp_path: Path) -> None:
        """Zeros in fours may follow each stream."""
        path = tmp_path / "in.xz"
        path.write_bytes(packed(".xz") + b"\0" * 8 + packed(".xz") + b"\0" * 4)

        assert CONTENT * 2 == read(path)

    @pytest.mark.parametrize("suffix", PACKERS)
    @pytest.mark.parametrize("cut", [1, 3, 20, "second", "head", "empty"])
    def test_a_cut_off_stream_is_an_error(self, tmp_path: Path, suffix: str, cut: int | str) -> None:
        """A compressed file that ends too early is never taken for whole, wherever it was cut."""
        whole = packed(suffix)
        pieces = {"second": (whole + whole)[:-20], "head": whole + whole[:3], "empty": b""}
        path = tmp_path / f"in{suffix}"
        path.write_bytes(pieces[cut] if isinstance(cut, str) else whole[:-cut])

        with pytest.raises(SourceTruncated):
            read(path)

    @pytest.mark.parametrize("suffix", [".gz", ".bgz"])
    def test_bgzf_ends_with_its_empty_block(self, tmp_path: Path, suffix: str) -> None:
        """Cut off between two blocks, every block that is left unpacks; the missing end shows that some are gone."""
        path = tmp_path / f"in{suffix}"
        path.write_bytes(bgzf(CONTENT).removesuffix(BGZF_END))

        with pytest.raises(SourceTruncated, match="BGZF"):
            read(path)

    def test_bgzf_joined_with_other_gzip_is_read(self, tmp_path: Path) -> None:
        """A member that is not of BGZF has no need of an end block."""
        path = tmp_path / "in.gz"
        path.write_bytes(bgzf(CONTENT) + gzip.compress(CONTENT))

        assert CONTENT * 2 == read(path)

    @pytest.mark.parametrize("suffix", PACKERS)
    def test_damage_in_a_later_member_is_an_error(self, tmp_path: Path, suffix: str) -> None:
        """Bytes behind the first member that are not compressed are not dropped."""
        path = tmp_path / f"in{suffix}"
        path.write_bytes(packed(suffix) + b"what is this, which is not compressed?")

        with pytest.raises(SourceFileError):
            read(path)

    @pytest.mark.parametrize("suffix", PACKERS)
    def test_a_wrong_suffix_is_said(self, tmp_path: Path, suffix: str) -> None:
        """Plain text under a compressed name is unreadable, and the hint says what to do."""
        (tmp_path / f"in{suffix}").write_bytes(CONTENT)

        with pytest.raises(SourceUnreadable) as caught:
            read(tmp_path / f"in{suffix}")

        assert suffix in caught.value.hint


class TestOpening:
    def test_a_missing_file_exits_with_three(self, tmp_path: Path) -> None:
        """A file that is not there has its own exit code, and is a FileNotFoundError."""
        with pytest.raises(SourceMissing) as caught:
            read(tmp_path / "none.csv")

        assert (ExitCode.MISSING, True) == (caught.value.exit_code, isinstance(caught.value, FileNotFoundError))

    def test_a_file_that_is_called_alike_is_offered(self, tmp_path: Path) -> None:
        """Its path can be pasted as it stands; a file that is hidden, and a folder that is not there, offer nothing."""
        (tmp_path / "my plate.csv").write_bytes(CONTENT)
        (tmp_path / ".plate.csv").write_bytes(CONTENT)
        with pytest.raises(SourceMissing) as caught:
            read(tmp_path / "my plat.csv")
        with pytest.raises(SourceMissing) as elsewhere:
            read(tmp_path / "none" / "my plate.csv")

        assert (caught.value.hint or "").startswith(f"Did you mean '{tmp_path}/my plate.csv'? ")
        assert (elsewhere.value.hint or "").startswith("Check the path")

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        """A folder is named as such."""
        with pytest.raises(NotAFile, match="a folder"):
            read(tmp_path)

    def test_a_pipe_is_no_file(self, tmp_path: Path) -> None:
        """A pipe is refused at once instead of waited for."""
        os.mkfifo(tmp_path / "pipe")

        with pytest.raises(NotAFile, match="a pipe"):
            read(tmp_path / "pipe")

    def test_a_path_too_long_is_a_source_error(self, tmp_path: Path) -> None:
        """Whatever the system refuses is one of our errors, with the file named."""
        with pytest.raises(SourceFileError) as caught:
            read(tmp_path / ("x" * 300))

        assert "x" * 300 in str(caught.value.facts["file"])


class TestChanges:
    def test_nothing_changed_passes(self, tmp_path: Path) -> None:
        """An untouched file passes, also after it was read."""
        (tmp_path / "in").write_bytes(CONTENT)
        with open_source(tmp_path / "in") as source:
            source.stream().read()
            source.check_unchanged()

    @pytest.mark.parametrize("change", ["append", "rewrite", "replace", "remove"])
    def test_any_change_is_noticed(self, tmp_path: Path, change: str) -> None:
        """Growth, same-size rewriting, replacing and removing are all changes."""
        path = tmp_path / "in"
        path.write_bytes(CONTENT)
        with open_source(path) as source:
            if change == "append":
                with path.open("ab") as file:
                    file.write(b"x")
            elif change == "rewrite":
                path.write_bytes(CONTENT)
                os.utime(path, ns=(1, 1))
            elif change == "replace":
                stamp = path.stat().st_mtime_ns
                (tmp_path / "other").write_bytes(CONTENT)
                os.utime(tmp_path / "other", ns=(stamp, stamp))
                (tmp_path / "other").rename(path)
            else:
                path.unlink()

            with pytest.raises(FileChanged):
                source.check_unchanged()
