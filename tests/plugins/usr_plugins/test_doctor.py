"""``usr plugins doctor`` loads every plugin apart, and knows what is wrong with which."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from support.broken_plugins import BROKEN, HOOKS, broken
from support.cli import Result, run_usr
from support.plugins import FakePlugin, install


def doctor(site: Path, *words: str, **env: str) -> Result:
    return run_usr("plugins", "doctor", *words, cwd=site.parent, env={"PYTHONPATH": site, **env})


def found(site: Path, plugin_id: str, *words: str) -> dict[str, Any]:
    """Return what is found about one plugin, which has a problem exactly if the exit code is 1."""
    result = doctor(site, plugin_id, "--format", "json", *words)
    (examination,) = result.data
    assert (1 if examination["problems"] else 0) == result.rc, str(result)
    return examination


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


class TestHealthy:
    def test_built_in_plugins_have_no_problem(self, tmp_path: Path) -> None:
        """Exit 0; each has been loaded, and offers what its manifest declares."""
        result = run_usr("plugins", "doctor", "--format", "json", cwd=tmp_path)
        declared = {
            row["id"]: run_usr("plugins", "info", row["id"], "--format", "json").data["provides"]
            for row in result.data
            if row["id"] in ("csv", "verify", "rsync")
        }

        assert [] == [(row["id"], row["problems"]) for row in result.data if row["problems"]]
        assert all(row["import_ms"] is not None for row in result.data)
        assert declared == {row["id"]: row["offered"] for row in result.data if row["id"] in declared}

    def test_of_a_third_party_is_told_in_full(self, site: Path) -> None:
        """Import times of hooks and commands, and what is offered; nothing to mend."""
        install(site, broken(HOOKS))
        seen = found(site, "sick")

        assert ("ok", [], []) == (seen["status"], seen["problems"], seen["advice"])
        assert [("event_sink", "sick"), ("importer", "sick")] == [(o["kind"], o["name"]) for o in seen["offered"][::-1]]
        assert ["work"] == [command["command"] for command in seen["commands"]]

    def test_as_text_ends_with_a_line_that_says_so(self, site: Path) -> None:
        """A table, and no problem."""
        install(site, broken(HOOKS))

        assert "no problem found" == doctor(site, "sick").out.splitlines()[-1]


class TestProblems:
    @pytest.mark.parametrize("kind", sorted(BROKEN))
    def test_of_every_kind_are_found_with_a_fix(self, site: Path, kind: str) -> None:
        """Within the time limit, and nothing of it reaches the output of the command itself."""
        source, said = BROKEN[kind]
        install(site, broken(source))
        started = time.monotonic()
        limit = ["--time-limit", "3"] if kind == "hangs" else []
        seen = found(site, "sick", *limit)

        assert "failed" == seen["status"]
        assert any(said in problem["what"] for problem in seen["problems"]), seen
        assert all(problem["fix"] for problem in seen["problems"])
        assert time.monotonic() - started < 30

    def test_of_one_plugin_do_not_hide_another(self, site: Path) -> None:
        """The text names the sick one, and the healthy one is ok."""
        install(site, broken(BROKEN["exits at once"][0]), FakePlugin("well").command("walk"))
        result = doctor(site, USR_PLUGINS="plugins,sick,well")

        assert 1 == result.rc
        assert "problem: sick (usr-plugin-sick 1.0): importing usr_plugin_sick.plugin ended the process" in result.out
        assert "\n  fix: " in result.out
        assert [["ok"]] == [line.split()[1:2] for line in result.out.splitlines() if line.startswith("well")]

    def test_of_a_duplicate_name_are_both_sides_s(self, site: Path) -> None:
        """Each names the other distribution, and the way out."""
        install(site, broken(HOOKS, distribution="lab-a"), broken(HOOKS, distribution="lab-b"))
        result = doctor(site, "sick", "--format", "json")

        assert (1, ["conflict", "conflict"]) == (result.rc, [seen["status"] for seen in result.data])
        assert ["lab-b 1.0", "lab-a 1.0"] == [
            next(name for name in ("lab-b 1.0", "lab-a 1.0") if f"({name}) claims" in seen["problems"][0]["what"])
            for seen in result.data
        ]
        assert all("[plugins.prefer]" in seen["problems"][0]["fix"] for seen in result.data)

    def test_of_a_heavy_import(self, site: Path) -> None:
        """Named, for the hooks as a problem and for a command as advice."""
        source = "import pyarrow\nimport typer\n\nwork_app = typer.Typer()\n\n\n@work_app.command()\ndef work(): ...\n"
        install(site, FakePlugin("fat", hooks="import duckdb\n"), FakePlugin("heavy").command("work", source=source))
        fat, heavy = found(site, "fat"), found(site, "heavy")

        assert ["duckdb" in problem["what"] for problem in fat["problems"]] == [True]
        assert (["pyarrow" in piece["what"] for piece in heavy["advice"]], []) == ([True], heavy["problems"])

    def test_of_a_manifest_and_code_that_disagree(self, site: Path) -> None:
        """Declared and not offered, offered and not declared."""
        plugin = FakePlugin("sick", hooks=HOOKS).provides("importer", "sick").provides("importer", "other")
        install(site, plugin)
        said = " ".join(problem["what"] for problem in found(site, "sick")["problems"])

        assert "declares the importer 'other', which usr_importers does not offer" in said
        assert "offers the event sink 'sick', which its manifest does not declare" in said

    def test_of_a_namespace_that_is_not_its_own(self, site: Path) -> None:
        """Another name, a column of another, a type that there is none of."""
        columns = {"lab__x": "int64", "other__x": "int64", "sick__x": "colour"}
        for number, (column, spelling) in enumerate(columns.items()):
            place = site / str(number)
            place.mkdir(parents=True)
            install(place, FakePlugin("sick", hooks=self.namespace(column, spelling)).provides("namespace", "sick"))
            said = " ".join(problem["what"] for problem in found(place, "sick")["problems"])

            assert ("the namespace 'lab'", "begin with sick__", "colour")[number] in said

    def namespace(self, column: str, spelling: str) -> str:
        name = column.partition("__")[0].replace("other", "sick")
        return (
            "from usr_core.plugin import NamespaceSpec, hookimpl\n\n\n@hookimpl\ndef usr_namespaces():\n"
            f"    return [NamespaceSpec(name={name!r}, summary='s', columns=(({column!r}, {spelling!r}),))]\n"
        )

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (("factory=Reader", "factory=lambda: None"), "has no method open"),
            (('return ["sequence"]', "return 3"), "an int and has to be a sequence of texts"),
            (('yield pa.record_batch({"sequence": ["ACGT"]})', "yield 'ACGT'"), "it yielded a str"),
            (("import pyarrow as pa\n\n", "raise OSError(5, 'x')\n"), "OSError"),
            (("factory=Sink", "factory=int"), "has no method emit"),
            (('summary="s", factory=Sink', 'summary="s", factory=Sink, timeout_s=-1'), "timeout_s"),
        ],
    )
    def test_of_what_comes_back(self, site: Path, change: tuple[str, str], said: str) -> None:
        """Factories are called, an importer opens an empty file, and answers are checked as at the border."""
        assert change[0] in HOOKS
        install(site, broken(HOOKS.replace(*change)))

        assert any(said in problem["what"] for problem in found(site, "sick")["problems"])

    def test_of_a_policy_that_nobody_asks(self, site: Path) -> None:
        """The manifest does not declare it."""
        source = (
            "from usr_core.plugin import hookimpl\n\n\n@hookimpl\ndef usr_choose_verify(request):\n    return None\n"
        )
        install(
            site, FakePlugin("sick", hooks=source), FakePlugin("well", hooks=source).provides("verify_policy", "well")
        )

        assert ["never asked" in problem["what"] for problem in found(site, "sick")["problems"]] == [True]
        assert [] == found(site, "well")["problems"]

    @pytest.mark.parametrize(
        ("source", "said"),
        [("work_app = 3\n", "not a typer.Typer but a int"), ("", "has no 'work_app'"), ("1 / 0\n", "Zero")],
    )
    def test_of_a_command_that_is_none(self, site: Path, source: str, said: str) -> None:
        """Its target is not an application, or can't be imported."""
        install(site, FakePlugin("sick").command("work", source=source))

        assert any(said in problem["what"] for problem in found(site, "sick")["problems"])

    def test_of_a_program_that_is_missing(self, site: Path) -> None:
        """What the manifest requires and PATH has not."""
        manifest = 'api = "1.0"\nid = "sick"\nsummary = "s"\nrequires-tools = ["sh", "no-such-tool"]\n'
        install(site, FakePlugin("sick", manifest=manifest))

        assert ["the program no-such-tool is not on PATH"] == [p["what"] for p in found(site, "sick")["problems"]]

    def test_of_a_manifest_that_can_not_be_read(self, site: Path) -> None:
        """The plugin is not loaded then."""
        install(site, FakePlugin("sick", hooks="1 / 0\n", manifest="api = 3\n"), FakePlugin("newer", api="7.0"))

        assert [("bad-manifest", None), ("incompatible", None)] == [
            (seen["status"], seen["import_ms"]) for seen in (found(site, "sick"), found(site, "newer"))
        ]


