"""Where the type of a column is another kind of type than the registered one, and the cast that helps."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as kinds

from usr_core.registry.errors import UnsupportedType
from usr_core.registry.types import from_arrow

__all__ = ["TypeDifference", "type_difference"]

_SQL = {
    "string": "VARCHAR", "bool": "BOOLEAN", "binary": "BLOB", "date32": "DATE",
    "int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT",
    "uint8": "UTINYINT", "uint16": "USMALLINT", "uint32": "UINTEGER", "uint64": "UBIGINT",
    "float16": "FLOAT", "float32": "FLOAT", "float64": "DOUBLE",
    "s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "us": "TIMESTAMP", "ns": "TIMESTAMP_NS",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeDifference:
    """A place at which no cast keeps the kind of value.

    Attributes:
        path: Where inside the type, such as ``[].a``; empty for the column itself.
        found, wanted: The types there.
        fields: What is wrong with the fields of a struct, if that is the difference.
    """

    path: str
    found: pa.DataType
    wanted: pa.DataType
    fields: str = ""

    @property
    def reason(self) -> str:
        """What is found where, as a phrase."""
        here = f"at {self.path} it" if self.path else "it"
        return f"{here} {self.fields or f'holds {self.found}, not {self.wanted}'}"

    def hint(self, registered: pa.DataType, name: str) -> str:
        """Return what to do.

        Args:
            registered: The type of the whole column.
            name: The column's name in the file.
        """
        if self.fields:
            return f"Write the struct with exactly the fields of {from_arrow(self.wanted).canonical()}, in any order."
        cast = f'CAST("{name}" AS {_sql_type(registered)})'
        if kinds.is_timestamp(self.found) and kinds.is_timestamp(self.wanted) and not self.path:
            cast = f"\"{name}\" AT TIME ZONE '{self.found.tz or self.wanted.tz}'"
        other = "" if self.path or not _is_registrable(self.found) else ", or register it with the type that it has"
        return f"Cast the column where the file is written, in SQL for example with {cast}{other}."


def type_difference(source: pa.DataType, target: pa.DataType, path: str = "") -> TypeDifference | None:
    """Return the first place at which a cast would change the kind of value, or None where none does.

    Numbers may become other numbers, lists other lists, times times, dates dates and bytes bytes; the fields of
    structs are the same by name.

    Args:
        source: A plain type, as `plain_type` gives them.
        target: A registered type.
        path: Where the two stand.
    """
    if source == target or kinds.is_null(source):
        return None
    if _is_list(source) and _is_list(target):
        return type_difference(source.value_type, target.value_type, f"{path}[]")
    if any(is_kind(source) and is_kind(target) for is_kind in (_is_number, _is_binary, kinds.is_date)):
        return None
    if kinds.is_timestamp(source) and kinds.is_timestamp(target) and (source.tz is None) == (target.tz is None):
        return None
    if kinds.is_struct(source) and kinds.is_struct(target):
        return _struct_difference(source, target, path)
    return TypeDifference(path=path, found=source, wanted=target)


def _struct_difference(source: pa.DataType, target: pa.DataType, path: str) -> TypeDifference | None:
    names, known = [field.name for field in source], [field.name for field in target]
    repeated = next((name for name in names if names.count(name) > 1), None)
    unknown = next((name for name in names if name not in known), None)
    missing = next((name for name in known if name not in names), None)
    if repeated is not None or unknown is not None or missing is not None:
        fields = f"lacks the field {missing!r}"
        if repeated is not None or unknown is not None:
            fields = f"has the field {repeated!r} twice" if repeated else f"has the unknown field {unknown!r}"
        return TypeDifference(path=path, found=source, wanted=target, fields=fields)
    inner = (type_difference(source.field(f.name).type, f.type, f"{path}.{f.name}") for f in target)
    return next((difference for difference in inner if difference is not None), None)


def _is_number(kind: pa.DataType) -> bool:
    return bool(kinds.is_integer(kind) or kinds.is_floating(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(kinds.is_list(kind) or kinds.is_fixed_size_list(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(kinds.is_binary(kind) or kinds.is_fixed_size_binary(kind))


def _is_registrable(kind: pa.DataType) -> bool:
    try:
        from_arrow(kind)
    except UnsupportedType:
        return False
    return True


def _sql_type(kind: pa.DataType) -> str:
    """Return the name that DuckDB has for a registered type; lists of fixed length are lists."""
    if _is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if kinds.is_struct(kind):
        return f"STRUCT({', '.join(f'{field.name} {_sql_type(field.type)}' for field in kind)})"
    if kinds.is_timestamp(kind):
        return _SQL[kind.unit] if kind.tz is None else "TIMESTAMPTZ"
    return _SQL[from_arrow(kind).canonical()]
