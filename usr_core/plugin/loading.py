"""The import of one plugin's module or command, isolated."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from usr_core.plugin.discovery import PluginRecord
from usr_core.plugin.isolation import load_error, loading
from usr_core.plugin.manifest import CommandClaim

if TYPE_CHECKING:
    import typer

__all__ = ["load_object", "load_target"]


def load_object(record: PluginRecord, target: str) -> object:
    """Import ``module`` or ``module:attribute`` of a plugin.

    Raises:
        PluginLoadError: The import raised an error, or the attribute is missing.

    Example:
        >>> from usr_core.api import PluginHost
        >>> from usr_core.api.plugins import load_object
        >>> csv = next(record for record in PluginHost().plugins() if record.id == "csv")
        >>> load_object(csv, "usr_csv.plugin:usr_importers").__name__
        'usr_importers'
    """
    module_name, _, attribute = target.partition(":")
    with loading(record, f"importing {module_name}"):
        found: object = import_module(module_name)
    for name in attribute.split(".") if attribute else ():
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise load_error(record, f"{module_name} has no {attribute!r}", cause=error) from error
    return found


def load_target(record: PluginRecord, claim: CommandClaim) -> typer.Typer:
    """Import the application behind a command.

    Raises:
        PluginLoadError: The target can't be imported, is not a ``typer.Typer``, or holds no command.

    Example:
        >>> from usr_core.api import PluginHost
        >>> from usr_core.api.plugins import load_target
        >>> read = next(record for record in PluginHost().plugins() if record.id == "read")
        >>> type(load_target(read, read.commands[0])).__name__
        'Typer'
    """
    import typer

    found = load_object(record, claim.target)
    if not isinstance(found, typer.Typer):
        raise load_error(record, f"{claim.target} is not a typer.Typer but a {type(found).__name__}")
    if not found.registered_commands and not found.registered_groups and found.registered_callback is None:
        raise load_error(record, f"{claim.target} holds no command")
    return found
