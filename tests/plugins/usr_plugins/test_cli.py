"""``usr plugins`` tells what is installed and imports none of it."""

from __future__ import annotations

from pathlib import Path

from support.cli import run_usr
from support.plugins import FakePlugin, install

EXPLOSIVE = "raise SystemExit('imported')\n"


class TestList:
    def test_holds_the_built_in_plugins(self, tmp_path: Path) -> None:
        """They are found like any other, through entry points."""
        rows = run_usr("plugins", "list", "--format", "json", cwd=tmp_path).data
        mine = next(row for row in rows if row["id"] == "plugins")

        assert ("ok", "universal-sequence-record") == (mine["status"], mine["distribution"])

    def test_is_a_table_without_wrapped_lines(self, tmp_path: Path) -> None:
        """One line a plugin, however long the reason."""
        site = install(tmp_path / "site", FakePlugin("newer", api="7.0"))
        json_rows = run_usr("plugins", "list", "--format", "json", env={"PYTHONPATH": site}).data
        lines = run_usr("plugins", "list", env={"PYTHONPATH": site, "COLUMNS": "40"}).out.splitlines()

        assert len(json_rows) + 1 == len(lines)


class TestInfo:
    def test_describes_from_the_manifest_alone(self, tmp_path: Path) -> None:
        """Commands, providers and missing tools, of a plugin that can't even be imported."""
        plugin = FakePlugin("lab", hooks=EXPLOSIVE).command("work", parent="dev", gate="USR_X").provides("check", "odd")
        manifest = plugin.manifest_text().replace(
            "[[commands]]", 'requires-tools = ["python3", "no-such-tool"]\n\n[[commands]]', 1
        )
        site = install(tmp_path / "site", FakePlugin("lab", hooks=EXPLOSIVE, manifest=manifest))
        found = run_usr("plugins", "info", "lab", "--format", "json", env={"PYTHONPATH": site}).data

        assert ["dev work"] == [command["command"] for command in found["commands"]]
        assert [{"kind": "check", "name": "odd"}] == found["provides"]
        assert ["no-such-tool"] == found["missing_tools"]
        assert (False, "1.0", "1.2") == (found["built_in"], found["api"], found["host_api"])

    def test_lists_the_options_of_formats_and_writers(self, tmp_path: Path) -> None:
        """Those in full and those by name alone, in the words of --help-options."""
        hooks = """
from usr_core.api import ExporterSpec, OptionSpec, OverlayWriterSpec, hookimpl


@hookimpl
def usr_exporters():
    width = OptionSpec(name="width", type=int, default=60, help="Letters a line")
    return [ExporterSpec(name="lines", summary="s", factory=object, suffix=".lines", options=(width,))]


@hookimpl
def usr_overlay_writers():
    return [OverlayWriterSpec(name="scan", summary="s", factory=object, namespace="lab", options=("factor",))]
"""
        plugin = FakePlugin("lab", hooks=hooks).provides("exporter", "lines").provides("overlay_writer", "scan")
        env = {"PYTHONPATH": install(tmp_path / "site", plugin)}
        found = run_usr("plugins", "info", "lab", "--format", "json", env=env).data

        assert [
            "exporter lines width=a whole number (60): Letters a line",
            "overlay writer scan factor=text",
        ] == found["options"]
        assert (
            "lines width=a whole number (60): Letters a line\n"
            == run_usr("export", "--fmt", "lines", "--help-options", env=env).out
        )
        assert "scan factor=text\n" == run_usr("attach", "--writer", "scan", "--help-options", env=env).out

    def test_of_an_unknown_id_is_exit_3(self, tmp_path: Path) -> None:
        """With the ids that were probably meant."""
        result = run_usr("plugins", "info", "plugin", cwd=tmp_path)

        assert (3, True) == (result.rc, "Did you mean plugins?" in result.err)
