"""A dataset's overview as ``usr info`` prints it."""

from __future__ import annotations

from usr_core.api import size_text
from usr_core.api.commands import Format, emit_json, emit_record, emit_table, local_time, resolve_format
from usr_core.api.results import NamespaceOverview, Overview

__all__ = ["emit_overview"]

_NAMESPACE_HEADER = ("namespace", "parts", "rows", "size", "unmatched", "columns", "advice")


def emit_overview(overview: Overview, fmt: Format) -> None:
    """Print an overview: in JSON one object, else a record and a table of namespaces."""
    if resolve_format(fmt) is Format.JSON:
        emit_json(overview)
        return
    emit_record(_summary(overview), fmt)
    if overview.namespaces:
        print()
        emit_table([_namespace_row(namespace) for namespace in overview.namespaces], _NAMESPACE_HEADER, fmt)


def _summary(overview: Overview) -> dict[str, object]:
    change = f"{local_time(overview.last_change)} ({overview.last_action})" if overview.last_change else None
    return {
        "dataset": overview.name,
        "path": overview.path,
        "rows": overview.rows,
        "deleted": overview.deleted,
        "columns": f"{len(overview.columns)}: {', '.join(column.name for column in overview.columns)}",
        "size": f"{size_text(overview.size_bytes)} ({size_text(overview.base_bytes)} base)",
        "created": None if overview.created_at is None else local_time(overview.created_at),
        "last change": change,
        "events": overview.events,
        "registry": overview.registry_hash,
        **({"alphabets": _alphabets(overview)} if overview.alphabets else {}),
        **({"history": overview.history.told} if overview.history is not None else {}),
        **_partial(overview),
    }


def _alphabets(overview: Overview) -> str:
    return ", ".join(f"{name} (plugin {plugin})" for name, plugin in overview.alphabets.items())


def _partial(overview: Overview) -> dict[str, object]:
    lacks = overview.partial_copy
    if lacks is None:
        return {}
    rest = f"its history up to event {lacks.events} and the overlays are still on {lacks.remote}"
    return {"copy": f"the base alone (--primary-only): {rest}; `usr pull {overview.name} {lacks.remote}` brings them"}


def _namespace_row(namespace: NamespaceOverview) -> dict[str, object]:
    cells = (
        namespace.name,
        namespace.files,
        namespace.rows,
        size_text(namespace.size_bytes),
        namespace.unmatched,
        ",".join(namespace.columns),
        namespace.advice,
    )
    return dict(zip(_NAMESPACE_HEADER, cells, strict=True))
