"""Every installed plugin of this distribution keeps the contract of manifests, and a broken one does not."""

from __future__ import annotations

import pytest

from usr_core.plugin.discovery import own_plugins
from usr_core.testing import ManifestContract


class TestBuiltIns(ManifestContract):
    @pytest.fixture(params=sorted(plugin.id for plugin in own_plugins()))
    def plugin_id(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)
