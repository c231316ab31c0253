"""The namespaces that USR keeps for itself: tombstones (``usr``) and record state (``usr_state``)."""

from __future__ import annotations

from usr_core.registry.document import NamespaceEntry, Registry, checked_columns
from usr_core.registry.errors import ReservedNamespaceAltered
from usr_core.registry.names import STATE_NAMESPACE, TOMBSTONE_NAMESPACE

__all__ = [
    "ALLOWED_VALUES",
    "QC_STATUSES",
    "SPLITS",
    "STATE_ENTRY",
    "TOMBSTONE_ENTRY",
    "check_state_entry",
]

QC_STATUSES = ("pass", "fail", "warn", "unknown")
SPLITS = ("train", "val", "test", "holdout")

# Columns whose text is one of a few; null is always allowed.
ALLOWED_VALUES = {"usr_state__qc_status": QC_STATUSES, "usr_state__split": SPLITS}

STATE_ENTRY = NamespaceEntry(
    name=STATE_NAMESPACE,
    columns=checked_columns(
        STATE_NAMESPACE,
        [
            ("usr_state__masked", "bool"),
            ("usr_state__qc_status", "string"),
            ("usr_state__split", "string"),
            ("usr_state__supersedes", "string"),
            ("usr_state__lineage", "list<string>"),
        ],
    ),
    owner="usr",
    description="Reserved for the state of each record (usr state)",
)

# Never in a registry; its types are fixed here.
TOMBSTONE_ENTRY = NamespaceEntry(
    name=TOMBSTONE_NAMESPACE,
    columns=checked_columns(
        TOMBSTONE_NAMESPACE,
        [
            ("usr__deleted", "bool"),
            ("usr__deleted_at", "timestamp[us, UTC]"),
            ("usr__deleted_reason", "string"),
        ],
    ),
    owner="usr",
    description="Reserved for deleted records (usr delete)",
)


def check_state_entry(registry: Registry, *, label: str) -> None:
    """Check that ``usr_state`` is there with exactly its columns and types; their order does not matter.

    Raises:
        ReservedNamespaceAltered: The namespace is missing, or a column was added, dropped or given another type.
    """
    entry = registry.namespaces.get(STATE_NAMESPACE)
    if entry is None:
        raise ReservedNamespaceAltered(label=label, name=STATE_NAMESPACE, reason="is missing")
    found, wanted = ({column.name: column.type for column in one.columns} for one in (entry, STATE_ENTRY))
    for name in sorted(found.keys() | wanted.keys()):
        if name not in found:
            raise ReservedNamespaceAltered(label=label, name=STATE_NAMESPACE, reason=f"lacks the column {name}")
        if name not in wanted:
            raise ReservedNamespaceAltered(label=label, name=STATE_NAMESPACE, reason=f"has the foreign column {name}")
        if found[name] != wanted[name]:
            was, is_now = wanted[name].canonical(), found[name].canonical()
            raise ReservedNamespaceAltered(
                label=label, name=STATE_NAMESPACE, reason=f"has {name} as {is_now} instead of {was}"
            )
