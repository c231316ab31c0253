"""``usr plugins new`` writes distributions that can be installed, work, and pass their own tests."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support.cli import run_usr
from support.plugins import FakePlugin, install
from support.scratch_venv import ScratchVenv, make_venv
from support.tree import tree_digest
from usr_core.plugin.discovery import Distribution, InstalledPlugin
from usr_plugins import new_plugin
from usr_plugins.kinds import PluginKind
from usr_plugins.new_plugin import write_plugin

KINDS = [kind.value for kind in PluginKind]
SEVERAL = [
    PluginKind.IMPORTER,
    PluginKind.OVERLAY_WRITER,
    PluginKind.NAMESPACE,
    PluginKind.CHECK,
    PluginKind.HEALTH_CHECK,
    PluginKind.ALPHABET,
    PluginKind.COMMAND,
]


def plugin_id(kind: str) -> str:
    """Return an id with a _ in it, which becomes a - in the names of distributions and commands."""
    return f"lab_{kind.replace('-', '_')}"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a distribution of each kind."""
    folder = tmp_path_factory.mktemp("generated")
    for kind in KINDS:
        result = run_usr("plugins", "new", plugin_id(kind), "--kind", kind, "--out", "new", cwd=folder)
        assert (0, "") == (result.rc, result.err), str(result)
    write_plugin("lab_all", SEVERAL, folder / "new", owner_of=lambda _: None)
    return folder / "new"


@pytest.fixture(scope="module")
def venv(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> ScratchVenv:
    """A venv in which all of them are installed, from their wheels."""
    made = make_venv(tmp_path_factory.mktemp("venv") / "venv")
    made.install(*sorted(generated.iterdir()))
    return made


class TestGenerated:
    def test_tests_pass_at_once(self, venv: ScratchVenv, generated: Path) -> None:
        """Those of all kinds, and none is skipped."""
        tests = [path / "tests" for path in sorted(generated.iterdir())]
        done = venv.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "--rootdir", generated, *tests,
                        cwd=generated)  # fmt: skip

        assert 0 == done.rc, str(done)
        summary = re.search(r"^(\d+) passed in", done.out, re.MULTILINE)
        assert summary is not None, done.out
        assert int(summary[1]) > 150

    def test_the_doctor_finds_nothing(self, venv: ScratchVenv, generated: Path) -> None:
        """No problem and no advice, of all of them."""
        done = venv.usr("plugins", "doctor", "--format", "json", cwd=generated)
        mine = [found for found in done.data if found["id"].startswith("lab_")]

        assert sorted([*map(plugin_id, KINDS), "lab_all"]) == [found["id"] for found in mine]
        assert [([], [])] * (len(KINDS) + 1) == [(found["problems"], found["advice"]) for found in mine]

    def test_importer_and_writer_and_command_work_together(self, venv: ScratchVenv, generated: Path) -> None:
        """From a file to a dataset, kept and attached values, an export and an event; the doctor looks at the root."""
        root = generated.parent / "root"
        root.mkdir()
        (root / "some.lab_importer").write_text("one,ACGT\ntwo,TTGACA\n")
        events = {"USR_LAB_EVENT_SINK_FILE": root / "events"}

        def usr(*words: str) -> str:
            done = venv.usr("--root", ".", *words, cwd=root, env=events)
            assert 0 == done.rc, str(done)
            return done.out

        usr("namespace", "register", "lab_overlay_writer", "--from-plugin", "lab_overlay_writer")
        usr("init", "demo/some")
        usr("import", "demo/some", "some.lab_importer", "--option", "separator=comma")
        assert "nothing says whose root this is" in venv.usr("--root", ".", "doctor", cwd=root).out
        usr("export", "demo/some", "--fmt", "lab_exporter", "--out", "out", "--columns", "id,sequence")
        keys = [line.split("\t")[0].strip('"') for line in (root / "out").read_text().splitlines()[1:]]
        (root / "scores").write_text("".join(f"{key}\t{number}.5\tlabel\n" for number, key in enumerate(keys)))
        usr("attach", "demo/some", "--writer", "lab_overlay_writer", "--namespace", "lab_overlay_writer",
            "--key", "id", "--path", "scores")  # fmt: skip
        head = usr("head", "demo/some", "--columns", "lab_overlay_writer__score", "--format", "json")

        assert ["0.5", "1.5"] == re.findall(r"\d\.5", head)
        assert "two" in usr("head", "demo/some", "--columns", "lab_importer__label")
        assert "6" in usr("lab-command", "demo/some")
        assert ["init", "import", "attach"] == re.findall(r'"action": "(\w+)"', (root / "events").read_text())


