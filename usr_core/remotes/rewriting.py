"""The remotes file with one profile put in: as little of its text is touched as can be, so that comments stay."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from usr_core.remotes.document import RemotesDocument, parse_document
from usr_core.remotes.errors import RemotesFileInvalid

__all__ = ["with_entry"]


def with_entry(content: bytes, document: RemotesDocument, name: str, settings: dict[str, object], path: Path) -> bytes:
    """Return the file's new bytes; everything but the profile `name` means what it meant before.

    Where the profiles stand below each other, only the lines of that one are written. Elsewhere (profiles in
    one line, or none yet) the whole file is written anew, without its comments.

    Raises:
        RemotesFileInvalid: The file would have to be written anew, and a profile in it can't be read.
    """
    remotes = cast("dict[str, object]", document.tree["remotes"])
    tree = {**document.tree, "remotes": {**remotes, name: settings}}
    if document.indent is not None:
        edited = _edited(content, document, name, settings)
        if _means(edited, tree, path):
            return edited
    for entry in document.entries.values():
        if entry.fault is not None:
            raise entry.fault
    return _yaml(tree).encode("utf-8")


def _edited(content: bytes, document: RemotesDocument, name: str, settings: dict[str, object]) -> bytes:
    indent = " " * (document.indent or 0)
    lines = content.decode("utf-8-sig").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    new = [f"{indent}{line}\n" for line in _yaml({name: settings}).splitlines()]
    old = document.entries.get(name)
    if old is not None:
        lines[old.line - 1 : old.last_line] = new
    else:
        end = max(entry.last_line for entry in document.entries.values())
        lines[end:end] = new
    return "".join(lines).encode("utf-8")


def _means(content: bytes, tree: dict[str, object], path: Path) -> bool:
    try:
        return parse_document(content, path).tree == tree
    except RemotesFileInvalid:
        return False


def _yaml(tree: dict[str, object]) -> str:
    import yaml

    text: str = yaml.dump(
        tree, Dumper=_dumper(), sort_keys=False, default_flow_style=False, allow_unicode=True, width=100_000
    )
    return text


def _dumper() -> type:
    """Return a dumper that writes equal values twice instead of an alias, which the reader would refuse."""
    import yaml

    class _Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    return _Dumper