class TestNoProblem:
    def test_is_a_plugin_that_is_switched_off(self, site: Path) -> None:
        """It is not loaded."""
        install(site, broken("import no_such_module\n"))
        result = run_usr("--disable-plugin", "sick", "plugins", "doctor", "sick", "--format", "json",
                         env={"PYTHONPATH": site})  # fmt: skip

        assert (0, "disabled", None) == (result.rc, result.data[0]["status"], result.data[0]["import_ms"])

    def test_is_a_missing_manifest(self, site: Path) -> None:
        """That is advice."""
        install(site, FakePlugin("sick", hooks=HOOKS, bare=True))
        seen = found(site, "sick")

        assert ("no-manifest", [], 1) == (seen["status"], seen["problems"], len(seen["advice"]))

    def test_is_what_a_plugin_for_a_later_minor_has_beyond(self, site: Path) -> None:
        """Kinds and hooks that this USR does not have are advice, and its other hooks are used."""
        hooks = "from usr_core.api import hookimpl\n\n@hookimpl\ndef usr_aligners():\n    return []\n"
        install(site, FakePlugin("sick", api="1.9", hooks=hooks).provides("aligner", "sick"))
        seen = found(site, "sick")

        assert ("ok", []) == (seen["status"], seen["problems"])
        assert ["aligner" in piece["what"] for piece in seen["advice"]] == [True, True]

    def test_is_an_id_that_is_not_installed(self, site: Path) -> None:
        """That is exit 3."""
        site.mkdir()

        assert 3 == doctor(site, "absent").rc
