"""A loopback sshd for this worker, and a remote side of its own for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.sshd import LoopbackSshd, SshFarSide, started_sshd


@pytest.fixture(scope="session")
def _running_sshd() -> Iterator[LoopbackSshd]:
    with tempfile.TemporaryDirectory(prefix="usr-sshd-") as folder, started_sshd(Path(folder) / "sshd") as running:
        yield running


@pytest.fixture
def sshd(_running_sshd: LoopbackSshd, monkeypatch: pytest.MonkeyPatch) -> LoopbackSshd:
    """The sshd, reset, with the `ssh` that reaches it first on PATH."""
    _running_sshd.reset()
    monkeypatch.setenv("PATH", _running_sshd.path)
    return _running_sshd


@pytest.fixture
def far_side(sshd: LoopbackSshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshFarSide]:
    """A fresh remote side: an empty folder with an odd name."""
    root = tmp_path_factory.mktemp("far") / "r o'ot"
    root.mkdir()
    side = SshFarSide(sshd, str(root))
    yield side
    side.transport.close()
