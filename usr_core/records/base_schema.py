"""The seven columns of the base table and the metadata that its file carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

__all__ = [
    "BASE_COLUMNS",
    "BASE_FIELDS",
    "CREATED_AT_TYPE",
    "META_CREATED_AT",
    "META_ID_HASH",
    "META_LETTER_CASE",
    "META_REGISTRY_HASH",
    "META_SCHEMA_VERSION",
    "SCHEMA_VERSION",
    "base_schema",
]

META_SCHEMA_VERSION = "usr:schema_version"
META_CREATED_AT = "usr:dataset_created_at"
META_ID_HASH = "usr:id_hash"
META_REGISTRY_HASH = "usr:registry_hash"
META_LETTER_CASE = "usr:letter_case"
"""A note of the writer to itself, ``<upper|lower>:<rows>``: all sequences of these rows are in that case."""

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

BASE_COLUMNS: tuple[str, ...] = tuple(field.name for field in BASE_FIELDS)
"""The names of the columns of every base, in order; materialized columns follow them."""


def base_schema(extra: Sequence[pa.Field] = (), *, metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """Return the schema of a base file: the seven columns, required, then materialized ones.

    Args:
        extra: Materialized columns (``<namespace>__<field>``) in their order.
        metadata: Key/value metadata of the file, such as ``usr:schema_version``.
    """
    return pa.schema([*BASE_FIELDS, *extra], metadata=dict(metadata) if metadata else None)
