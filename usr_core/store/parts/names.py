"""Which files are overlays, by name alone: what `ls` needs, and what every view opens. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from usr_core.commit.file_tree import FileTree
from usr_core.errors import UsrError
from usr_core.fs.errors import SpecialFile
from usr_core.registry.document import is_namespace
from usr_core.roots.layout import DERIVED
from usr_core.store.parts.errors import AmbiguousOverlay

__all__ = ["PART_GLOB", "overlay_paths"]

PART_GLOB = "part-*.parquet"

_SUFFIX = ".parquet"


def overlay_paths(
    tree: FileTree, *, on_problem: Callable[[UsrError], None] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the relative names of every namespace's overlay files, sorted; nothing is opened.

    Args:
        tree: The dataset's files.
        on_problem: Takes an error instead of its being raised; that namespace is left out.

    Raises:
        AmbiguousOverlay: A namespace is both a file and a folder that holds a part.
        SpecialFile: A FIFO, a device or a link that leads nowhere stands where a folder of overlays should be.
    """
    found: dict[str, tuple[str, ...]] = {}
    names = _listed(tree, DERIVED, on_problem)
    for name in names:
        if is_namespace(name):
            folder = f"{DERIVED}/{name}"
            listed = _listed(tree, folder, on_problem)
            parts = tuple(f"{folder}/{part}" for part in listed if fnmatchcase(part, PART_GLOB))
            if parts:
                found[name] = parts
    for name in names:
        namespace = name.removesuffix(_SUFFIX)
        if not name.endswith(_SUFFIX) or not is_namespace(namespace):
            continue
        file = f"{DERIVED}/{name}"
        if namespace not in found:
            found[namespace] = (file,)
            continue
        problem = AmbiguousOverlay(namespace=namespace, file=file, folder=f"{DERIVED}/{namespace}")
        if on_problem is None:
            raise problem
        on_problem(problem)
        del found[namespace]
    return dict(sorted(found.items()))


def _listed(tree: FileTree, folder: str, on_problem: Callable[[UsrError], None] | None) -> list[str]:
    """Return the names in a folder; none where a file stands in place of a namespace's folder."""
    try:
        return tree.names(folder)
    except SpecialFile as error:
        if error.kind == "file" and folder != DERIVED:
            return []
        if on_problem is None:
            raise
        on_problem(error)
        return []
