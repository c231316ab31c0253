"""Which columns a view has, in which order and of which types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from usr_core.records.arrays import plain_type
from usr_core.records.base_schema import BASE_COLUMNS, BASE_FIELDS
from usr_core.registry.document import TOMBSTONE_ENTRY, TOMBSTONE_NAMESPACE
from usr_core.roots.layout import RECORDS
from usr_core.store.errors import UnknownColumn
from usr_core.store.parts.errors import OverlayTypesDiffer
from usr_core.store.parts.files import NamespaceOverlay
from usr_core.store.view.registered_types import RegisteredTypes, holds_milliseconds
from usr_core.values.names import names_given

__all__ = ["ViewColumn", "ViewColumns", "optional_base_columns", "schema_of"]


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """One column of the view.

    Attributes:
        field: Name, plain type and nullability.
        in_base: Whether the base file has it.
        namespace: The namespace whose overlay has it, or None.
        hidden: Whether it is shown only with deleted rows, or when asked for by name.
    """

    field: pa.Field
    in_base: bool
    namespace: str | None = None
    hidden: bool = False

    @property
    def name(self) -> str:
        """The column's name."""
        return str(self.field.name)

    @property
    def stored(self) -> bool:
        """Whether any file has it; tombstone columns are shown even where none does."""
        return self.in_base or self.namespace is not None


class ViewColumns:
    """All columns of a view: the base's in its order, then the overlays' by namespace and first appearance.

    Args:
        base: The base file's schema.
        overlays: The opened overlays by namespace; columns of another namespace than the file's are passed over.
        registered: Tells the registered types of columns that Parquet keeps under another one; None leaves those.

    Raises:
        OverlayTypesDiffer: Two files hold a column with different types.
    """

    def __init__(
        self, base: pa.Schema, overlays: Mapping[str, NamespaceOverlay], registered: RegisteredTypes | None = None
    ) -> None:
        found: dict[str, ViewColumn] = {}
        seen: dict[str, tuple[str, pa.DataType]] = {}
        for field in base:
            kind = plain_type(field.type)
            required = field.name in BASE_COLUMNS
            found[field.name] = ViewColumn(pa.field(field.name, kind, nullable=not required), in_base=True)
            seen[field.name] = RECORDS, kind
        tombstones = {column.name: column.type.to_arrow() for column in TOMBSTONE_ENTRY.columns}
        seen.update((name, ("the format", kind)) for name, kind in tombstones.items())
        for namespace in sorted({*overlays, TOMBSTONE_NAMESPACE}):
            if namespace in overlays:
                self._add(overlays[namespace], found, seen)
            if namespace == TOMBSTONE_NAMESPACE:
                for name, kind in tombstones.items():
                    owner = found.pop(name).namespace if name in found else None
                    found[name] = ViewColumn(pa.field(name, kind), in_base=False, namespace=owner, hidden=True)
        if registered is not None:
            for name, column in found.items():
                if column.stored and holds_milliseconds(column.field.type):
                    kind = registered.of(name, column.field.type)
                    found[name] = replace(column, field=column.field.with_type(kind))
        self._columns = found

    @staticmethod
    def _add(overlay: NamespaceOverlay, found: dict[str, ViewColumn], seen: dict[str, tuple[str, pa.DataType]]) -> None:
        prefix, fixed = f"{overlay.namespace}__", overlay.namespace == TOMBSTONE_NAMESPACE
        last: tuple[pa.Field, ...] | None = None
        for part in overlay.parts:
            if part.columns is last:  # of thousands of remembered parts
                continue
            last = part.columns
            for field in part.columns:
                if not field.name.startswith(prefix) or (fixed and field.name not in seen):
                    continue
                kind = plain_type(field.type)
                file, earlier = seen.setdefault(field.name, (part.relative, kind))
                if earlier != kind:
                    raise OverlayTypesDiffer(
                        column=field.name, files=(file, part.relative), types=(str(earlier), str(kind))
                    )
                shown = found[field.name].field if field.name in found else pa.field(field.name, kind)
                in_base = field.name in found and found[field.name].in_base
                found[field.name] = ViewColumn(shown, in_base=in_base, namespace=overlay.namespace)

    def chosen(self, columns: Sequence[str] | None, *, include_deleted: bool) -> list[ViewColumn]:
        """Return the columns that were asked for, in that order, each once; None asks for all.

        Raises:
            UnknownColumn: A name is not a column of the view.
        """
        columns = names_given(columns)
        if columns is None:
            return [column for column in self._columns.values() if include_deleted or not column.hidden]
        for name in columns:
            if name not in self._columns:
                raise UnknownColumn(name, known=list(self._columns))
        return [self._columns[name] for name in dict.fromkeys(columns)]


def optional_base_columns(base: pa.Schema) -> frozenset[str]:
    """Return those of the seven base columns that the file declares OPTIONAL, whose nulls must be looked for."""
    required = {field.name for field in BASE_FIELDS}
    return frozenset(field.name for field in base if field.nullable and field.name in required)


def schema_of(columns: Sequence[ViewColumn]) -> pa.Schema:
    """Return the schema that batches of `columns` have."""
    return pa.schema([column.field for column in columns])
