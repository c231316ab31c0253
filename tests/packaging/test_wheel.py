"""The built distribution works where no checkout is near: this is what users get."""

from __future__ import annotations

import shutil
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.cli import Result, clean_env
from support.wheels import install_wheels, run_builder

CHECKOUT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PLUGINS = PYPROJECT["project"]["entry-points"]["usr.plugins"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A wheel, and a venv outside the checkout that has it and its dependencies."""

    wheel: Path
    venv: Path
    folder: Path

    def run(self, program: str, *words: str | Path) -> Result:
        """Run a program of the venv in `folder`."""
        return run_builder(self.venv / "bin" / program, *words, cwd=self.folder, env=clean_env())

    def usr(self, *words: str | Path) -> Result:
        """Run ``usr`` on a root in `folder`."""
        return self.run("usr", "--root", "root", *words)


@pytest.fixture(scope="module")
def installed(usr_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Install the built wheel into a new venv."""
    base = tmp_path_factory.mktemp("wheel")
    venv = install_wheels(base, usr_wheel)
    folder = base / "elsewhere"
    (folder / "root").mkdir(parents=True)
    yield Installed(wheel=usr_wheel, venv=venv, folder=folder)
    # Hundreds of megabytes that pytest would keep for three sessions.
    shutil.rmtree(venv)


def test_wheel_brings_only_our_packages(installed: Installed) -> None:
    """Nothing becomes importable at top level but usr_core and the plugins."""
    top = {name.split("/", 1)[0] for name in zipfile.ZipFile(installed.wheel).namelist()}

    assert {"usr_core", *(target.split(".")[0] for target in PLUGINS.values())} == {
        name for name in top if not name.endswith(".dist-info")
    }


def test_wheel_holds_manifests_and_type_marker(installed: Installed) -> None:
    """Files that are not Python modules are there too."""
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    expected = {"usr_core/py.typed", *(f"{target.split('.')[0]}/usr-plugin.toml" for target in PLUGINS.values())}

    assert set() == expected - names


def test_version_is_the_wheel_s(installed: Installed) -> None:
    """`usr --version` tells the version that was built."""
    assert PYPROJECT["project"]["version"] in installed.run("usr", "--version").out


def test_core_is_imported_from_site_packages(installed: Installed) -> None:
    """The checkout is not on the path of this venv."""
    place = Path(installed.run("python", "-c", "import usr_core; print(usr_core.__file__)").out.strip())

    assert place.is_relative_to(installed.venv)
    assert "site-packages" in place.parts


def test_every_built_in_plugin_is_ok(installed: Installed) -> None:
    """All of them are found by their entry points, with a valid manifest."""
    listed: list[dict[str, Any]] = installed.usr("plugins", "list", "--format", "json").data

    assert dict.fromkeys(PLUGINS, "ok") == {plugin["id"]: plugin["status"] for plugin in listed}


def test_main_job_runs(installed: Installed) -> None:
    """From a registration to a validated dataset with attached values."""
    (installed.folder / "sequences.csv").write_text("sequence\nACGT\nTTGACA\n", encoding="utf-8")
    (installed.folder / "scores.csv").write_text("sequence,score\nACGT,1.5\nTTGACA,2.5\n", encoding="utf-8")

    installed.usr("namespace", "register", "mock", "--columns", "mock__score:float64")
    installed.usr("init", "demo/wheel")
    installed.usr("import", "demo/wheel", "--from", "csv", "--path", "sequences.csv")
    installed.usr("attach", "demo/wheel", "--path", "scores.csv", "--namespace", "mock", "--key", "sequence",
                  "--key-col", "sequence")  # fmt: skip
    installed.usr("validate", "demo/wheel", "--strict")
    installed.usr("export", "demo/wheel", "--fmt", "csv", "--out", "out.csv", "--columns", "mock__score")

    assert ["1.5", "2.5"] == (installed.folder / "out.csv").read_text(encoding="utf-8").split()[1:]
