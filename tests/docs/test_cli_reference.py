"""A page of docs/reference has a section for every command, and in it every option and a runnable example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.commands import built_in_commands

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
NOT_ABOUT_OPTIONS = {"errors.md", "json.md"}
HEADING = re.compile(r"^## `usr ([^`]+)`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = {
    command: text
    for page in sorted(REFERENCE.glob("*.md"))
    if page.name not in NOT_ABOUT_OPTIONS
    for command, text in HEADING.findall(page.read_text(encoding="utf-8"))
}
TYPERS_OWN = {"--help", "--install-completion", "--show-completion"}


def all_commands() -> dict[str, list[str]]:
    """Return the long options of every command by what one types."""
    found: dict[str, list[str]] = {}
    for words, command in built_in_commands().items():
        options = [option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)]
        found[words] = [option for option in options if option.startswith("-") and option not in TYPERS_OWN]
    return found


@pytest.mark.parametrize(("command", "options"), sorted(all_commands().items()))
def test_every_command_and_option_is_documented(command: str, options: list[str]):
    """Its section names each option as it is typed, and holds an example of it."""
    section = SECTIONS.get(command, "")

    assert [] == [option for option in options if f"`{option}" not in section]
    assert re.search(rf"^\$ usr (?:--root \S+ )?{command}\b", section, re.MULTILINE), "an example is missing"


def test_no_section_is_about_a_command_that_is_gone():
    """What is described exists."""
    assert set(SECTIONS) <= set(all_commands())
