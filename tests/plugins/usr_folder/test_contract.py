"""The transport to a folder keeps the contract of every transport, and of the plugin's manifest."""

from __future__ import annotations

import pytest

from support.folders import FolderFarSide
from usr_core.testing import TransportContract


class TestContract(TransportContract):
    """Everything that the sync engine relies on, on a real disk."""

    @pytest.fixture
    def remote(self, tmp_path_factory: pytest.TempPathFactory) -> FolderFarSide:
        """An empty folder with an odd name."""
        root = tmp_path_factory.mktemp("far") / "r o'ot"
        root.mkdir()
        return FolderFarSide(root)
