"""The seven columns of the base table and the metadata that its file carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from usr_core.records import BASE_COLUMNS
from usr_core.records.ids import ID_HASH

__all__ = [
    "BASE_COLUMNS",
    "BASE_FIELDS",
    "CREATED_AT_TYPE",
    "META_CREATED_AT",
    "META_ID_HASH",
    "META_LETTER_CASE",
    "META_REGISTRY_HASH",
    "META_SCHEMA_VERSION",
    "ROWS_DROPPED",
    "SCHEMA_VERSION",
    "base_schema",
    "new_base_metadata",
    "next_base_metadata",
]

META_SCHEMA_VERSION = "usr:schema_version"
META_CREATED_AT = "usr:dataset_created_at"
META_ID_HASH = "usr:id_hash"
META_REGISTRY_HASH = "usr:registry_hash"
META_LETTER_CASE = "usr:letter_case"
"""A note of the writer to itself, ``<upper|lower>:<rows>``: all sequences of these rows are in that case."""
ROWS_DROPPED = "usr:rows_dropped"
"""How many rows maintenance has left out so far: overlays may hold values of records that are not there."""

SCHEMA_VERSION = "1"

CREATED_AT_TYPE = pa.timestamp("us", tz="UTC")

BASE_FIELDS: tuple[pa.Field, ...] = (
    pa.field("id", pa.string(), nullable=False),
    pa.field("bio_type", pa.string(), nullable=False),
    pa.field("sequence", pa.string(), nullable=False),
    pa.field("alphabet", pa.string(), nullable=False),
    pa.field("length", pa.int32(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("created_at", CREATED_AT_TYPE, nullable=False),
)


def base_schema(extra: Sequence[pa.Field] = (), *, metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """Return the schema of a base file: the seven columns, required, then materialized ones.

    Args:
        extra: Materialized columns (``<namespace>__<field>``) in their order.
        metadata: Key/value metadata of the file, such as ``usr:schema_version``.
    """
    return pa.schema([*BASE_FIELDS, *extra], metadata=dict(metadata) if metadata else None)


def new_base_metadata(*, created_at: str, registry_hash: str) -> dict[str, str]:
    """Return the metadata of a new dataset's base; `created_at` is RFC 3339, UTC."""
    return {
        META_SCHEMA_VERSION: SCHEMA_VERSION,
        META_CREATED_AT: created_at,
        META_ID_HASH: ID_HASH,
        META_REGISTRY_HASH: registry_hash,
    }


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
    return {**kept, META_REGISTRY_HASH: registry_hash}
