"""The registry as a value: namespaces, their names, their typed columns, and the hashes that pin them.

USR keeps two namespaces for itself: tombstones (``usr``) and record state (``usr_state``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from usr_core.registry.errors import (
    ColumnNotRegistered,
    ColumnSpecError,
    InvalidNamespace,
    NamespaceNotRegistered,
    ReservedNamespaceAltered,
)
from usr_core.registry.type_parser import parse_type
from usr_core.registry.types import ColumnType
from usr_core.values.showing import Shown

__all__ = [
    "ALLOWED_VALUES",
    "QC_STATUSES",
    "RESERVED_NAMESPACES",
    "SPLITS",
    "STATE_ENTRY",
    "STATE_NAMESPACE",
    "TOMBSTONE_ENTRY",
    "TOMBSTONE_NAMESPACE",
    "NamespaceEntry",
    "Registry",
    "RegistryColumn",
    "check_column",
    "check_namespace",
    "check_state_entry",
    "checked_columns",
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
        bare = column.rpartition("__")[2]
        full = f"{prefix}{bare if _FIELD.fullmatch(bare) else 'score'}"
        reason = f"The column {column!r} does not begin with {prefix!r}."
        raise ColumnSpecError(reason=reason, column=column, wanted=f"{full}:TYPE, as in {full}:float64")
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


@dataclass(frozen=True, slots=True)
class RegistryColumn:
    """A registered column: its full name, ``<namespace>__<field>``, and its type."""

    name: str
    type: ColumnType


@dataclass(frozen=True, kw_only=True, repr=False)
class NamespaceEntry(Shown):
    """One namespace; `columns` are in registered order, at least one, with unique names.

    Example:
        >>> from usr_core.api.registry import read_registry
        >>> lab = read_registry(root).namespace("lab")
        >>> lab.column_names
        ('lab__gc', 'lab__sigma')
        >>> lab.column("gc").type.canonical(), list(lab.by_name) == list(lab.column_names)
        ('float64', True)
    """

    name: str
    columns: tuple[RegistryColumn, ...]
    owner: str | None = None
    description: str | None = None

    def _shown(self) -> Mapping[str, object]:
        columns = tuple({"name": column.name, "type": column.type.canonical()} for column in self.columns)
        return {**Shown._shown(self), "columns": columns}

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The full names, in order."""
        return tuple(self.by_name)

    @cached_property
    def by_name(self) -> Mapping[str, RegistryColumn]:
        """The columns by their full names, in order."""
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> RegistryColumn:
        """Return a column by its full name or by its field alone.

        Raises:
            ColumnNotRegistered: The namespace has no such column.
        """
        for full in (name, f"{self.name}__{name}"):
            if full in self.by_name:
                return self.by_name[full]
        raise ColumnNotRegistered(column=name, namespace=self.name, known=self.column_names)


@dataclass(frozen=True, repr=False)
class Registry(Shown):
    """All namespaces of a root, or of a frozen registry, by name.

    Example:
        >>> from usr_core.api.registry import read_registry
        >>> registry = read_registry(root)
        >>> sorted(registry.namespaces)
        ['lab', 'usr_state']
        >>> registry.column_type("lab__gc").canonical()
        'float64'
        >>> len(registry.hash), registry.contract_hash("lab")[:12]
        (64, 'dab65d9f7b3c')
    """

    namespaces: Mapping[str, NamespaceEntry]

    def _shown(self) -> Mapping[str, object]:
        return {name: ", ".join(entry.column_names) for name, entry in sorted(self.namespaces.items())}

    def namespace(self, name: str) -> NamespaceEntry:
        """Return a namespace.

        Raises:
            NamespaceNotRegistered: No namespace has that name.
        """
        try:
            return self.namespaces[name]
        except KeyError:
            raise NamespaceNotRegistered(name=name, known=sorted(self.namespaces)) from None

    def column_type(self, column: str) -> ColumnType:
        """Return the type of a column given by its full name.

        Raises:
            NamespaceNotRegistered: The column's namespace is not registered, or its name has no namespace.
            ColumnNotRegistered: The namespace has no such column.
        """
        name = namespace_of(column)
        if name is None:
            raise NamespaceNotRegistered(name=column, known=sorted(self.namespaces))
        return self.namespace(name).column(column).type

    @cached_property
    def hash(self) -> str:
        """The ``registry_hash``: sha256 of `canonical_bytes`, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_bytes()).hexdigest()

    def canonical_bytes(self) -> bytes:
        """Return the bytes that are hashed, and that a frozen registry holds.

        They are PyYAML's ``safe_dump(…, sort_keys=True, default_flow_style=False)`` with types in canonical
        text, owner and description null where unset. Neither comments nor the order of keys in the file matter.

        Example:
            >>> from usr_core.api.registry import read_registry
            >>> read_registry(root).canonical_bytes().splitlines()[:4]
            [b'namespaces:', b'  lab:', b'    columns:', b'    - name: lab__gc']
        """
        import yaml

        document = {
            "namespaces": {
                entry.name: {
                    "columns": [{"name": column.name, "type": column.type.canonical()} for column in entry.columns],
                    "description": entry.description,
                    "owner": entry.owner,
                }
                for entry in self.namespaces.values()
            }
        }
        text: str = yaml.safe_dump(document, sort_keys=True, default_flow_style=False)
        return text.encode("utf-8")

    def contract_hash(self, namespace: str) -> str:
        """Return the sha256 of a namespace's columns alone, 64 hexadecimal digits.

        The bytes are UTF-8: the namespace and a newline, then ``name:type`` and a newline for each column in
        registered order. Owner, description and other namespaces do not change it.

        Raises:
            NamespaceNotRegistered: No namespace has that name.
        """
        entry = self.namespace(namespace)
        lines = [entry.name, *(f"{column.name}:{column.type.canonical()}" for column in entry.columns)]
        return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("utf-8")).hexdigest()

    def with_entries(self, *entries: NamespaceEntry) -> Registry:
        """Return a registry in which `entries` were added, or replaced those of the same names.

        Example:
            >>> from dataclasses import replace
            >>> from usr_core.api.registry import read_registry
            >>> registry = read_registry(root)
            >>> owned = registry.with_entries(replace(registry.namespace("lab"), owner="Ana"))
            >>> owned.namespace("lab").owner, owned.contract_hash("lab") == registry.contract_hash("lab")
            ('Ana', True)
        """
        return Registry({**self.namespaces, **{entry.name: entry for entry in entries}})


def checked_columns(namespace: str, pairs: Iterable[tuple[str, str]]) -> tuple[RegistryColumn, ...]:
    """Return columns from pairs of full name and type text.

    Raises:
        ColumnSpecError: No column is given, or a name is malformed, of another namespace, or repeated.
        TypeSyntaxError: A type is malformed.
    """
    columns: dict[str, RegistryColumn] = {}
    for name, text in pairs:
        check_column(name, namespace)
        if name in columns:
            raise ColumnSpecError(reason=f"The column {name!r} is given twice.", column=name)
        columns[name] = RegistryColumn(name, parse_type(text))
    if not columns:
        raise ColumnSpecError(reason="A namespace needs at least one column.")
    return tuple(columns.values())


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
