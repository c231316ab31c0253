"""The application of one run: the invoked command is real, every other one is a stub with its help line.

Only the invoked command's module is imported. The tree is built anew for each run, with public Typer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import typer

from usr_core.cli.errors import CommandSwitchedOff, UnknownCommand
from usr_core.plugin.catalogue import Catalogue, CommandEntry
from usr_core.plugin.discovery import PluginStatus
from usr_core.plugin.errors import PluginError, PluginMissing
from usr_core.plugin.loading import load_target
from usr_core.plugin.manifest import MOUNT_POINTS

__all__ = ["CommandTree", "build_tree", "built_command"]

_ASKING_FOR_HELP = frozenset({"-h", "--help"})


class CommandTree(NamedTuple):
    """The application, and the command whose code it holds."""

    app: typer.Typer
    invoked: CommandEntry | None


def build_tree(
    app: typer.Typer, catalogue: Catalogue, words: Sequence[str], *, completing: bool = False
) -> CommandTree:
    """Add commands to `app`, which has the root options already.

    Args:
        app: A fresh application.
        catalogue: The installed plugins.
        words: The command's leading words, none where help or completion of the root is wanted.
        completing: True where a shell asks; then unknown words are not an error.

    Raises:
        UnknownCommand: No plugin has a command of this name.
        CommandSwitchedOff: Its environment variable is not set.
        PluginError: Its plugin is switched off, refused or can't be imported (exit 4).
    """
    if words and words[0] in MOUNT_POINTS:
        return _mount_point_tree(app, catalogue, words, completing)
    entry = _find(catalogue, words[:1], completing) if words else None
    if entry is not None:
        _mount(app, entry)
        return CommandTree(app, entry)
    stubs = {e.claim.name: e.claim.summary for e in _open_commands(catalogue, None)}
    for name, summary in MOUNT_POINTS.items():
        if _open_commands(catalogue, name):
            stubs[name] = summary
    _add_stubs(app, stubs)
    return CommandTree(app, None)


def built_command(app: typer.Typer, catalogue: Catalogue, arguments: Sequence[str]) -> Any:
    """Return what runs `app`; where help is asked for, it names the choices that an option has here.

    An option whose metavar is ``{KIND}`` takes one of the names of that kind, such as ``{importer}``: which are there
    is known from the manifests of what is installed.
    """
    command = typer.main.get_command(app)
    if not _ASKING_FOR_HELP.isdisjoint(arguments):
        _name_choices(command, catalogue)
    return command


def _name_choices(command: Any, catalogue: Catalogue) -> None:
    for inner in getattr(command, "commands", {}).values():
        _name_choices(inner, catalogue)
    for parameter in command.params:
        metavar = parameter.metavar or ""
        if metavar.startswith("{") and metavar.endswith("}"):
            from usr_core.cli.completion import offered_choices

            parameter.metavar = "|".join(offered_choices(metavar[1:-1], catalogue))


def _mount_point_tree(app: typer.Typer, catalogue: Catalogue, words: Sequence[str], completing: bool) -> CommandTree:
    name = words[0]
    commands = _open_commands(catalogue, name)
    entry = _find(catalogue, words[:2], completing) if len(words) > 1 else None
    if entry is None and not commands and not completing:
        raise _unknown(catalogue, words)
    group = typer.Typer(help=MOUNT_POINTS[name], no_args_is_help=True)
    group.callback()(_no_options)
    if entry is not None:
        _mount(group, entry)
    else:
        _add_stubs(group, {e.claim.name: e.claim.summary for e in commands})
    app.add_typer(group, name=name)
    return CommandTree(app, entry)


def _open_commands(catalogue: Catalogue, parent: str | None) -> list[CommandEntry]:
    return [e for e in catalogue.commands() if e.claim.parent == parent and _closed_gate(e) is None]


def _closed_gate(entry: CommandEntry) -> str | None:
    gate = entry.claim.env_gate
    return gate if gate is not None and os.environ.get(gate) != "1" else None


def _find(catalogue: Catalogue, path: Sequence[str], completing: bool) -> CommandEntry | None:
    """Return the entry of a command that may run; None only while completing."""
    entry = catalogue.find_command(path)
    if entry is not None and entry.refusal is None and _closed_gate(entry) is None:
        return entry
    if completing:
        return None
    if entry is None:
        raise _unknown(catalogue, path)
    spelled = " ".join(path)
    if entry.refusal is not None:
        reason, hint = entry.refusal
        kind = PluginMissing if entry.record.status is PluginStatus.DISABLED else PluginError
        raise kind(f"the command {spelled!r} can't be used: {reason}", hint=hint)
    gate = entry.claim.env_gate
    raise CommandSwitchedOff(f"the command {spelled!r} is switched off", hint=f"Set {gate}=1 to use it.")


def _unknown(catalogue: Catalogue, path: Sequence[str]) -> UnknownCommand:
    from difflib import get_close_matches

    parent = path[0] if len(path) > 1 else None
    names = [entry.claim.name for entry in _open_commands(catalogue, parent)]
    if parent is None:
        names += [name for name in MOUNT_POINTS if _open_commands(catalogue, name)]
    close = get_close_matches(path[-1], names)
    also = f"Did you mean {', '.join(close)}? " if close else ""
    where = f"usr {parent}" if parent in MOUNT_POINTS and names else "usr"
    return UnknownCommand(f"there is no command {' '.join(path)!r}", hint=f"{also}`{where} --help` lists the commands.")


def _add_stubs(app: typer.Typer, summaries: Mapping[str, str]) -> None:
    for name, summary in sorted(summaries.items()):
        # Typer would take leading white space or form feeds for layout; a manifest's summary is one printable line.
        app.command(name, help=summary, short_help=summary)(_stub)


def _stub() -> None:
    raise UnknownCommand("this command was not loaded", hint="Write the command before its options.")


def _no_options() -> None:
    """Mount points have no options of their own."""


def _mount(app: typer.Typer, entry: CommandEntry) -> None:
    target = load_target(entry.record, entry.claim)
    name, summary = entry.claim.name, entry.claim.summary
    if _is_single(target):
        command = target.registered_commands[0]
        # Whatever an author set on the command is kept; only its name is the manifest's.
        settings: dict[str, Any] = {
            key: value for key, value in vars(command).items() if key not in ("name", "callback")
        }
        callback: Callable[..., Any] | None = command.callback
        if callback is not None:
            if settings.get("help") is None and not callback.__doc__:
                settings["help"] = summary
            app.command(name, **settings)(callback)
            return
    if isinstance(target.info.help, str) or target.registered_callback is not None:
        app.add_typer(target, name=name)
    else:
        app.add_typer(target, name=name, help=summary)


def _is_single(target: typer.Typer) -> bool:
    """Tell whether Typer itself would run this application as one plain command."""
    return len(target.registered_commands) == 1 and not target.registered_groups and target.registered_callback is None
