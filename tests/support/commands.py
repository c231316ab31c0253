"""The built-in commands as Typer builds them."""

from __future__ import annotations

from typing import Any

import typer

from usr_core.plugin.catalogue import Catalogue
from usr_core.plugin.loading import load_target
from usr_core.plugin.switches import read_switches

__all__ = ["built_in_commands"]


def built_in_commands() -> dict[str, Any]:
    """Return every command of the built-in plugins, those of groups too, by what one types."""
    found: dict[str, Any] = {}
    for entry in Catalogue(read_switches(no_plugins=True)).commands():
        found |= _leaves(typer.main.get_command(load_target(entry.record, entry.claim)), " ".join(entry.claim.path))
    return found


def _leaves(command: Any, words: str) -> dict[str, Any]:
    if not hasattr(command, "commands"):
        return {words: command}
    found: dict[str, Any] = {}
    for name, inner in command.commands.items():
        found |= _leaves(inner, f"{words} {name}")
    return found
