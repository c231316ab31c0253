"""USR, the Universal Sequence Record: a plain-file store for biological sequences.

    from usr_core import Dataset, Root

Names are loaded when they are used; importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from usr_core.dataset import Dataset
    from usr_core.dataset.root import Root
    from usr_core.errors import UsrError
    from usr_core.events.event import Actor
    from usr_core.registry.store import register_namespace
    from usr_core.version import package_version

    __version__: str

__all__ = ["Actor", "Dataset", "Root", "UsrError", "__version__", "package_version", "register_namespace"]

_HOMES = {
    "Actor": "usr_core.events.event",
    "Dataset": "usr_core.dataset",
    "Root": "usr_core.dataset.root",
    "UsrError": "usr_core.errors",
    "package_version": "usr_core.version",
    "register_namespace": "usr_core.registry.store",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from usr_core.version import package_version

        return package_version()
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
