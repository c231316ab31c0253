"""Files that ask for more memory than there is end in one error that says so."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from support.cli import Usr, clean_env, usr_argv
from support.tree import assert_unchanged

LIMIT = 900 << 20
TIMEOUT = 120


def limited(usr: Usr, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command with `LIMIT` bytes of address space."""
    argv = [sys.executable, *usr_argv(), "--root", str(usr.root), *map(str, words)]
    return subprocess.run(
        argv,
        env=clean_env(),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
    )


def write_line(path: Path, begin: bytes, end: bytes) -> None:
    """Write 600 MiB in a few kilobytes."""
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(begin)
        for _ in range(600):
            stream.write(b"A" * (1 << 20))
        stream.write(end)
    assert path.stat().st_size < 1 << 20


@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        ("one_line.csv.zst", b"sequence\n", b"\n"),
        ("one_line.jsonl.zst", b'{"sequence": "', b'"}\n'),
    ],
)
def test_a_line_that_unpacks_to_more_than_memory_is_told(
    seeded: Usr, tmp_path: Path, name: str, begin: bytes, end: bytes
) -> None:
    """600 MiB in a few kilobytes: exit 1, the file and the limit named, nothing blamed on a plugin, nothing changed."""
    path = tmp_path / name
    write_line(path, begin, end)

    with assert_unchanged(seeded.root):
        done = limited(seeded, "import", "ns/base", "--path", path)

    assert (1, 1) == (done.returncode, done.stderr.count("error[USR-GENERAL-002]")), done.stderr
    assert str(path) in done.stderr
    assert f"limit: {LIMIT:,} bytes" in done.stderr


def test_a_header_without_an_end_is_refused_before_memory_runs_out(seeded: Usr, tmp_path: Path) -> None:
    """A CSV header has a longest length, so that no file without line ends is read whole."""
    path = tmp_path / "header.csv.zst"
    write_line(path, b"", b"")

    with assert_unchanged(seeded.root):
        done = limited(seeded, "import", "ns/base", "--path", path)

    assert (1, True) == (done.returncode, "The header is longer than 16 MiB" in done.stderr), done.stderr


def test_a_small_legacy_file_takes_little_memory(seeded: Usr, tmp_path: Path) -> None:
    """It is read up to its size; before, the memory for the largest file was taken first."""
    path = tmp_path / "small.pt"
    path.write_bytes(b"\x80\x02]q\x00}q\x01U\x08sequenceq\x02U\x04ACGTq\x03sa.")

    done = limited(seeded, "legacy", "convert", "ns/base", path)

    assert 0 == done.returncode, done.stderr
