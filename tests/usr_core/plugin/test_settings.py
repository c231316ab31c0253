"""Settings of plugins: the user's and the root's, for factories that take an argument."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.hosts import HostMaker
from support.plugins import FakePlugin
from usr_core.plugin.errors import BadConfig
from usr_core.plugin.host import PluginHost

HOOKS = """
from usr_core.api import ExporterSpec, TransportSpec, hookimpl
from usr_core.testing import MemoryRemote, MemoryTransport


class Writing:
    def __init__(self, *given):
        self.given = given

    def write(self, request, batches):
        pass


def with_settings(settings):
    return Writing(dict(settings))


def with_default(width=60):
    return Writing(width)


class Far(MemoryTransport):
    pass


def transport(remote, settings):
    made = Far(MemoryRemote())
    made.given = (dict(remote), dict(settings))
    return made


@hookimpl
def usr_exporters():
    return [
        ExporterSpec(name="one", summary="s", factory=with_settings, suffix=".one"),
        ExporterSpec(name="two", summary="s", factory=with_default, suffix=".two"),
        ExporterSpec(name="three", summary="s", factory=Writing, suffix=".three"),
    ]


@hookimpl
def usr_transports():
    return [TransportSpec(name="far", summary="s", factory=transport, scheme="far")]
"""
MANIFEST = """
api = "1.1"
id = "lab"
summary = "s"
settings = ["url", "threshold"]
""" + "".join(
    f"""
[[provides]]
kind = "{kind}"
name = "{name}"
"""
    for kind, name in (("exporter", "one"), ("exporter", "two"), ("exporter", "three"), ("transport", "far"))
)


@pytest.fixture
def configured(make_host: HostMaker, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Return what makes a host under a user's configuration and a root's."""

    def made(user: str = "", root: str = "") -> PluginHost:
        for folder, name, text in ((tmp_path / "config" / "usr", "config.toml", user), (tmp_path, "usr.toml", root)):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        host = make_host(FakePlugin("lab", manifest=MANIFEST, hooks=HOOKS))
        host.root = tmp_path
        return host

    return made


class TestFactories:
    def test_one_that_needs_an_argument_gets_the_settings(self, configured) -> None:  # type: ignore[no-untyped-def]
        """The root's keys stand over the user's."""
        host = configured(
            '[plugins.config.lab]\nurl = "a"\nthreshold = 0.5\n', "[plugins.config.lab]\nthreshold = 0.8\n"
        )

        assert ({"url": "a", "threshold": 0.8},) == host.exporter("one").given

    def test_without_settings_it_gets_an_empty_mapping(self, configured) -> None:  # type: ignore[no-untyped-def]
        """It is called with one argument always."""
        assert ({},) == configured().exporter("one").given

    @pytest.mark.parametrize(("name", "given"), [("two", (60,)), ("three", ())])
    def test_others_are_called_as_before(self, configured, name: str, given: tuple[object, ...]) -> None:  # type: ignore[no-untyped-def]
        """Arguments with a default, and classes that take any number, are left alone."""
        assert given == configured('[plugins.config.lab]\nurl = "a"\n').exporter(name).given

    def test_a_transport_gets_them_behind_the_remotes(self, configured) -> None:  # type: ignore[no-untyped-def]
        """Two arguments: the remote's settings, then the plugin's."""
        host = configured('[plugins.config.lab]\nurl = "a"\n')

        assert ({"host": "h"}, {"url": "a"}) == host.transport("far", {"host": "h"}).given


class TestRefusals:
    @pytest.mark.parametrize(
        ("user", "root", "told"),
        [
            ("[plugins.config.lab]\ncolour = 1\n", "", "plugins.config.lab.colour"),
            ("", "[plugins.config.lab]\ncolour = 1\n", "usr.toml has an unknown key 'plugins.config.lab.colour'"),
            ("", "[plugins]\ndisable = ['lab']\n", "plugins.disable"),
            ("", "[server]\nport = 1\n", "unknown key 'server'"),
            ("", "[plugins.config]\nlab = 3\n", "plugins.config"),
            ("", "[plugins.config.lab\n", "not valid TOML"),
        ],
    )
    def test_what_is_not_known_is_named(self, configured, user: str, root: str, told: str) -> None:  # type: ignore[no-untyped-def]
        """Whichever factory is called."""
        with pytest.raises(BadConfig) as caught:
            configured(user, root).exporter("two")

        assert told in caught.value.message
        assert 2 == caught.value.exit_code

    def test_settings_of_another_plugin_do_not_matter(self, configured) -> None:  # type: ignore[no-untyped-def]
        """They are judged when that one is used."""
        assert ({},) == configured("[plugins.config.other]\nx = 1\n").exporter("one").given
