"""Plugins of this process: fake distributions on ``sys.path``, and a host that sees them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.plugins import FakePlugin, install
from usr_core.plugin import discovery
from usr_core.plugin.catalogue import Catalogue
from usr_core.plugin.host import PluginHost
from usr_core.plugin.switches import read_switches

__all__ = ["HostMaker", "make_host"]

HostMaker = Callable[..., PluginHost]


@pytest.fixture
def make_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostMaker]:
    """Install plugins and return a host that sees them beside the built-in ones; keywords are switches."""
    loaded = set(sys.modules)
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def make(*plugins: FakePlugin, environ: dict[str, str] | None = None, **switches: object) -> PluginHost:
        install(site, *plugins)
        _forget()
        reports: list[str] = []
        settings = {"XDG_CONFIG_HOME": str(tmp_path / "config"), **(environ or {})}
        host = PluginHost(Catalogue(read_switches(environ=settings, **switches)), report=reports.append)  # type: ignore[arg-type]
        host.reports = reports  # type: ignore[attr-defined]
        return host

    yield make
    for name in set(sys.modules) - loaded:
        if name.startswith("usr_plugin_"):
            del sys.modules[name]
    _forget()


def _forget() -> None:
    importlib.invalidate_caches()
    for cached in (discovery.own_plugins, discovery.other_plugins, discovery.distributions, discovery._identity):
        cached.cache_clear()
