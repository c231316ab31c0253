"""The content of a folder as a mapping, so that a test can state that nothing changed.

Everything counts: file contents, ``.events.log`` and leftovers included, symbolic links, folders that hold
nothing. Only lock files do not, as taking a lock writes the holder's name into them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["LOCK_FILES", "assert_unchanged", "tree_differences", "tree_digest"]

LOCK_FILES = frozenset({".usr.lock", ".usr.lease"})


def tree_digest(path: Path) -> dict[str, str]:
    """Return every entry below `path`: relative name to what is there, sorted by name.

    A file is its sha256, a symbolic link ``link:<target>`` (not followed), a folder with no recorded entry in it
    ``folder`` under its name and a slash, anything else ``special``. A missing `path` is an empty mapping; a file
    is recorded under ``.``.
    """
    if not path.exists() and not path.is_symlink():
        return {}
    if not path.is_dir() or path.is_symlink():
        return {".": _content(path)}
    found = dict(_entries(path, ""))
    return dict(sorted(found.items()))


def tree_differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return one line for each entry that was added, removed or changed, sorted by name."""
    lines = []
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            lines.append(f"removed: {name}")
        elif name not in before:
            lines.append(f"added: {name}")
        elif before[name] != after[name]:
            lines.append(f"changed: {name}")
    return lines


@contextmanager
def assert_unchanged(*paths: Path) -> Iterator[None]:
    """Fail unless every entry below each path is the same afterwards.

    The comparison is made also when the block raises, so it holds inside and around ``pytest.raises``.
    """
    before = [tree_digest(path) for path in paths]
    try:
        yield
    finally:
        for path, was in zip(paths, before, strict=True):
            differences = tree_differences(was, tree_digest(path))
            assert not differences, f"{path} changed:\n" + "\n".join(differences)


def _entries(folder: Path, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.name in LOCK_FILES:
            continue
        if entry.is_dir() and not entry.is_symlink():
            inner = dict(_entries(entry, f"{name}/"))
            yield from inner.items() if inner else [(f"{name}/", "folder")]
        else:
            yield name, _content(entry)


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"link:{path.readlink()}"
    if not path.is_file():
        return "special"
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
