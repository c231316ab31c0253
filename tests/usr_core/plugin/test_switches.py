"""Which plugins are on: a flag beats the environment, which beats the configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.plugin.errors import BadConfig
from usr_core.plugin.switches import config_path, read_switches


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration file that switches ``densegen`` off."""
    path = tmp_path / "usr" / "config.toml"
    path.parent.mkdir()
    path.write_text('[plugins]\ndisable = ["densegen"]\n\n[plugins.prefer]\nfasta = "usr-plugin-fasta"\n')
    return path


class TestReadSwitches:
    def test_takes_the_configuration_last(self, config: Path, tmp_path: Path) -> None:
        """It counts where neither a flag nor a variable speaks."""
        environ = {"XDG_CONFIG_HOME": str(tmp_path)}

        assert {"densegen": "the configuration file"} == read_switches(environ=environ).disabled
        assert {"fasta": "usr-plugin-fasta"} == read_switches(environ=environ).preferred

    def test_lets_the_environment_replace_the_configuration(self, config: Path, tmp_path: Path) -> None:
        """An empty variable switches everything on again."""
        environ = {"XDG_CONFIG_HOME": str(tmp_path), "USR_PLUGINS_DISABLE": ""}

        assert {} == read_switches(environ=environ).disabled

    def test_adds_the_flag(self, tmp_path: Path) -> None:
        """The switch that is named in messages is the strongest one."""
        environ = {"XDG_CONFIG_HOME": str(tmp_path), "USR_PLUGINS_DISABLE": "a, b"}

        disabled = read_switches(disable=["b"], environ=environ).disabled

        assert {"a": "USR_PLUGINS_DISABLE", "b": "--disable-plugin"} == disabled

    def test_tells_an_empty_allow_list_from_none(self, tmp_path: Path) -> None:
        """``USR_PLUGINS=`` allows nothing, built-ins included."""
        environ = {"XDG_CONFIG_HOME": str(tmp_path)}

        assert read_switches(environ=environ).reason_off("csv", own=True) is None
        assert "not in USR_PLUGINS" == read_switches(environ={**environ, "USR_PLUGINS": ""}).reason_off("csv", own=True)

    def test_no_plugins_spares_built_ins(self, tmp_path: Path) -> None:
        """``--no-plugins`` means third parties."""
        switches = read_switches(no_plugins=True, environ={"XDG_CONFIG_HOME": str(tmp_path)})

        assert switches.reason_off("csv", own=True) is None
        assert "--no-plugins" == switches.reason_off("fasta", own=False)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("plugins = 3", "'plugins'"),
            ("[plugins]\ncolour = 1", "plugins.colour"),
            ('[plugins]\ndisable = "a"', "plugins.disable"),
            ("[plugins.prefer]\nfasta = 1", "plugins.prefer"),
            ("[plugins", "not valid TOML"),
        ],
    )
    def test_keeps_what_is_wrong_with_the_configuration(
        self, config: Path, tmp_path: Path, text: str, said: str
    ) -> None:
        """The problem is for the shell to raise: help still works."""
        config.write_text(text)

        problem = read_switches(environ={"XDG_CONFIG_HOME": str(tmp_path)}).problem

        assert isinstance(problem, BadConfig)
        assert said in problem.message

    def test_ignores_other_tables(self, config: Path, tmp_path: Path) -> None:
        """The file is not the host's alone."""
        config.write_text('[remotes]\ndefault = "lab"\n')

        assert read_switches(environ={"XDG_CONFIG_HOME": str(tmp_path)}).problem is None


class TestConfigPath:
    @pytest.mark.parametrize("value", ["", "relative/place"])
    def test_ignores_an_invalid_base(self, value: str) -> None:
        """An empty or relative XDG_CONFIG_HOME counts as unset."""
        assert Path("~/.config/usr/config.toml").expanduser() == config_path({"XDG_CONFIG_HOME": value})
