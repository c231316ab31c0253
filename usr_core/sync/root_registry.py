"""The registry of a root that a dataset was pulled into: a root without one gets the dataset's frozen one.

Without a registry nothing in a root can be changed. A root that has one keeps it: what a pull brings is not a reason to
change what is registered there.
"""

from __future__ import annotations

import os

from usr_core.errors import UsrError
from usr_core.events.log import read_head
from usr_core.registry.reader import parse_registry
from usr_core.registry.store import begin_registry
from usr_core.roots.find_root import REGISTRY_FILE
from usr_core.roots.layout import DatasetLayout
from usr_core.sync.request import SyncContext
from usr_core.sync.target import SyncTarget

__all__ = ["give_root_a_registry"]


def give_root_a_registry(target: SyncTarget, context: SyncContext) -> bool:
    """Write ``registry.yaml`` from the registry that the dataset's last event froze, if the root has none.

    That it can't be written is a warning: the dataset has arrived all the same.

    Returns:
        Whether it was written.
    """
    if os.path.lexists(target.root / REGISTRY_FILE):
        return False
    layout = DatasetLayout(target.folder)
    try:
        frozen_hash = (read_head(layout.event_log).last or {}).get("registry_hash")
        frozen = target.folder / layout.frozen_registry(str(frozen_hash))
        if not frozen.is_file():
            _warn(target, context, "the copy that was pulled has no frozen registry")
            return False
        registry = parse_registry(frozen.read_bytes(), str(frozen))
        return begin_registry(target.root, registry, lock_timeout=context.lock_timeout)
    except UsrError as error:
        _warn(target, context, error.message)
    except OSError as error:
        _warn(target, context, f"its frozen registry could not be read: {error}")
    return False


def _warn(target: SyncTarget, context: SyncContext, reason: str) -> None:
    context.warn(
        f"{target.root} has no {REGISTRY_FILE} ({reason}); the dataset can be read, and `usr namespace register` "
        "makes a registry before it can be changed"
    )
