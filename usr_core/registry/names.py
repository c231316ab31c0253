"""The names of namespaces and of their columns."""

from __future__ import annotations

import re

from usr_core.registry.errors import ColumnSpecError, InvalidNamespace

__all__ = [
    "RESERVED_NAMESPACES",
    "STATE_NAMESPACE",
    "TOMBSTONE_NAMESPACE",
    "check_column",
    "check_namespace",
    "is_namespace",
    "namespace_of",
]

TOMBSTONE_NAMESPACE = "usr"
STATE_NAMESPACE = "usr_state"
RESERVED_NAMESPACES = frozenset({TOMBSTONE_NAMESPACE, STATE_NAMESPACE})
"""Namespaces of the core, which nobody may register."""

# File names are made of it, and file systems end at 255 bytes.
_LONGEST_NAMESPACE = 200
_NAMESPACE = re.compile(r"[a-z][a-z0-9_]*")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# The shortest namespace: the field may hold `__`, the namespace not.
_COLUMN = re.compile(r"([a-z][a-z0-9_]*?)__([A-Za-z][A-Za-z0-9_]*)")


def is_namespace(name: str) -> bool:
    """Tell whether `name` is well formed as a namespace, reserved or not."""
    return bool(_NAMESPACE.fullmatch(name)) and "__" not in name and len(name) <= _LONGEST_NAMESPACE


def check_namespace(name: str) -> str:
    """Return `name` if it is well formed as a namespace.

    Raises:
        InvalidNamespace: `name` is not well formed.
    """
    if not is_namespace(name):
        raise InvalidNamespace(name=name)
    return name


def check_column(column: str, namespace: str) -> str:
    """Return `column` if it is ``<namespace>__<field>``.

    Raises:
        ColumnSpecError: The name is bare, carries another namespace, or its field is malformed.
    """
    prefix = f"{namespace}__"
    if not column.startswith(prefix):
        raise ColumnSpecError(reason=f"The column {column!r} does not begin with {prefix!r}.", column=column)
    if not _FIELD.fullmatch(column.removeprefix(prefix)):
        raise ColumnSpecError(
            reason=f"The column {column!r} needs a letter after {prefix!r}, then letters, digits and '_'.",
            column=column,
        )
    return column


def namespace_of(column: str) -> str | None:
    """Return the namespace that a column's name begins with, None where it is not ``<namespace>__<field>``."""
    found = _COLUMN.fullmatch(column)
    return found.group(1) if found and is_namespace(found.group(1)) else None