class TestSeveralKinds:
    def test_the_namespace_is_that_of_the_kind_with_more_columns(self, tmp_path: Path) -> None:
        """An importer and an overlay writer bring one each; the writer's has the importer's column too."""
        kinds = [PluginKind.IMPORTER, PluginKind.OVERLAY_WRITER]
        folder = write_plugin("lab", kinds, tmp_path, owner_of=lambda _: None)
        hooks = (folder / "src" / "usr_plugin_lab" / "plugin.py").read_text()

        assert (1, True) == (hooks.count("def usr_namespaces"), 'summary="Results of lab", columns=COLUMNS' in hooks)


class TestDependency:
    @pytest.mark.parametrize(
        ("origin", "named"),
        [
            (None, "universal-sequence-record"),
            ("broken", "universal-sequence-record"),
            ('{"url": "file:///w/usr.whl", "archive_info": {}}', "universal-sequence-record @ file:///w/usr.whl"),
            (
                '{"url": "https://x.org/usr", "vcs_info": {"vcs": "git", "commit_id": "ab12"}}',
                "universal-sequence-record @ git+https://x.org/usr@ab12",
            ),
        ],
    )
    def test_names_where_usr_was_installed_from(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str | None, named: str
    ) -> None:
        """One that came from an index is named alone; another could not be found there."""
        project = self.project(tmp_path, monkeypatch, origin)

        assert [named] == project["project"]["dependencies"]

    def test_a_checkout_is_named_for_uv_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """pip takes what is installed, and does not replace it by a copy."""
        origin = '{"url": "file:///w/usr%20x", "dir_info": {"editable": true}}'
        project = self.project(tmp_path, monkeypatch, origin)

        assert ["universal-sequence-record"] == project["project"]["dependencies"]
        assert {"path": "/w/usr x", "editable": True} == project["tool"]["uv"]["sources"]["universal-sequence-record"]

    @staticmethod
    def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str | None) -> dict[str, Any]:
        """Return the project file of a new plugin, where USR was installed from `origin`."""
        if origin is not None:
            (tmp_path / "direct_url.json").write_text(origin, encoding="utf-8")
        usr = InstalledPlugin("csv", "usr_csv.plugin", Distribution("universal-sequence-record", str(tmp_path)))
        monkeypatch.setattr(new_plugin, "own_plugins", lambda: (usr,))
        folder = write_plugin("lab", [PluginKind.CHECK], tmp_path / "out", owner_of=lambda _: None)
        return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


class TestRefusals:
    @pytest.mark.parametrize(
        "name",
        ["", "Lab", "9lab", "lab-scores", "lab.scores", "../lab", "lab__scores", "lab_", "class", "usr", "l" * 41],
    )
    def test_of_a_name_that_is_no_id(self, tmp_path: Path, name: str) -> None:
        """Exit 2, and nothing is written."""
        result = run_usr("plugins", "new", "--kind", "importer", "--", name, cwd=tmp_path)

        assert (2, True) == (result.rc, "error[USR-PLUGINS-101]" in result.err), str(result)
        assert [] == list(tmp_path.iterdir())

    @pytest.mark.parametrize(("name", "owner"), [("csv", "universal-sequence-record"), ("taken", "usr-plugin-taken")])
    def test_of_an_id_that_somebody_has(self, tmp_path: Path, name: str, owner: str) -> None:
        """Built in, or installed from elsewhere; the distribution is named."""
        site = install(tmp_path / "site", FakePlugin("taken"))
        result = run_usr(
            "plugins", "new", name, "--kind", "importer", "--out", tmp_path / "out", env={"PYTHONPATH": site}
        )

        assert (2, True, True) == (result.rc, "error[USR-PLUGINS-102]" in result.err, owner in result.err)
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("there", ["folder", "file", "link"])
    def test_of_a_name_that_is_there(self, tmp_path: Path, there: str) -> None:
        """A folder, filled or not, a file, a link that leads nowhere: each stays as it is."""
        place = tmp_path / "usr-plugin-lab"
        {"folder": place.mkdir, "file": place.touch, "link": lambda: place.symlink_to("nowhere")}[there]()
        before = tree_digest(tmp_path)
        result = run_usr("plugins", "new", "lab", "--kind", "importer", cwd=tmp_path)

        assert (1, True) == (result.rc, "error[USR-PLUGINS-103]" in result.err), str(result)
        assert before == tree_digest(tmp_path)

    def test_of_a_folder_that_can_not_be_written(self, tmp_path: Path) -> None:
        """One error, and nothing half written."""
        (tmp_path / "out").write_text("a file\n")
        before = tree_digest(tmp_path)
        result = run_usr("plugins", "new", "lab", "--kind", "importer", "--out", "out", cwd=tmp_path)

        assert 1 == result.rc
        assert 1 == result.err.count("error[USR-")
        assert before == tree_digest(tmp_path)

    def test_of_a_kind_that_there_is_none_of(self, tmp_path: Path) -> None:
        """The kinds are listed."""
        result = run_usr("plugins", "new", "lab", "--kind", "aligner", cwd=tmp_path)

        assert (2, True) == (result.rc, all(kind in result.err for kind in KINDS))
