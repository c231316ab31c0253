"""Types of one column across files: materialized columns under the registry, and overlays over them."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from usr_core.records.arrays import plain_type
from usr_core.registry.document import RESERVED_NAMESPACES, namespace_of
from usr_core.registry.types import keeps_type
from usr_core.roots.layout import RECORDS
from usr_core.store.checks.validate.base_footer_checks import materialized_fields
from usr_core.store.checks.validate.registries import Registries
from usr_core.store.checks.validate.report import FindingList
from usr_core.store.parts.errors import OverlayTypesDiffer
from usr_core.store.parts.files import NamespaceOverlay

__all__ = ["check_materialized", "check_types_agree"]


def check_types_agree(
    schema: pa.Schema | None, overlays: Mapping[str, NamespaceOverlay], findings: FindingList
) -> None:
    """Report columns that files hold with different types: readers refuse to merge them."""
    for namespace, overlay in overlays.items():
        seen: dict[str, tuple[str, pa.DataType]] = {}
        for field in schema if schema is not None else ():
            seen[field.name] = (RECORDS, plain_type(field.type))
        told: set[str] = set()
        for part in overlay.parts:
            for field in part.columns:
                if not field.name.startswith(f"{namespace}__"):
                    continue
                kind = plain_type(field.type)
                file, earlier = seen.setdefault(field.name, (part.relative, kind))
                if earlier != kind and field.name not in told:
                    told.add(field.name)
                    findings.add_error(
                        OverlayTypesDiffer(
                            column=field.name, files=(file, part.relative), types=(str(earlier), str(kind))
                        )
                    )


def check_materialized(schema: pa.Schema, registries: Registries, findings: FindingList) -> None:
    """Check that materialized columns are registered with their types, in any registry that the mode accepts.

    The base's own hash tells when it was last written, not when a column was materialized; so it does not decide.
    """
    accepted = list(registries.accepted.values())
    if not accepted:
        return  # that there is no registry was reported
    for field in materialized_fields(schema):
        namespace = str(namespace_of(field.name))
        if namespace in RESERVED_NAMESPACES:
            continue
        entries = [entry for registry in accepted if (entry := registry.namespaces.get(namespace)) is not None]
        types = [entry.by_name[field.name].type for entry in entries if field.name in entry.by_name]
        if not types:
            findings.add(
                "USR-VALID-070",
                f"the materialized column {field.name} is not registered",
                hint="Add it with `usr namespace register`, with the type that it has.",
                file=RECORDS,
            )
        elif not any(keeps_type(plain_type(field.type), kind.to_arrow()) for kind in types):
            registered = ", ".join(dict.fromkeys(kind.canonical() for kind in types))
            findings.add(
                "USR-VALID-071",
                f"the materialized column {field.name} is {field.type}, and {registered} is registered",
                hint="Register the type that it has, or restore the base from a snapshot.",
                file=RECORDS,
            )
