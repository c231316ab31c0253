"""Namespaces as ``usr namespace list`` and ``show`` print them."""

from __future__ import annotations

from usr_core.api.commands import Format, emit_record, emit_table, resolve_format
from usr_core.api.registry import RESERVED_NAMESPACES, Registry

__all__ = ["LIST_COLUMNS", "emit_namespace", "list_rows"]

LIST_COLUMNS = ("namespace", "columns", "reserved", "owner", "description")


def list_rows(registry: Registry) -> list[dict[str, object]]:
    """Return a row for each namespace, sorted by name; ``columns`` is their number."""
    return [
        {
            "namespace": name,
            "columns": len(entry.columns),
            "reserved": name in RESERVED_NAMESPACES,
            "owner": entry.owner,
            "description": entry.description,
        }
        for name, entry in sorted(registry.namespaces.items())
    ]


def emit_namespace(registry: Registry, name: str, fmt: Format) -> None:
    """Print one namespace: a record, then its columns as a table; in JSON one object.

    Raises:
        NamespaceNotRegistered: No namespace of that name is registered.
    """
    entry = registry.namespace(name)
    record: dict[str, object] = {
        "namespace": entry.name,
        "owner": entry.owner,
        "description": entry.description,
        "reserved": name in RESERVED_NAMESPACES,
        "contract_hash": registry.contract_hash(name),
    }
    columns = [{"name": column.name, "type": column.type.canonical()} for column in entry.columns]
    if resolve_format(fmt) is Format.JSON:
        emit_record({**record, "columns": columns}, fmt)
        return
    emit_record(record, fmt)
    emit_table(columns, ("name", "type"), fmt)
