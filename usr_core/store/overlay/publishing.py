"""What every writer of an overlay part sees to: its clock, and a single file that becomes the first part."""

from __future__ import annotations

import secrets

from usr_core.events.event import file_stamp
from usr_core.fs.durable import link_or_copy
from usr_core.store.mutation import Mutation
from usr_core.store.parts.files import NamespaceOverlay

__all__ = ["adopt_single_file", "keep_clock_after", "new_part_name"]


def keep_clock_after(mutation: Mutation, overlay: NamespaceOverlay | None) -> None:
    """Make the change's clock later than every part of the namespace, so that what it writes wins."""
    for part in overlay.parts if overlay is not None else ():
        mutation.txn.keep_clock_after(part.created_at_us)


def new_part_name(mutation: Mutation, namespace: str) -> str:
    """Return the relative name of a part that this change writes."""
    return mutation.site.layout.overlay_part(namespace, file_stamp(mutation.txn.clock_us), secrets.token_hex(4))


def adopt_single_file(mutation: Mutation, namespace: str, overlay: NamespaceOverlay | None) -> None:
    """Make a namespace that an older writer kept as one file the first part, in this same change."""
    single = mutation.site.layout.overlay_file(namespace)
    if overlay is None or overlay.parts[0].relative != single:
        return
    first = overlay.parts[0]
    part = mutation.site.layout.overlay_part(namespace, file_stamp(first.created_at_us), secrets.token_hex(4))
    link_or_copy(first.path, mutation.txn.stage(part))
    mutation.txn.retire(single)
