"""The built distribution works where no checkout is near: this is what users get."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path
from typing import Any

from support.wheels import Installed

CHECKOUT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PLUGINS = PYPROJECT["project"]["entry-points"]["usr.plugins"]


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
