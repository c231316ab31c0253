"""Write a complete distribution for a new plugin, whose tests pass at once."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import unquote

from usr_core.api.files import remove_tree, temporary_sibling
from usr_core.api.plugins import own_plugins
from usr_plugins.errors import BadPluginName, PluginFolderExists, PluginNameTaken
from usr_plugins.kinds import PluginKind

if TYPE_CHECKING:
    from usr_plugins.templates.kind import KindTemplate

__all__ = ["write_plugin"]

_LONGEST = 40
_USR = "universal-sequence-record"
_IMPORT = "from usr_core.api import "
_RESERVED = frozenset({"base", "core", "plugin", "plugins", "test", "tests", "usr"})


def write_plugin(
    name: str,
    kinds: Sequence[PluginKind],
    out: Path,
    *,
    owner_of: Callable[[str], str | None],
    dry_run: bool = False,
) -> Path:
    """Write ``usr-plugin-<name>`` into the folder `out`, and return its path.

    Args:
        name: The plugin's id.
        kinds: What it adds, at least one.
        out: A folder; it is made if missing.
        owner_of: Returns who has an id among the installed plugins, or None.
        dry_run: Check, and write nothing.

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
    texts = _texts(name, sorted(dict.fromkeys(kinds), key=_with_columns))
    if dry_run:
        return folder
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


def _with_columns(kind: PluginKind) -> int:
    """Return where a kind stands among several: of two that bring a namespace, the one with more columns is first."""
    order = (PluginKind.NAMESPACE, PluginKind.OVERLAY_WRITER)
    return order.index(kind) if kind in order else len(order)


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


def _texts(name: str, kinds: Sequence[PluginKind]) -> dict[str, str]:
    from usr_plugins.templates.common import COMMON

    templates: dict[PluginKind, KindTemplate] = {
        kind: import_module(f"usr_plugins.templates.{kind.replace('-', '_')}").TEMPLATE for kind in kinds
    }
    every = list(templates.values())
    dependency, sources = _dependency()
    words = " and ".join(kind.replace("-", " ") for kind in kinds)
    names = {
        "id": name,
        "package": f"usr_plugin_{name}",
        "dist": f"usr-plugin-{name.replace('_', '-')}",
        "title": "".join(part.capitalize() for part in name.split("_")),
        "command": name.replace("_", "-"),
        "upper": "USR-" + name.upper().replace("_", "-"),
        "upper_id": name.upper(),
        "kind_words": words[0].upper() + words[1:],
        "api": max(template.api for template in every),
        "dependency": dependency,
        "sources": sources,
        "works": _works([template.work for template in every]),
    }
    tests = {f"tests/test_{name if len(kinds) == 1 else template.work}.py": template.tests for template in every}
    names["tests"] = f"`{next(iter(tests))}` holds it" if len(tests) == 1 else "the modules of `tests` hold it"
    names["claims"] = _filled("\n".join(dict.fromkeys(_claims(every))), names)
    names["usage"] = _filled("\n\n".join(template.usage for template in every), names)
    files = {
        **COMMON,
        "src/$package/plugin.py": every[0].hooks if len(every) == 1 else _joined([one.hooks for one in every]),
        **{f"src/$package/{template.work}.py": template.code for template in every},
        **tests,
    }
    return {_filled(place, names): _filled(text, names) for place, text in files.items()}


def _works(modules: Sequence[str]) -> str:
    listed = ", ".join(f"`{module}.py`" for module in modules)
    return f"{listed} {'does' if len(modules) == 1 else 'do'} the work"


def _claims(templates: Sequence[KindTemplate]) -> Iterator[str]:
    """Yield the tables of the manifest, one by one: two kinds may bring the same."""
    for template in templates:
        for table in template.claims.rstrip("\n").split("\n\n"):
            yield f"{table}\n"


def _joined(modules: Sequence[str]) -> str:
    """Return one module of hooks for those of several templates: a docstring, one import, and the rest in turn."""
    imported: set[str] = set()
    bodies: list[str] = []
    for text in modules:
        lines = text.split("\n")[1:]  # without the docstring, which is one line
        for line in lines:
            if line.startswith(_IMPORT):
                imported |= {name.strip() for name in line.removeprefix(_IMPORT).split(",")}
        bodies.append("\n".join(line for line in lines if not line.startswith(_IMPORT)).strip("\n"))
    blocks = [block for body in bodies if body for block in body.split("\n\n\n")]
    constants = [block for block in blocks if not block.startswith(("@", "def "))]
    named = [(re.search(r"^def (\w+)", block, re.MULTILINE), block) for block in blocks]
    # A namespace's hook stands before those that an overlay writer and an importer bring along.
    functions = list({found[1]: block for found, block in reversed(named) if found is not None}.values())[::-1]
    names = ", ".join(sorted(imported - {"hookimpl"})) + (", hookimpl" if imported else "")
    head = ['"""What the plugin `$id` offers."""', *([f"{_IMPORT}{names}"] if imported else []), *constants]
    return "\n\n".join(head) + "".join(f"\n\n\n{block}" for block in functions) + "\n"


def _dependency() -> tuple[str, str]:
    """Return how the new distribution names USR, so that it can be installed, and a further table of its project file.

    An installation that came from an index is named alone; one from a file, a folder or a repository is named with it.
    A checkout that is installed as editable is named alone too, as pip would replace it by a copy; uv is told its path.
    """
    folder = next((plugin.distribution.folder for plugin in own_plugins()), None)
    try:
        origin = json.loads(Path(folder or "", "direct_url.json").read_text(encoding="utf-8"))
        url = str(origin["url"])
        vcs = origin.get("vcs_info")
        editable = bool(origin.get("dir_info", {}).get("editable"))
        place = url if vcs is None else f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _USR, ""
    if not place.isprintable() or any(letter in place for letter in ' \\"'):
        return _USR, ""
    if editable:
        path = unquote(place.removeprefix("file://"))
        return _USR, f'\n[tool.uv.sources]\n{_USR} = {{ path = "{path}", editable = true }}\n'
    return f"{_USR} @ {place}", ""


def _filled(text: str, names: dict[str, str]) -> str:
    return Template(text).substitute(names)
