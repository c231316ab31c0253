"""The root that a command works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from usr_core.roots.errors import RootMissing, RootNotAFolder, RootUnknown

__all__ = ["REGISTRY_FILE", "ROOT_VARIABLE", "existing_root", "find_root"]

REGISTRY_FILE = "registry.yaml"
ROOT_VARIABLE = "USR_ROOT"


def find_root(explicit: Path | None = None) -> Path:
    """Return the root: `explicit`, else ``USR_ROOT``, else the nearest one upward of the current folder.

    Upward, a folder is the root if it holds ``registry.yaml``; if its ``datasets/`` does, that is.
    A given root need not hold a registry yet. The result is absolute with links resolved.

    Raises:
        RootMissing: The given root does not exist.
        RootNotAFolder: The given root is not a folder.
        RootUnknown: No root was given, and none was found.

    Example:
        >>> import os
        >>> from usr_core.api.places import find_root
        >>> os.chdir(dataset.path)
        >>> find_root() == root
        True
        >>> find_root(tmp_path / "elsewhere")
        Traceback (most recent call last):
            ...
        usr_core.roots.errors.RootMissing: The root .../elsewhere (--root) does not exist.
    """
    if explicit is not None:
        return existing_root(explicit, "--root")
    if named := os.environ.get(ROOT_VARIABLE):
        return existing_root(Path(named), ROOT_VARIABLE)
    here = Path.cwd()
    for root in _upward(here):
        return root
    raise RootUnknown(here)


def existing_root(root: Path, origin: str = "") -> Path:
    """Return a root that was given, absolute with links resolved; `origin` says how it was given.

    Raises:
        RootMissing, RootNotAFolder: The path does not exist, or is not a folder.
    """
    root = root.expanduser()
    if not root.exists():
        raise RootMissing(root=root, origin=origin)
    if not root.is_dir():
        raise RootNotAFolder(root=root, origin=origin)
    return root.resolve()


def _upward(start: Path) -> Iterator[Path]:
    for folder in (start, *start.parents):
        for candidate in (folder, folder / "datasets"):
            if (candidate / REGISTRY_FILE).is_file():
                yield candidate.resolve()
