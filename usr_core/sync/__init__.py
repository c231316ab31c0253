"""Two copies of a dataset, one history: compare them, and bring one up to the other, whole or not at all.

`sync` is the way in. The engine knows no ssh: a transport is a plugin, and so is a way to compare copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usr_core.sync.request import SyncOptions as SyncOptions
    from usr_core.sync.run import sync as sync

_PLACES = {"SyncOptions": "usr_core.sync.request", "sync": "usr_core.sync.run"}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
