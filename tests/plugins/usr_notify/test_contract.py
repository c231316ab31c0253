"""The sink that keeps events in a spool, under the contract of every sink."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from usr_core.plugin.specs import EventSinkSpec
from usr_core.testing import EventSinkContract
from usr_notify.settings import NotifySettings
from usr_notify.sink import SpoolSink
from usr_notify.spool import Spool


class TestSpoolSink(EventSinkContract):
    """Its other side is a folder."""

    features = frozenset({"received", "breakable"})

    @pytest.fixture
    def spec(self, tmp_path: Path) -> EventSinkSpec:
        self.folder = tmp_path / "spool"
        settings = NotifySettings(spool=self.folder)
        return EventSinkSpec(name="notify-spool", summary="x", factory=lambda: SpoolSink(settings))

    def received(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text().splitlines()[1]) for path in Spool(self.folder).waiting()]

    def break_target(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.write_text("in the way")

    def mend_target(self) -> None:
        self.folder.unlink()
