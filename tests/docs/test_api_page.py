"""docs/plugins/api.md lists what a plugin may import, name by name."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import usr_core.api

PAGE = Path(__file__).parents[2] / "docs" / "plugins" / "api.md"
HEADING = re.compile(r"^## .+: `(usr_core\.api[.\w]*)`$")
ROW = re.compile(r"^\| `(\w+)` \| (\S.*) \|$")


def listed() -> dict[str, list[str]]:
    """Return the names of the page by the module whose section they stand in, in order."""
    sections: dict[str, list[str]] = {}
    names: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := HEADING.match(line):
            names = sections[heading[1]] = []
        elif row := ROW.match(line):
            names.append(row[1])
    return sections


def test_the_page_lists_every_name_and_no_other() -> None:
    """In the section of its module; a name that is added or removed is so on the page."""
    stems = {path.stem for path in Path(usr_core.api.__file__).parent.glob("*.py")} - {"__init__"}
    modules = ["usr_core.api", *(f"usr_core.api.{stem}" for stem in stems)]

    assert {name: sorted(import_module(name).__all__) for name in modules} == {
        name: sorted(names) for name, names in listed().items()
    }


def test_names_are_found_by_looking() -> None:
    """Each section is in the order of the alphabet, whatever the case."""
    assert [] == [name for name, names in listed().items() if names != sorted(names, key=str.lower)]
