"""The types that a column may have: their text, their tree, and their Arrow counterparts.

`usr_core.registry.type_parser` parses texts, strictly; the canonical text of a tree parses to the same tree, and a tree
to Arrow and back is the identity. pyarrow is imported only where an Arrow type is made or read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from usr_core.registry.errors import UnsupportedType

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "MAX_DEPTH",
    "MAX_LIST_SIZE",
    "ColumnType",
    "FixedSizeListType",
    "ListType",
    "PrimitiveType",
    "StructField",
    "StructType",
    "TimestampType",
    "from_arrow",
    "is_time_zone",
    "keeps_type",
    "same_type",
]

# How deep types nest, the outermost counted.
MAX_DEPTH = 20
MAX_LIST_SIZE = 2**31 - 1

# Registry name to the name of pyarrow's factory.
_FACTORIES = {
    "string": "string",
    "bool": "bool_",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float16": "float16",
    "float32": "float32",
    "float64": "float64",
    "binary": "binary",
    "date32": "date32",
}
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]*")
_ZONE_OFFSET = re.compile(r"[+-]([01][0-9]|2[0-3]):[0-5][0-9]")
FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
UNITS = ("s", "ms", "us", "ns")


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type of the registry; the subclasses are its forms.

    Example:
        >>> from usr_core.api.registry import ColumnType, parse_type
        >>> kind = parse_type("list< float64 >")
        >>> isinstance(kind, ColumnType), kind.canonical()
        (True, 'list<float64>')
        >>> print(kind.to_arrow())
        list<item: double>
    """

    def canonical(self) -> str:
        """Return the one text of this type that is written to files and hashed."""
        raise NotImplementedError

    def to_arrow(self) -> pa.DataType:
        """Return the Arrow type; list children are named ``item`` and everything inside is nullable."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class PrimitiveType(ColumnType):
    """A type without parts, such as ``int64``.

    Example:
        >>> from usr_core.api.registry import PrimitiveType
        >>> PrimitiveType("float64").canonical(), PrimitiveType("float64").to_arrow()
        ('float64', DataType(double))
        >>> "float16" in PrimitiveType.NAMES
        True
    """

    name: str
    NAMES: ClassVar[frozenset[str]] = frozenset(_FACTORIES)

    def canonical(self) -> str:
        return self.name

    def to_arrow(self) -> pa.DataType:
        import pyarrow as pa

        return getattr(pa, _FACTORIES[self.name])()


@dataclass(frozen=True, slots=True)
class TimestampType(ColumnType):
    """A point in time; with a zone it is an instant, without one a wall clock's reading.

    ``unit`` is ``s``, ``ms``, ``us`` or ``ns``.

    Example:
        >>> from usr_core.api.registry import TimestampType
        >>> TimestampType("us", "UTC").canonical(), str(TimestampType("us", "UTC").to_arrow())
        ('timestamp[us, UTC]', 'timestamp[us, tz=UTC]')
    """

    unit: str
    zone: str | None = None

    def canonical(self) -> str:
        return f"timestamp[{self.unit}]" if self.zone is None else f"timestamp[{self.unit}, {self.zone}]"

    def to_arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.timestamp(self.unit, tz=self.zone)


@dataclass(frozen=True, slots=True)
class ListType(ColumnType):
    """A list of any length.

    Example:
        >>> from usr_core.api.registry import ListType, PrimitiveType
        >>> hits = ListType(PrimitiveType("int64"))
        >>> hits.canonical(), str(hits.to_arrow())
        ('list<int64>', 'list<item: int64>')
    """

    item: ColumnType

    def canonical(self) -> str:
        return f"list<{self.item.canonical()}>"

    def to_arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.list_(pa.field("item", self.item.to_arrow()))


@dataclass(frozen=True, slots=True)
class FixedSizeListType(ColumnType):
    """A list of exactly `size` items.

    Example:
        >>> from usr_core.api.registry import FixedSizeListType, PrimitiveType
        >>> vector = FixedSizeListType(PrimitiveType("float32"), 4)
        >>> vector.canonical(), vector.to_arrow().list_size
        ('fixed_size_list<float32>[4]', 4)
    """

    item: ColumnType
    size: int

    def canonical(self) -> str:
        return f"fixed_size_list<{self.item.canonical()}>[{self.size}]"

    def to_arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.list_(pa.field("item", self.item.to_arrow()), self.size)


@dataclass(frozen=True, slots=True)
class StructField:
    """A named part of a struct.

    Example:
        >>> from usr_core.api.registry import PrimitiveType, StructField, StructType
        >>> StructType((StructField("motif", PrimitiveType("string")),)).canonical()
        'struct<motif:string>'
    """

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class StructType(ColumnType):
    """Named parts, in order, with unique names; at least one.

    Example:
        >>> from usr_core.api.registry import parse_type
        >>> motif = parse_type("struct< motif:string, at:int64 >")
        >>> [field.name for field in motif.fields]
        ['motif', 'at']
        >>> motif.canonical(), str(motif.to_arrow())
        ('struct<motif:string,at:int64>', 'struct<motif: string, at: int64>')
    """

    fields: tuple[StructField, ...]

    def canonical(self) -> str:
        return f"struct<{','.join(f'{field.name}:{field.type.canonical()}' for field in self.fields)}>"

    def to_arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.struct([pa.field(field.name, field.type.to_arrow()) for field in self.fields])


def from_arrow(arrow: pa.DataType) -> ColumnType:
    """Return the registry's form of an Arrow type; names and nullability of list children do not matter.

    Raises:
        UnsupportedType: The Arrow type has no such form (``large_string``, ``decimal128``, dictionaries …).

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.registry import from_arrow
        >>> from_arrow(pa.list_(pa.float64())).canonical()
        'list<float64>'
        >>> from_arrow(pa.decimal128(10, 2))
        Traceback (most recent call last):
            ...
        usr_core.registry.errors.UnsupportedType: The Arrow type decimal128(10, 2) can't be stored: it has no ...
    """
    return _from_arrow(arrow, whole=str(arrow), depth=1)


def same_type(one: pa.DataType, other: pa.DataType) -> bool:
    """Tell whether two Arrow types are equal except for the names of list children, nullability and metadata.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.registry import same_type
        >>> same_type(pa.list_(pa.field("element", pa.int64(), nullable=False)), pa.list_(pa.int64()))
        True
        >>> same_type(pa.int64(), pa.int32())
        False
    """
    import pyarrow.types as kinds

    for is_kind in (kinds.is_fixed_size_list, kinds.is_list):
        if is_kind(one) and is_kind(other):
            sizes_agree = not kinds.is_fixed_size_list(one) or one.list_size == other.list_size
            return sizes_agree and same_type(one.value_type, other.value_type)
    if kinds.is_struct(one) and kinds.is_struct(other):
        return one.num_fields == other.num_fields and all(
            mine.name == theirs.name and same_type(mine.type, theirs.type)
            for mine, theirs in zip(_fields(one), _fields(other), strict=True)
        )
    return bool(one == other)


def keeps_type(stored: pa.DataType, registered: pa.DataType) -> bool:
    """Tell whether a Parquet file's column has the registered type, as far as Parquet knows it.

    Parquet has no timestamps in seconds: they are kept in milliseconds, without loss, at any depth.
    """
    return same_type(stored, registered) or same_type(stored, _in_parquet(registered))


def _in_parquet(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_timestamp(kind) and kind.unit == "s":
        return pa.timestamp("ms", kind.tz)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_in_parquet(kind.value_type), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(_in_parquet(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _in_parquet(field.type)) for field in _fields(kind)])
    return kind


def is_time_zone(name: str) -> bool:
    """Tell whether `name` is an offset like ``+02:00``, ``UTC``, or a zone of this machine's time zone database."""
    if _ZONE_OFFSET.fullmatch(name) or name == "UTC":
        return True
    if not _ZONE_NAME.fullmatch(name) or name == "localtime":  # what `localtime` is depends on the machine
        return False
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return True


