"""The example plugin is a distribution of its own: built, installed beside the built USR, tested and used."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.cli import Result, clean_env
from support.wheels import CHECKOUT, Installed, build_wheel, install_wheels, run_builder

EXAMPLE = CHECKOUT / "examples" / "usr-plugin-example"
PARTS = ("src", "pyproject.toml", "README.md", "LICENSE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A clean venv with USR, the example and pytest, and a folder elsewhere that has the example's tests."""

    venv: Path
    folder: Path

    def run(self, program: str, *words: str | Path, **variables: str | Path) -> Result:
        """Run a program of the venv in `folder`."""
        env = clean_env(variables)
        return run_builder(self.venv / "bin" / program, *words, cwd=self.folder, env=env)


@pytest.fixture(scope="module")
def beside(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """Build the example's wheel, and install both wheels and what they need."""
    base = tmp_path_factory.mktemp("example")
    wheel = build_wheel(EXAMPLE, PARTS, base / "work")
    tools = ("pytest", "iniconfig", "packaging", "pygments")
    venv = install_wheels(base, installed.wheel, f"{wheel}[test]", also=tools, beside=installed.venv)
    folder = base / "elsewhere"
    (folder / "root").mkdir(parents=True)
    shutil.copytree(EXAMPLE / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    yield Beside(venv=venv, folder=folder)
    shutil.rmtree(venv)


def test_its_own_tests_pass(beside: Beside) -> None:
    """None is skipped, and what they test is what was installed."""
    out = beside.run("python", "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "tests").out
    place = beside.run(
        "python", "-c", "import usr_plugin_example as p, usr_core as c; print(p.__file__, c.__file__)"
    ).out

    assert re.search(r"^\d\d passed in", out, re.MULTILINE), out
    assert 2 == place.count(str(beside.venv))


def test_the_doctor_finds_nothing(beside: Beside) -> None:
    """Of it and of the built-in plugins: a clean venv has no problem, but for programs that this machine lacks."""
    (found,) = beside.run("usr", "plugins", "doctor", "example", "--format", "json").data

    assert ("ok", [], []) == (found["status"], found["problems"], found["advice"])


def test_new_plugins_can_be_begun_with_the_wheel(beside: Beside) -> None:
    """The texts of every kind are packaged."""
    kinds = ("importer", "exporter", "overlay-writer", "verify", "transport", "event-sink", "namespace", "command")
    for kind in kinds:
        beside.run("usr", "plugins", "new", f"new_{kind.replace('-', '_')}", "--kind", kind, "--out", "new")

    assert len(kinds) == len(list((beside.folder / "new").glob("usr-plugin-new-*/src/*/usr-plugin.toml")))


def test_its_commands_work_beside_the_built_in_ones(beside: Beside) -> None:
    """Reads are imported, searched, attached, listed and exported; the sink has counted."""
    (beside.folder / "reads.fastq").write_text("@one\nTATATA\n+\nIIIIII\n@two\nTATAGG\n+\nIIIIII\n@three\nGG\n+\nII\n")

    def usr(*words: str) -> Result:
        return beside.run("usr", "--root", "root", *words, USR_EXAMPLE_COUNTS="counts.json")

    usr("namespace", "register", "example", "--from-plugin", "example")
    usr("init", "demo/reads")
    usr("import", "demo/reads", "--from", "example-fastq", "--path", "reads.fastq")
    usr("example", "find", "demo/reads", "--motif", "TATA", "--out", "motifs.tsv")
    usr("attach", "demo/reads", "--writer", "example", "--namespace", "example", "--key", "id", "--path", "motifs.tsv")
    usr("validate", "demo/reads", "--strict")
    best = usr("example", "best", "demo/reads", "--limit", "1", "--format", "json").data
    usr("export", "demo/reads", "--fmt", "jsonl", "--out", "out.jsonl", "--columns", "example__positions")

    assert [("TATA", 2)] == [(row["example__motif"], row["example__hits"]) for row in best]
    lines = (beside.folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [[0, 2], [0], []] == [json.loads(line)["example__positions"] for line in lines]
    assert {"attach": 1, "import": 1, "init": 1} == json.loads((beside.folder / "counts.json").read_text())
    assert "example" in usr("--help").out
