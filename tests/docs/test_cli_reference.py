"""A page of docs/reference has a section for every command, and in it every option and a runnable example."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from usr_core.plugin.catalogue import Catalogue, CommandEntry
from usr_core.plugin.loading import load_target
from usr_core.plugin.switches import read_switches

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


def built_in_commands() -> dict[str, CommandEntry]:
    """Return this distribution's own commands by what one types."""
    entries = Catalogue(read_switches(no_plugins=True)).commands()
    return {" ".join(entry.claim.path): entry for entry in entries if entry.record.is_own}


def leaves(command: Any, words: str) -> dict[str, list[str]]:
    """Return the long options of a command, or of each command of a group, by what one types."""
    if hasattr(command, "commands"):
        found: dict[str, list[str]] = {}
        for name, inner in command.commands.items():
            found |= leaves(inner, f"{words} {name}")
        return found
    options = [option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)]
    return {words: [option for option in options if option.startswith("-") and option not in TYPERS_OWN]}


def all_commands() -> dict[str, list[str]]:
    """Return every command with its options."""
    found: dict[str, list[str]] = {}
    for words, entry in built_in_commands().items():
        found |= leaves(typer.main.get_command(load_target(entry.record, entry.claim)), words)
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