def _from_arrow(arrow: pa.DataType, *, whole: str, depth: int) -> ColumnType:
    import pyarrow.types as kinds

    if depth > MAX_DEPTH:
        raise UnsupportedType(arrow=whole, reason=f"it nests deeper than {MAX_DEPTH}")
    if kinds.is_list(arrow):
        return ListType(_from_arrow(arrow.value_type, whole=whole, depth=depth + 1))
    if kinds.is_fixed_size_list(arrow):
        if arrow.list_size < 1:
            raise UnsupportedType(arrow=whole, reason="a fixed-size list holds at least one item")
        return FixedSizeListType(_from_arrow(arrow.value_type, whole=whole, depth=depth + 1), arrow.list_size)
    if kinds.is_struct(arrow):
        return _struct_from_arrow(arrow, whole=whole, depth=depth)
    if kinds.is_timestamp(arrow):
        if arrow.tz is not None and not is_time_zone(arrow.tz):
            raise UnsupportedType(arrow=whole, reason=f"the time zone {arrow.tz!r} is unknown")
        return TimestampType(arrow.unit, arrow.tz)
    for name in PrimitiveType.NAMES:
        primitive = PrimitiveType(name)
        if primitive.to_arrow() == arrow:
            return primitive
    raise UnsupportedType(arrow=whole)


def _struct_from_arrow(arrow: pa.DataType, *, whole: str, depth: int) -> ColumnType:
    names = [field.name for field in _fields(arrow)]
    if not names or len(set(names)) != len(names):
        raise UnsupportedType(arrow=whole, reason="a struct needs at least one part, and unique names")
    for name in names:
        if not FIELD_NAME.fullmatch(name):
            raise UnsupportedType(arrow=whole, reason=f"{name!r} is not a name for a struct's part")
    types = (_from_arrow(field.type, whole=whole, depth=depth + 1) for field in _fields(arrow))
    return StructType(tuple(map(StructField, names, types)))


def _fields(struct: pa.DataType) -> list[pa.Field]:
    return [struct.field(index) for index in range(struct.num_fields)]
