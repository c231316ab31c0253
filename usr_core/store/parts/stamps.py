"""What the footer of an overlay file says about it: its key and its time, under names that begin with ``usr:``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from usr_core.store.parts.errors import OverlayNotStamped

__all__ = [
    "KEYS",
    "META_ACTOR_RUN_ID",
    "META_ACTOR_TOOL",
    "META_CONTRACT_HASH",
    "META_CREATED_AT",
    "META_KEY",
    "META_NAMESPACE",
    "META_REGISTRY_HASH",
    "META_UNIQUE_KEYS",
    "OverlayKey",
    "read_stamp",
]

OverlayKey = Literal["id", "sequence", "sequence_norm", "sequence_ci"]
KEYS: tuple[OverlayKey, ...] = get_args(OverlayKey)

META_NAMESPACE = "usr:overlay_namespace"
META_KEY = "usr:overlay_key"
META_CREATED_AT = "usr:overlay_created_at"
META_REGISTRY_HASH = "usr:registry_hash"
META_CONTRACT_HASH = "usr:namespace_contract_hash"
META_ACTOR_TOOL = "usr:actor_tool"
META_ACTOR_RUN_ID = "usr:actor_run_id"
META_UNIQUE_KEYS = "usr:overlay_unique_keys"


def read_stamp(metadata: Mapping[str, str], names: Sequence[str], *, relative: str) -> tuple[OverlayKey, int]:
    """Return what a file is keyed by, and its time in UTC microseconds since 1970.

    Args:
        metadata: What its footer says.
        names: Its columns.
        relative: Its name, for messages.

    Raises:
        OverlayNotStamped: One of the two is missing or not of its form, or the key is not a column.
    """
    for name in (META_KEY, META_CREATED_AT):
        if name not in metadata:
            raise OverlayNotStamped(file=relative, missing=f"its metadata lacks {name}")
    key, created_at = metadata[META_KEY], metadata[META_CREATED_AT]
    if key not in KEYS:
        raise OverlayNotStamped(file=relative, missing=f"its {META_KEY} is not one of {', '.join(KEYS)}", value=key)
    from usr_core.events.event import parse_rfc3339

    try:
        created_at_us = parse_rfc3339(created_at, naive_is_utc=True)
    except ValueError as error:
        raise OverlayNotStamped(
            file=relative, missing=f"its {META_CREATED_AT} is not a time", value=created_at
        ) from error
    if names.count(key) != 1:
        raise OverlayNotStamped(file=relative, missing=f"it has no column {key}, which its {META_KEY} names")
    return key, created_at_us
