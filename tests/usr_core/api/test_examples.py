"""Every public name has an example, and the examples do what they say."""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import usr_core
import usr_core.api
from support.examples import Examples, lay_out, methods_of
from usr_core.api import Dataset, PluginHost
from usr_core.api.results import ParquetTable, RecordWriter

SECTIONS = sorted(path.stem for path in Path(usr_core.api.__file__).parent.glob("*.py") if path.stem != "__init__")
MODULES = ["usr_core.api", *(f"usr_core.api.{section}" for section in SECTIONS)]


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


def example_of(documented: object) -> str:
    """Return the lines of code in a docstring."""
    lines = (documented.__doc__ or "").splitlines()
    return "\n".join(line for line in lines if line.lstrip().startswith((">>>", "...")))


def constants_of(module: str) -> Iterator[tuple[str, str]]:
    """Yield the constants and type aliases of `module`, each with the module that makes it."""
    callables = callables_of(module)
    for node in ast.walk(ast.parse(Path(str(import_module(module).__file__)).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in sys.modules:
            yield from ((name.name, node.module) for name in node.names if name.asname == name.name not in callables)


def is_explained(name: str, home: str) -> bool:
    """Tell whether a text follows the assignment, or the help of a parameter is in it."""
    body = ast.parse(Path(str(sys.modules[home].__file__)).read_text("utf-8")).body
    for node, following in itertools.pairwise(body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            return text or any(isinstance(part, ast.keyword) and part.arg == "help" for part in ast.walk(node))
    return False


@pytest.mark.parametrize("module", MODULES)
def test_every_function_and_class_has_an_example(module: str) -> None:
    """In its own docstring, where ``help`` shows it."""
    assert [] == [name for name, value in callables_of(module).items() if not example_of(value)]


@pytest.mark.parametrize("module", MODULES)
def test_every_constant_and_type_alias_is_explained(module: str) -> None:
    """Beside its value, as nothing of it can be called."""
    assert [] == [name for name, home in constants_of(module) if not is_explained(name, home)]


def test_the_package_has_no_further_names() -> None:
    """What ``usr_core`` exports is in ``usr_core.api`` as well."""
    assert {"__version__"} == set(usr_core.__all__) - set(usr_core.api.__all__)


@pytest.mark.parametrize("kind", [Dataset, RecordWriter, ParquetTable, PluginHost])
def test_every_method_has_an_example(kind: type) -> None:
    """Of what is held and called again and again: in its own docstring, or in that of the class."""
    shown = example_of(kind)

    assert [] == [
        name
        for name, method in methods_of(kind).items()
        if not name.startswith("_") and not example_of(method) and f".{name}" not in shown
    ]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run(module: str, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With exactly the output that they show, those of methods too."""
    examples = Examples(template, tmp_path, monkeypatch)
    differing = [examples.run(name, value) for name, value in callables_of(module).items()]

    assert "" == "\n".join(filter(None, differing))
