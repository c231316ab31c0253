"""What stands where in a Parquet footer: its columns, and one row group out of many."""

from __future__ import annotations

from dataclasses import dataclass

from usr_core.store.base.thrift import LIST, STRUCT, Cursor
from usr_core.store.base.thrift_tree import I32, Struct, read_struct, structs

__all__ = ["ColumnElements", "columns_of", "row_group_of", "schema_elements"]

# The numbers of fields in the structs of parquet.thrift.
_SCHEMA, _GROUPS, _GROUP_CHUNKS = 2, 4, 1
_ELEMENT_NAME, _ELEMENT_CHILDREN, _ELEMENT_FIELD_ID = 4, 5, 9


@dataclass(frozen=True, slots=True)
class ColumnElements:
    """A top-level column: its first leaf, how many it has, and what the schema says of it."""

    first: int
    leaves: int
    elements: list[Struct]


def columns_of(elements: list[Struct]) -> dict[str, ColumnElements]:
    """Return the top-level columns of a schema by name; of a name that comes twice none."""
    elements = [{key: value for key, value in one.items() if key != _ELEMENT_FIELD_ID} for one in elements]
    found: dict[str, ColumnElements] = {}
    repeated: set[str] = set()
    at, leaf = 1, 0
    while at < len(elements):
        start, first, waiting = at, leaf, 1
        while waiting:
            children = elements[at].get(_ELEMENT_CHILDREN, (I32, 0))[1]
            leaf += not children
            waiting += children - 1
            at += 1
        name = elements[start][_ELEMENT_NAME][1].decode()
        if name in found:
            repeated.add(name)
        found[name] = ColumnElements(first, leaf - first, elements[start:at])
    return {name: column for name, column in found.items() if name not in repeated}


def schema_elements(footer: bytes) -> list[Struct]:
    """Return the elements of the schema; nothing else of the footer is looked at.

    Raises:
        ValueError, IndexError: It is no footer.
    """
    cursor = Cursor(footer)
    for field, kind in cursor.fields():
        if (field, kind) == (_SCHEMA, LIST):
            return [read_struct(cursor) for _ in range(cursor.list_length())]
    raise ValueError("the footer has no schema")


def row_group_of(footer: bytes, number: int) -> list[Struct]:
    """Return the column chunks of one row group, counted from 0; those before it are passed over.

    Raises:
        ValueError, IndexError, KeyError: It is no footer, or it has fewer row groups.
    """
    cursor = Cursor(footer)
    for field, kind in cursor.fields():
        if (field, kind) == (_GROUPS, LIST):
            if number >= cursor.list_length():
                break
            for _ in range(number):
                cursor.skip(STRUCT)
            return structs(read_struct(cursor)[_GROUP_CHUNKS])
    raise ValueError(f"the footer has no row group {number}")
