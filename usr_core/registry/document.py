"""The registry as a value: namespaces, their typed columns, and the hashes that pin them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from usr_core.registry.errors import ColumnNotRegistered, ColumnSpecError, NamespaceNotRegistered
from usr_core.registry.names import check_column, namespace_of
from usr_core.registry.type_parser import parse_type
from usr_core.registry.types import ColumnType

__all__ = ["NamespaceEntry", "Registry", "RegistryColumn", "checked_columns"]


@dataclass(frozen=True, slots=True)
class RegistryColumn:
    """A registered column: its full name, ``<namespace>__<field>``, and its type."""

    name: str
    type: ColumnType


@dataclass(frozen=True, kw_only=True)
class NamespaceEntry:
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


@dataclass(frozen=True)
class Registry:
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
