"""Write a complete distribution for a new plugin, whose tests pass at once."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from usr_core.api.files import remove_tree, temporary_sibling
from usr_plugins.errors import BadPluginName, PluginFolderExists, PluginNameTaken
from usr_plugins.kinds import PluginKind

if TYPE_CHECKING:
    from usr_plugins.templates.kind import KindTemplate

__all__ = ["write_plugin"]

_LONGEST = 40
_RESERVED = frozenset({"base", "core", "plugin", "plugins", "test", "tests", "usr"})


def write_plugin(name: str, kind: PluginKind, out: Path, *, owner_of: Callable[[str], str | None]) -> Path:
    """Write ``usr-plugin-<name>`` into the folder `out`, and return its path.

    Args:
        name: The plugin's id.
        kind: What it adds.
        out: A folder; it is made if missing.
        owner_of: Returns who has an id among the installed plugins, or None.

    Raises:
        BadPluginName: The name can't be an id, a package and a command.
        PluginNameTaken: An installed plugin has that id.
        PluginFolderExists: The folder, or something else of its name, exists.
        OSError: The folder can't be written; nothing is left then.
    """
    _check(name)
    owner = owner_of(name)
    if owner is not None:
        raise PluginNameTaken(name=name, origin=owner)
    folder = out / f"usr-plugin-{name.replace('_', '-')}"
    if folder.exists() or folder.is_symlink():
        raise PluginFolderExists(folder=folder)
    texts = _texts(name, kind)
    out.mkdir(parents=True, exist_ok=True)
    staged = temporary_sibling(folder)
    try:
        for place, text in texts.items():
            path = staged / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        # An empty folder that appeared meanwhile is replaced, a filled one is an error.
        staged.rename(folder)
    except BaseException:
        remove_tree(staged)
        raise
    return folder


def _check(name: str) -> None:
    allowed = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
    if not name or not name[0].isalpha() or not allowed.issuperset(name):
        raise BadPluginName(name=name, reason="it has other letters, or begins with none")
    if len(name) > _LONGEST:
        raise BadPluginName(name=name, reason=f"it is longer than {_LONGEST} letters")
    if "__" in name or name.endswith("_"):
        raise BadPluginName(
            name=name, reason="two _ in a row separate a namespace from its column, and a name must not end in _"
        )
    if keyword.iskeyword(name) or name in _RESERVED:
        raise BadPluginName(name=name, reason="the word has a meaning of its own")


def _texts(name: str, kind: PluginKind) -> dict[str, str]:
    from usr_plugins.templates.common import COMMON

    template: KindTemplate = import_module(f"usr_plugins.templates.{kind.replace('-', '_')}").TEMPLATE
    words = kind.replace("-", " ")
    names = {
        "id": name,
        "package": f"usr_plugin_{name}",
        "dist": f"usr-plugin-{name.replace('_', '-')}",
        "title": "".join(part.capitalize() for part in name.split("_")),
        "command": name.replace("_", "-"),
        "upper": "USR-" + name.upper().replace("_", "-"),
        "upper_id": name.upper(),
        "kind_words": words[0].upper() + words[1:],
        "work": template.work,
    }
    names |= {key: _filled(getattr(template, key), names) for key in ("claims", "usage")}
    files = {
        **COMMON,
        "src/$package/plugin.py": template.hooks,
        "src/$package/$work.py": template.code,
        "tests/test_$id.py": template.tests,
    }
    return {_filled(place, names): _filled(text, names) for place, text in files.items()}


def _filled(text: str, names: dict[str, str]) -> str:
    return Template(text).substitute(names)
