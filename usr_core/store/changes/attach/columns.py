"""Which columns of a file are attached, and under which registered names and types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from usr_core.registry.document import NamespaceEntry, Registry
from usr_core.registry.errors import ColumnNotRegistered
from usr_core.registry.types import ColumnType
from usr_core.store.changes.attach.errors import AttachColumnMissing, NothingToAttach

__all__ = ["AttachedColumn", "choose_columns", "full_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedColumn:
    """One column: its name in the file, in the dataset, and its registered type as text and in Arrow."""

    in_file: str
    name: str
    type_text: str
    type: pa.DataType


def full_name(column: str, namespace: str) -> str:
    """Return the namespaced name; `column` may have the prefix or lack it."""
    return column if column.startswith(f"{namespace}__") else f"{namespace}__{column}"


def choose_columns(
    registry: Registry,
    namespace: str,
    *,
    label: str,
    present: Sequence[str],
    key_column: str,
    wanted: Sequence[str] | None,
) -> list[AttachedColumn]:
    """Return what to attach, in the order asked for, or the file's order where nothing was asked for.

    Args:
        registry: The root's registry.
        namespace: A registered namespace.
        label: The file, for errors.
        present: The file's columns.
        key_column: The column that holds the key; never attached itself.
        wanted: Names with or without the prefix; None takes every column that the namespace registers.

    Raises:
        NamespaceNotRegistered, ColumnNotRegistered: The registry lacks the namespace or a column.
        AttachColumnMissing: The file lacks a wanted column, or has it under both names.
        NothingToAttach: No column was named, and none of the file is registered.
    """
    entry = registry.namespace(namespace)
    if wanted is None:
        registered = {column.name for column in entry.columns}
        names = [name for name in present if name != key_column and full_name(name, namespace) in registered]
        if not names:
            raise NothingToAttach(label, namespace=namespace, registered=sorted(registered), present=present)
        wanted = list(dict.fromkeys(full_name(name, namespace) for name in names))
    chosen: dict[str, AttachedColumn] = {}
    counts = Counter(present)
    for asked in wanted:
        name = full_name(asked, namespace)
        column_type = _registered_type(registry, entry, asked, name)
        if name in chosen:
            continue
        bare = name.removeprefix(f"{namespace}__")
        found = [form for form in (name, bare) if form in counts]
        if not found:
            raise AttachColumnMissing(label, column=asked, present=present)
        if len(found) > 1 or counts[found[0]] > 1:
            raise AttachColumnMissing(label, column=asked, present=present, reason="is in the file more than once")
        if found[0] == key_column:
            raise AttachColumnMissing(label, column=asked, present=present, reason="is the key column")
        chosen[name] = AttachedColumn(
            in_file=found[0], name=name, type_text=column_type.canonical(), type=column_type.to_arrow()
        )
    return list(chosen.values())


def _registered_type(registry: Registry, entry: NamespaceEntry, asked: str, name: str) -> ColumnType:
    if name not in entry.by_name:
        raise ColumnNotRegistered(column=asked, namespace=entry.name, known=entry.column_names)
    return registry.column_type(name)
