"""The parts of a dataset that sync compares, and which of them its history decides."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.roots.layout import DERIVED, EVENT_LOG, HISTORY, META, RECORDS, REGISTRY_FOLDER, SNAPSHOTS, is_machinery

__all__ = ["AUXILIARY", "FOLDER_SECTIONS", "in_section", "is_canonical", "is_immutable", "section_of", "travels"]

AUXILIARY = "_auxiliary"
FOLDER_SECTIONS = (SNAPSHOTS, DERIVED, HISTORY, AUXILIARY)


def section_of(path: str) -> str:
    """Return the section of a relative path; what has no section of its own, `_registry` too, is auxiliary."""
    if path in (RECORDS, META, EVENT_LOG):
        return path
    first = path.split("/", 1)[0]
    return first if first in FOLDER_SECTIONS and "/" in path else AUXILIARY


def in_section(names: Iterable[str], section: str) -> list[str]:
    """Return the names of one section."""
    return [name for name in names if section_of(name) == section]


def is_canonical(path: str) -> bool:
    """Tell whether the event chain decides what the file holds: base, overlays, frozen registries."""
    return path == RECORDS or path.startswith((f"{DERIVED}/", f"{REGISTRY_FOLDER}/"))


def is_immutable(path: str) -> bool:
    """Tell whether a file of this name is never written twice: snapshots, overlay parts, and what history keeps."""
    name = path.rsplit("/", 1)[-1]
    return path.startswith((f"{SNAPSHOTS}/", f"{HISTORY}/")) or (
        path.startswith(f"{DERIVED}/") and name.startswith("part-")
    )


def travels(path: str) -> bool:
    """Tell whether a file is ever copied by itself.

    Machinery is not, the log is only extended, and of history only what a version needs travels: each copy notes for
    itself what can be seen of the past there.
    """
    first, _, rest = path.partition("/")
    if first == HISTORY:
        return rest.partition("/")[0].isdecimal()
    return path != EVENT_LOG and not is_machinery(path)
