"""The key/value metadata of a base file."""

from __future__ import annotations

from collections.abc import Mapping

from usr_core.records.base_schema import META_LETTER_CASE

__all__ = [
    "CREATED_AT",
    "ID_HASH",
    "REGISTRY_HASH",
    "ROWS_DROPPED",
    "SCHEMA_VERSION",
    "new_base_metadata",
    "next_base_metadata",
]

SCHEMA_VERSION = "usr:schema_version"
CREATED_AT = "usr:dataset_created_at"
ID_HASH = "usr:id_hash"
REGISTRY_HASH = "usr:registry_hash"
ROWS_DROPPED = "usr:rows_dropped"
"""How many rows maintenance has left out so far: overlays may hold values of records that are not there."""


def new_base_metadata(*, created_at: str, registry_hash: str) -> dict[str, str]:
    """Return the metadata of a new dataset's base; `created_at` is RFC 3339, UTC."""
    return {SCHEMA_VERSION: "1", CREATED_AT: created_at, ID_HASH: "sha1_utf8_pipe", REGISTRY_HASH: registry_hash}


def next_base_metadata(
    metadata: Mapping[str, str], *, registry_hash: str, same_rows: bool = False, dropped: int = 0
) -> dict[str, str]:
    """Return `metadata` as the next write of the base carries it, the registry hash renewed.

    Args:
        metadata: Of the base as it is.
        registry_hash: Of the registry that the write goes by.
        same_rows: Whether the rows stay the same ones. Otherwise the note about the letters' case goes: rows that
            come or go could bring its count back by chance. Whoever knows the new rows' case adds it again.
        dropped: How many rows the write leaves out.
    """
    kept = {key: value for key, value in metadata.items() if same_rows or key != META_LETTER_CASE}
    if dropped:
        earlier = kept.get(ROWS_DROPPED, "0")
        kept[ROWS_DROPPED] = str(dropped + (int(earlier) if earlier.isdecimal() else 0))
    return {**kept, REGISTRY_HASH: registry_hash}
