"""A remote side of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.sshd import LoopbackSshd, SshFarSide


@pytest.fixture
def far_side(sshd: LoopbackSshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshFarSide]:
    """A fresh remote side: an empty folder with an odd name."""
    root = tmp_path_factory.mktemp("far") / "r o'ot"
    root.mkdir()
    side = SshFarSide(sshd, str(root))
    yield side
    side.transport.close()
