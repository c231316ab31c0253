"""The engine over the transport to a folder of this machine."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from support.folders import FolderFarSide
from support.sync_contract import NAME, SyncContract
from support.sync_pairs import FolderPair
from usr_folder.files import FolderFiles
from usr_folder.transport import FolderTransport


class TestToAFolder(SyncContract):
    """Everything that holds in memory holds on a disk."""

    @pytest.fixture
    def pair(self, tmp_path: Path) -> Any:
        for name in ("here", "there"):
            (tmp_path / name).mkdir()
        base = str(tmp_path / "there")
        return FolderPair(
            local=tmp_path / "here", base_dir=base, connect=lambda: FolderTransport({"base_dir": base, "name": "disk"})
        )

    @contextlib.contextmanager
    def held_lock(self, pair: Any) -> Any:
        (Path(pair.base_dir) / NAME).mkdir(parents=True, exist_ok=True)
        with FolderFarSide(Path(pair.base_dir)).held_lock(f"{pair.base_dir}/{NAME}"):
            yield

    @pytest.fixture(autouse=True)
    def _whole_abilities(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def without_digests(self, pair: Any) -> None:
        whole = FolderFiles.abilities.fget  # type: ignore[attr-defined]
        self._patch.setattr(FolderFiles, "abilities", property(lambda files: whole(files) - {"sha256"}))
