"""What the footer of a base promises: its columns, their order and types, its metadata, its bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa

from usr_core.events.event import parse_rfc3339
from usr_core.records.arrays import plain_type
from usr_core.records.base_schema import (
    BASE_COLUMNS,
    BASE_FIELDS,
    META_CREATED_AT,
    META_ID_HASH,
    META_REGISTRY_HASH,
    META_SCHEMA_VERSION,
    SCHEMA_VERSION,
)
from usr_core.records.ids import ID_HASH
from usr_core.registry.document import RESERVED_NAMESPACES, namespace_of
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import usr_metadata
from usr_core.store.checks.validate.pages import columns_that_repeat
from usr_core.store.checks.validate.report import FindingList
from usr_core.store.rules.record import ROW_LIMIT

__all__ = ["check_base_footer", "is_hash", "materialized_fields", "usable_base_columns"]

_HASH = re.compile(r"[0-9a-f]{64}")
_WRITTEN_ELSEWHERE = "Restore the file from `_snapshots/` or a remote copy (usr pull); USR did not write it."
_REWRITE_METADATA = "Renew the registry hash with `usr maintenance registry-freeze`; restore others from a snapshot."


def check_base_footer(schema: pa.Schema, rows: int, findings: FindingList) -> None:
    """Check what can be told without reading rows.

    A column may be OPTIONAL, and text may be large, a view or a dictionary: readers and writers take all of that.
    """
    _check_columns(schema, findings)
    _check_metadata(usr_metadata(schema), findings)
    if rows > ROW_LIMIT:
        findings.add(
            "USR-VALID-015",
            f"{rows:,} records; a dataset holds at most {ROW_LIMIT:,}",
            hint="Split the dataset.",
            file=RECORDS,
        )


def usable_base_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Return those of the seven columns that are there once, with a type whose values can be checked."""
    types = {field.name: field.type for field in BASE_FIELDS}
    return tuple(
        name
        for name in BASE_COLUMNS
        if schema.names.count(name) == 1 and plain_type(schema.field(name).type) == types[name]
    )


def materialized_fields(schema: pa.Schema) -> list[pa.Field]:
    """Return the columns behind the seven whose names are ``<namespace>__<field>``."""
    return [field for field in schema if field.name not in BASE_COLUMNS and namespace_of(field.name) is not None]


def is_hash(text: str) -> bool:
    """Tell whether `text` is a sha256 in lower-case hexadecimal."""
    return bool(_HASH.fullmatch(text))


def _check_columns(schema: pa.Schema, findings: FindingList) -> None:
    names = schema.names
    for name in columns_that_repeat(schema):
        findings.add(
            "USR-VALID-010",
            f"column {name!r} is there more than once, or holds a dot",
            hint=_WRITTEN_ELSEWHERE,
            file=RECORDS,
        )
    missing = [name for name in BASE_COLUMNS if name not in names]
    for name in missing:
        findings.add("USR-VALID-011", f"column {name} is missing", hint=_WRITTEN_ELSEWHERE, file=RECORDS)
    for field in BASE_FIELDS:
        if names.count(field.name) == 1 and plain_type(schema.field(field.name).type) != field.type:
            found = schema.field(field.name).type
            findings.add(
                "USR-VALID-012",
                f"column {field.name} is {found}, not {field.type}",
                hint=_WRITTEN_ELSEWHERE,
                file=RECORDS,
            )
    if not missing and tuple(names[: len(BASE_COLUMNS)]) != BASE_COLUMNS:
        findings.add(
            "USR-VALID-013",
            f"the columns begin {', '.join(names[: len(BASE_COLUMNS)])}; the order is {', '.join(BASE_COLUMNS)}",
            hint=_WRITTEN_ELSEWHERE,
            file=RECORDS,
        )
    for name in names:
        if name in BASE_COLUMNS:
            continue
        namespace = namespace_of(name)
        if namespace is None:
            reason = "is neither one of the seven nor <namespace>__<field>"
        elif namespace in RESERVED_NAMESPACES:
            reason = f"is of the reserved namespace {namespace}, which is never materialized"
        else:
            continue
        findings.add("USR-VALID-014", f"column {name!r} {reason}", hint=_WRITTEN_ELSEWHERE, file=RECORDS)


def _check_metadata(metadata: Mapping[str, str], findings: FindingList) -> None:
    for key in (META_SCHEMA_VERSION, META_CREATED_AT, META_ID_HASH, META_REGISTRY_HASH):
        if key not in metadata:
            findings.add("USR-VALID-016", f"metadata {key} is missing", hint=_REWRITE_METADATA, file=RECORDS)
            continue
        reason = _metadata_fault(key, metadata[key])
        if reason:
            findings.add("USR-VALID-017", f"metadata {key} {reason}", hint=_REWRITE_METADATA, file=RECORDS)


def _metadata_fault(key: str, value: str) -> str:
    if key == META_CREATED_AT:
        try:
            parse_rfc3339(value, naive_is_utc=True)
        except ValueError:
            return f"is {value!r}, not an RFC 3339 time"
        return ""
    if key == META_REGISTRY_HASH:
        return "" if is_hash(value) else f"is {value!r}, not a sha256"
    wanted = SCHEMA_VERSION if key == META_SCHEMA_VERSION else ID_HASH
    return "" if value == wanted else f"is {value!r}, not {wanted!r}"
