"""The statuses of installed plugins, as ``usr plugins list`` tells them without importing any."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Result, run_usr
from support.plugins import FakePlugin, install

EXPLOSIVE = "print('imported')\nraise SystemExit('imported')\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for installed plugins."""
    return tmp_path / "site"


def run(site: Path, *args: str, env: dict[str, str] | None = None) -> Result:
    return run_usr(*args, cwd=site.parent, env={"PYTHONPATH": site, **(env or {})})


def statuses(site: Path, *args: str, env: dict[str, str] | None = None) -> dict[str, tuple[str, str]]:
    """Return status and reason of each third party's plugin by distribution."""
    result = run(site, *args, "plugins", "list", "--format", "json", env=env)
    assert result.rc == 0, str(result)
    own = "universal-sequence-record"
    return {row["distribution"]: (row["status"], row["reason"]) for row in result.data if row["distribution"] != own}


class TestStatus:
    def test_ok_imports_nothing(self, site: Path) -> None:
        """A plugin whose import would end the process is listed in peace."""
        install(site, FakePlugin("fine", hooks=EXPLOSIVE).provides("importer", "fine"))

        assert {"usr-plugin-fine": ("ok", None)} == statuses(site)

    def test_incompatible_holds_both_versions(self, site: Path) -> None:
        """The plugin's API and the host's."""
        install(site, FakePlugin("newer", api="2.4", hooks=EXPLOSIVE))
        status, reason = statuses(site)["usr-plugin-newer"]

        assert ("incompatible", True, True) == (status, "2.4" in reason, "1.2" in reason)

    def test_a_higher_minor_is_ok(self, site: Path) -> None:
        """What it has beyond this API is left out; `info` says what."""
        install(site, FakePlugin("newer", api="1.4", hooks=EXPLOSIVE).provides("aligner", "newer"))
        info = run(site, "plugins", "info", "newer", "--format", "json").data

        assert {"usr-plugin-newer": ("ok", None)} == statuses(site)
        assert ([], ["made for plugin API 1.4, of which this USR has 1.2: the aligner 'newer' is left out"]) == (
            info["provides"],
            info["notes"],
        )

    def test_bad_manifest_names_the_key(self, site: Path) -> None:
        """The file and the key are in the reason."""
        install(site, FakePlugin("odd", manifest='api = "1.0"\nid = "odd"\nsummary = "s"\ncolour = "red"\n'))
        status, reason = statuses(site)["usr-plugin-odd"]

        assert ("bad-manifest", True, True) == (status, "'colour'" in reason, "usr-plugin.toml" in reason)

    def test_bad_manifest_when_its_id_is_another(self, site: Path) -> None:
        """The entry point's name and the manifest's id are one thing."""
        install(site, FakePlugin("odd", manifest='api = "1.0"\nid = "even"\nsummary = "s"\n'))

        assert "bad-manifest" == statuses(site)["usr-plugin-odd"][0]

    def test_no_manifest(self, site: Path) -> None:
        """A plugin without a manifest is not a problem."""
        install(site, FakePlugin("bare", bare=True))

        assert "no-manifest" == statuses(site)["usr-plugin-bare"][0]

    @pytest.mark.parametrize("gone", ["plugin.py", "."])
    def test_unimportable_without_importing(self, site: Path, gone: str) -> None:
        """A module that is not there is seen on disk."""
        install(site, FakePlugin("gone"))
        target = site / "usr_plugin_gone" / gone
        target.unlink() if target.is_file() else target.rename(site / "elsewhere")

        assert "unimportable" == statuses(site)["usr-plugin-gone"][0]

    def test_conflict_of_ids_refuses_both(self, site: Path) -> None:
        """Each reason names the other distribution and its version."""
        install(site, FakePlugin("twin", distribution="lab-a"), FakePlugin("twin", distribution="lab-b", version="2.5"))
        found = statuses(site)

        assert {"conflict"} == {status for status, _ in found.values()}
        assert "lab-b 2.5" in found["lab-a"][1]
        assert "lab-a 1.0" in found["lab-b"][1]

    def test_conflict_of_ids_is_settled_by_preference(self, site: Path, tmp_path: Path) -> None:
        """The preferred distribution is ok, the other stays refused."""
        install(site, FakePlugin("twin", distribution="lab-a"), FakePlugin("twin", distribution="lab-b"))
        config = tmp_path / "usr" / "config.toml"
        config.parent.mkdir()
        config.write_text('[plugins.prefer]\ntwin = "lab_b"\n')
        found = statuses(site, env={"XDG_CONFIG_HOME": str(tmp_path)})

        assert ("conflict", "ok") == (found["lab-a"][0], found["lab-b"][0])

    def test_conflict_with_a_built_in_id(self, site: Path) -> None:
        """A third party can't be the plugin ``plugins``, whatever the user prefers."""
        install(site, FakePlugin("plugins", distribution="lab-a", hooks=EXPLOSIVE))

        assert "conflict" == statuses(site)["lab-a"][0]
        assert "ok" in run(site, "plugins", "info", "plugins").out

    @pytest.mark.parametrize(
        ("args", "env"),
        [
            (["--no-plugins"], {}),
            (["--disable-plugin", "fine"], {}),
            (["--disable-plugin=other", "--disable-plugin=fine"], {}),
            ([], {"USR_PLUGINS": "plugins"}),
            ([], {"USR_PLUGINS_DISABLE": "other,fine"}),
        ],
    )
    def test_disabled_says_by_what(self, site: Path, args: list[str], env: dict[str, str]) -> None:
        """Every switch shows in the reason."""
        install(site, FakePlugin("fine"))
        status, reason = statuses(site, *args, env=env)["usr-plugin-fine"]
        switch = args[0].partition("=")[0] if args else next(iter(env))

        assert ("disabled", True) == (status, switch in reason)

    def test_a_disabled_plugin_claims_nothing(self, site: Path) -> None:
        """Switching one of two rivals off settles their conflict."""
        install(site, FakePlugin("one").command("same"), FakePlugin("two").command("same"))

        assert "ran same of usr-plugin-one\n" == run(site, "--disable-plugin", "two", "same").out


class TestDiscovery:
    def test_of_two_installations_the_first_on_the_path_counts(self, site: Path, tmp_path: Path) -> None:
        """A distribution installed twice is one plugin, as importing has it."""
        second = install(tmp_path / "second", FakePlugin("fine", version="2.0"))
        install(site, FakePlugin("fine"))
        result = run(site, "plugins", "info", "fine", "--format", "json", env={"PYTHONPATH": f"{site}:{second}"})

        assert ("1.0", []) == (result.data["version"], result.data["rivals"])

    def test_finds_a_development_install(self, site: Path, tmp_path: Path) -> None:
        """An ``egg-info`` folder beside the sources, and a manifest inside a package of packages, are found."""
        source = tmp_path / "source"
        (source / "lab" / "tools").mkdir(parents=True)
        for file in ("lab/__init__.py", "lab/tools/__init__.py", "lab/tools/plugin.py"):
            (source / file).write_text(EXPLOSIVE)
        (source / "lab" / "tools" / "usr-plugin.toml").write_text('api = "1.0"\nid = "tools"\nsummary = "s"\n')
        metadata = source / "lab_tools.egg-info"
        metadata.mkdir()
        (metadata / "PKG-INFO").write_text("Name: Lab.Tools\nVersion: 0.3.dev1\n")
        (metadata / "entry_points.txt").write_text("[usr.plugins]\ntools = lab.tools.plugin\n")

        assert {"Lab.Tools": ("ok", None)} == statuses(source)
