"""Input files: opening, unpacking, and noticing changes."""

from __future__ import annotations

import gzip
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


def packed(kind: str) -> bytes:
    packers = {".gz": gzip.compress, ".zst": lambda data: pa.compress(data, "zstd", asbytes=True), "": bytes}
    return packers[kind](CONTENT)


class TestReading:
    @pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
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

    @pytest.mark.parametrize("suffix", [".gz", ".zst"])
    @pytest.mark.parametrize("cut", [3, 20])
    def test_a_cut_off_stream_is_an_error(self, tmp_path: Path, suffix: str, cut: int) -> None:
        """A compressed file that ends too early is never taken for whole."""
        path = tmp_path / f"in{suffix}"
        path.write_bytes(packed(suffix)[:-cut])

        with pytest.raises(SourceTruncated):
            read(path)

    @pytest.mark.parametrize("suffix", [".gz", ".zst"])
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
