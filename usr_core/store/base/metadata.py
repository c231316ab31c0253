"""The key/value metadata of a base file."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CREATED_AT", "ID_HASH", "REGISTRY_HASH", "SCHEMA_VERSION", "new_base_metadata", "next_base_metadata"]

SCHEMA_VERSION = "usr:schema_version"
CREATED_AT = "usr:dataset_created_at"
ID_HASH = "usr:id_hash"
REGISTRY_HASH = "usr:registry_hash"


def new_base_metadata(*, created_at: str, registry_hash: str) -> dict[str, str]:
    """Return the metadata of a new dataset's base; `created_at` is RFC 3339, UTC."""
    return {SCHEMA_VERSION: "1", CREATED_AT: created_at, ID_HASH: "sha1_utf8_pipe", REGISTRY_HASH: registry_hash}


def next_base_metadata(metadata: Mapping[str, str], *, registry_hash: str) -> dict[str, str]:
    """Return `metadata` as the next write of the base carries it: all of it kept, the registry hash renewed."""
    return {**metadata, REGISTRY_HASH: registry_hash}
