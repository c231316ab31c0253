"""What an overlay file's footer promises: whose it is, its key, its columns and their types, its hashes."""

from __future__ import annotations

import pyarrow as pa

from usr_core.errors import UsrError
from usr_core.records.arrays import plain_type
from usr_core.registry.document import RESERVED_NAMESPACES, NamespaceEntry, check_column
from usr_core.registry.types import keeps_type
from usr_core.store.checks.validate.base_footer_checks import is_hash
from usr_core.store.checks.validate.pages import columns_that_repeat
from usr_core.store.checks.validate.registries import Registries
from usr_core.store.checks.validate.report import FindingList
from usr_core.store.parts.files import (
    META_ACTOR_RUN_ID,
    META_ACTOR_TOOL,
    META_CONTRACT_HASH,
    META_NAMESPACE,
    META_REGISTRY_HASH,
    NamespaceOverlay,
    OverlayPart,
)

__all__ = ["check_overlay_footers"]

_REATTACH = "Move the file out of _derived/ and attach its values again with `usr attach`."


def check_overlay_footers(overlay: NamespaceOverlay, registries: Registries, findings: FindingList) -> None:
    """Check what can be told of one namespace without reading rows."""
    if overlay.namespace in RESERVED_NAMESPACES:
        _check_reserved(overlay, findings)
    for part in overlay.parts:
        _check_metadata(part, registries, findings)
        _check_columns(part, registries, findings)


def _check_reserved(overlay: NamespaceOverlay, findings: FindingList) -> None:
    single = f"_derived/{overlay.namespace}.parquet"
    for part in overlay.parts:
        if part.relative != single:
            findings.add(
                "USR-VALID-055",
                f"the reserved namespace {overlay.namespace} is one file, {single}, and has no parts",
                hint="Any change of it (usr state set, usr delete, usr restore) merges them into one file.",
                file=part.relative,
            )
        if part.key != "id":
            findings.add(
                "USR-VALID-056",
                f"the reserved namespace {overlay.namespace} is keyed by id, not by {part.key}",
                hint=_REATTACH,
                file=part.relative,
            )


def _check_metadata(part: OverlayPart, registries: Registries, findings: FindingList) -> None:
    file, metadata = part.relative, part.metadata
    written_for = metadata.get(META_NAMESPACE)
    if written_for != part.namespace:
        told = f"is {written_for!r}" if written_for is not None else "is missing"
        findings.add(
            "USR-VALID-042",
            f"metadata {META_NAMESPACE} {told}, and the file lies under {part.namespace}",
            hint=f"Move it to _derived/{written_for or part.namespace}/, or attach its values again.",
            file=file,
        )
    for key in (META_REGISTRY_HASH, META_CONTRACT_HASH):
        if key not in metadata:
            findings.add("USR-VALID-043", f"metadata {key} is missing", hint=_REATTACH, file=file)
        elif not is_hash(metadata[key]):
            message = f"metadata {key} is {metadata[key]!r}, not a sha256"
            findings.add("USR-VALID-044", message, hint=_REATTACH, file=file)
    lacking = [key for key in (META_ACTOR_TOOL, META_ACTOR_RUN_ID) if not metadata.get(key)]
    if lacking:
        findings.add(
            "USR-VALID-045",
            f"metadata {', '.join(lacking)} is missing: the writer of the file is not known",
            hint="Leave it as it is; nothing depends on it.",
            file=file,
            severity="note",
        )
    _check_hashes(part, registries, findings)


def _check_hashes(part: OverlayPart, registries: Registries, findings: FindingList) -> None:
    if registries.mode == "contract":
        wanted, found = registries.contract_hash(part.namespace), part.contract_hash
        if found is not None and is_hash(found) and wanted is not None and found != wanted:
            findings.add(
                "USR-VALID-051",
                f"contract hash {found[:12]}… is not that of {part.namespace} in the root's registry",
                hint=f"Look at `usr namespace show {part.namespace}`; attach again what does not fit its columns.",
                file=part.relative,
            )
    elif part.registry_hash is not None and is_hash(part.registry_hash):
        fault = registries.hash_fault(part.registry_hash)
        if fault:
            findings.add(
                "USR-VALID-050",
                fault,
                hint="Compare the namespace alone with --registry-mode contract; attach again what does not fit.",
                file=part.relative,
            )


def _check_columns(part: OverlayPart, registries: Registries, findings: FindingList) -> None:
    file, namespace = part.relative, part.namespace
    for name in columns_that_repeat(part.source.schema):
        findings.add(
            "USR-VALID-046", f"column {name!r} is there more than once, or holds a dot", hint=_REATTACH, file=file
        )
    key = part.source.schema.field(part.key).type
    if plain_type(key) != pa.string():
        findings.add("USR-VALID-047", f"the key column {part.key} is {key}, not string", hint=_REATTACH, file=file)
    entry = _entry(part, registries, findings)
    for field in part.columns:
        try:
            check_column(field.name, namespace)
        except UsrError as error:
            findings.add(
                "USR-VALID-048", f"{error.message.rstrip('.')}: readers pass it over", hint=_REATTACH, file=file
            )
            continue
        if entry is not None:
            _check_type(field, entry, file, findings)
    if entry is not None and namespace in RESERVED_NAMESPACES:
        present = {field.name for field in part.columns}
        for name in entry.column_names:
            if name not in present:
                findings.add("USR-VALID-057", f"the reserved column {name} is missing", hint=_REATTACH, file=file)


def _entry(part: OverlayPart, registries: Registries, findings: FindingList) -> NamespaceEntry | None:
    registry = registries.governing(part.registry_hash)
    if registry is None:
        return None  # that there is none, or none of this hash, was reported
    entry = registries.entry(registry, part.namespace)
    if entry is None:
        findings.add(
            "USR-VALID-052",
            f"the namespace {part.namespace} is not registered",
            hint="Register it with `usr namespace register`, with the columns that the file has.",
            file=part.relative,
        )
    return entry


def _check_type(field: pa.Field, entry: NamespaceEntry, file: str, findings: FindingList) -> None:
    column = entry.by_name.get(field.name)
    if column is None:
        findings.add(
            "USR-VALID-053",
            f"column {field.name} is not registered in {entry.name}",
            hint="Add it with `usr namespace register`; take a foreign column out of a reserved namespace.",
            file=file,
        )
    elif not keeps_type(plain_type(field.type), column.type.to_arrow()):
        findings.add(
            "USR-VALID-054",
            f"column {field.name} is {field.type}, and {column.type.canonical()} is registered",
            hint=_REATTACH,
            file=file,
        )
