"""The examples in the docstrings of public names do what they say."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

import usr_core.api
from support.examples import Examples, lay_out

SECTIONS = sorted(path.stem for path in Path(usr_core.api.__file__).parent.glob("*.py") if path.stem != "__init__")
MODULES = ["usr_core", "usr_core.api", *(f"usr_core.api.{section}" for section in SECTIONS)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the examples find it."""
    folder = tmp_path_factory.mktemp("template")
    lay_out(folder)
    return folder


def callables_of(module: str) -> dict[str, object]:
    """Return the functions and classes of `module`; constants and type aliases have nothing to call."""
    home = import_module(module)
    found = {name: getattr(home, name) for name in home.__all__}
    return {name: value for name, value in found.items() if inspect.isclass(value) or inspect.isroutine(value)}


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run(module: str, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With exactly the output that they show, those of methods too."""
    examples = Examples(template, tmp_path, monkeypatch)
    differing = [examples.run(name, value) for name, value in callables_of(module).items()]

    assert "" == "\n".join(filter(None, differing))
