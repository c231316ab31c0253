"""What pyproject.toml lists about the plugins is what stands in plugins/."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(path.parent.name for path in (CHECKOUT / "plugins").glob("usr_*/__init__.py"))


@pytest.fixture
def pyproject() -> dict[str, Any]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_plugin_has_an_entry_point(pyproject: dict[str, Any]) -> None:
    """Each folder is found through the group `usr.plugins`, under its id."""
    expected = {package.removeprefix("usr_"): f"{package}.plugin" for package in PACKAGES}

    assert expected == pyproject["project"]["entry-points"]["usr.plugins"]


def test_import_linter_knows_every_plugin(pyproject: dict[str, Any]) -> None:
    """No plugin escapes the rules about imports."""
    linter = pyproject["tool"]["importlinter"]
    forbidden = next(c for c in linter["contracts"] if c["type"] == "forbidden")
    independent = next(c for c in linter["contracts"] if c["type"] == "independence")

    assert ["usr_core", *PACKAGES] == linter["root_packages"]
    assert PACKAGES == forbidden["forbidden_modules"]
    assert PACKAGES == independent["modules"]


def test_import_linter_orders_every_room(pyproject: dict[str, Any]) -> None:
    """Each room of the core has its place among the layers."""
    core = CHECKOUT / "usr_core"
    rooms = {path.parent.name for path in core.glob("*/__init__.py")}
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    contract = next(c for c in contracts if c.get("containers") == ["usr_core"])
    layers = {name for layer in contract["layers"] for name in layer.split(" | ")}

    assert contract["exhaustive"]
    assert set() == rooms - layers


@pytest.mark.parametrize("package", PACKAGES)
def test_plugin_is_complete(package: str) -> None:
    """A plugin has a manifest, a module with its hooks, and a page about what it adds."""
    names = {path.name for path in (CHECKOUT / "plugins" / package).iterdir()}

    assert set() == {"__init__.py", "usr-plugin.toml", "plugin.py", "README.md"} - names
