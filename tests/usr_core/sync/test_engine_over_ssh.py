"""The engine over real ssh and rsync, against an sshd on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.processes import Child
from support.sshd import LoopbackSshd
from support.sync_contract import NAME, SyncContract
from support.sync_pairs import FolderPair
from usr_rsync.transport import RsyncTransport

# What a small host has: no program that computes SHA-256.
FEW = [
    "sh",
    "dash",
    "bash",
    "rsync",
    "find",
    "dd",
    "cat",
    "sed",
    "awk",
    "tr",
    "wc",
    "od",
    "xargs",
    "flock",
    "mkdir",
    "rmdir",
    "mv",
    "cp",
    "ln",
    "rm",
    "stat",
    "ls",
    "head",
    "tail",
    "cut",
    "sort",
    "uname",
    "hostname",
    "date",
    "touch",
    "test",
    "env",
    "printf",
    "df",
    "id",
    "grep",
    "mktemp",
    "sleep",
    "kill",
    "ps",
    "true",
    "false",
]


class TestOverSsh(SyncContract):
    """Everything that holds in memory holds over a real connection."""

    @pytest.fixture
    def pair(self, tmp_path: Path, sshd: LoopbackSshd) -> Any:
        self.sshd, self.few = sshd, tmp_path / "few"
        # The Python of these tests, which has pyarrow, is the one that sessions find.
        (sshd.control / "path").write_text(f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        for name in ("here", "there"):
            (tmp_path / name).mkdir()
        return FolderPair(
            local=tmp_path / "here", base_dir=str(tmp_path / "there"), connect=lambda: RsyncTransport(sshd.settings)
        )

    def held_lock(self, pair: Any) -> Any:
        return _held(Path(pair.base_dir) / NAME / ".usr.lock")

    def without_digests(self, pair: Any) -> None:
        self.sshd.limit_path(self.few, tuple(FEW))


class _held:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._path.touch()
        self._process = Child(
            ["flock", str(self._path), "-c", "echo held; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None and self._process.stdout.readline() == b"held\n"

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
