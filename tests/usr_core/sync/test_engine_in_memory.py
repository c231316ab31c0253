"""The engine over a transport in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.sync_contract import NAME, SyncContract
from support.sync_pairs import MemoryPair
from usr_core.plugin.transports import ABILITY_SHA256
from usr_core.testing.memory_transport import MemoryRemote


class TestInMemory(SyncContract):
    """No program runs: what is left is the engine."""

    @pytest.fixture
    def pair(self, tmp_path: Path) -> Any:
        remote = MemoryRemote()
        (tmp_path / "here").mkdir()
        return MemoryPair(local=tmp_path / "here", base_dir=remote.root, remote=remote)

    def held_lock(self, pair: Any) -> Any:
        return pair.remote.held_lock(f"{pair.base_dir}/{NAME}")

    def without_digests(self, pair: Any) -> None:
        pair.remote.abilities = pair.remote.abilities - {ABILITY_SHA256}
