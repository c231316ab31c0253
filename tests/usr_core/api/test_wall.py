"""Plugins know of the core what `usr_core.api` promises, and importing that costs nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import usr_core.api
from support.cli import clean_env
from support.imports import imported_names

CHECKOUT = Path(__file__).resolve().parents[3]
SECTIONS = sorted(path.stem for path in Path(usr_core.api.__file__).parent.glob("*.py"))
ALLOWED = ("usr_core.api", "usr_core.testing")
IMPORT = re.compile(r"\b(?:from|import) (usr_core[\w.]*)")


def module_of(section: str) -> str:
    return "usr_core.api" if section == "__init__" else f"usr_core.api.{section}"


def allowed(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in ALLOWED)


def files(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in CHECKOUT.glob(pattern))


def test_plugins_and_examples_import_nothing_else_of_the_core() -> None:
    """At any depth, and for type checkers too."""
    sources = files("plugins/usr_*/**/*.py", "examples/**/*.py")
    past_the_wall = [
        f"{path.relative_to(CHECKOUT)}: {module}"
        for path in sources
        for module, _ in imported_names(path.read_text("utf-8"))
        if module.partition(".")[0] == "usr_core" and not allowed(module)
    ]

    assert len(sources) > 100
    assert [] == past_the_wall


def test_new_plugins_and_the_pages_for_authors_import_nothing_else_of_the_core() -> None:
    """What ``usr plugins new`` writes, and what an author copies from docs/plugins."""
    texts = files("plugins/usr_plugins/templates/*.py", "docs/plugins/*.md")
    found = [(path, module) for path in texts for module in IMPORT.findall(path.read_text("utf-8"))]

    assert len(found) > 20
    assert [] == [f"{path.relative_to(CHECKOUT)}: {module}" for path, module in found if not allowed(module)]


def test_the_contract_forbids_every_other_child_of_the_core() -> None:
    """A package that is added to the core is added to the contract of plugins."""
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (contract,) = (c for c in contracts if c["name"].startswith("Plugins import nothing of the core but"))
    modules = {path.stem for path in files("usr_core/*.py")} - {"__init__"}
    children = {f"usr_core.{name}" for name in modules | {path.parent.name for path in files("usr_core/*/__init__.py")}}

    assert children - set(ALLOWED) == set(contract["forbidden_modules"])
    assert {path.parent.name for path in files("plugins/usr_*/__init__.py")} == set(contract["source_modules"])


@pytest.mark.parametrize("section", SECTIONS)
def test_type_checkers_see_the_names_that_there_are(section: str) -> None:
    """Each name has one home, which is the one that type checkers are told."""
    module = import_module(module_of(section))
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    (told,) = (node for node in tree.body if isinstance(node, ast.If))
    homes = {
        alias.asname: getattr(import_module(node.module or ""), alias.name)
        for node in told.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert homes == {name: getattr(module, name) for name in module.__all__}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """The message names module and name."""
    with pytest.raises(AttributeError, match=r"module 'usr_core.api.files' has no attribute 'write_old'"):
        _ = import_module("usr_core.api.files").write_old


def test_importing_every_section_loads_nothing_behind_it() -> None:
    """Neither data libraries nor any other module of the core."""
    modules = ", ".join(module_of(section) for section in SECTIONS)
    code = f"import sys, {modules}; print(*(n for n in sys.modules if n.split('.')[0] in {{'usr_core', 'pyarrow'}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_env(), capture_output=True, text=True, check=True, timeout=60
    )

    assert {"usr_core", "usr_core.lazy_names", *map(module_of, SECTIONS)} == set(done.stdout.split())
