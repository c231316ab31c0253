"""Numbers with a decimal comma as the numbers with a point that the core reads."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as kinds

__all__ = ["AmbiguousNumber", "is_number", "with_points"]

_WITH_COMMA = r"^(\s*[+-]?[0-9]*),([0-9]+(?:[eE][+-]?[0-9]+)?\s*|(?:[eE][+-]?[0-9]+)?\s*)$"
_WITH_POINT = r"^\s*[+-]?[0-9.,]*\.[0-9.,]*(?:[eE][+-]?[0-9]+)?\s*$"


class AmbiguousNumber(ValueError):
    """A number has a point in a file whose numbers have decimal commas: 1.500 may be 1.5 or 1500."""

    def __init__(self, *, column: str, index: int, cell: str) -> None:
        super().__init__(cell)
        self.column, self.index, self.cell = column, index, cell


def is_number(kind: pa.DataType | None) -> bool:
    """Return whether a column of this type holds single numbers."""
    return kind is not None and (kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind))


def with_points(name: str, column: pa.Array) -> pa.Array:
    """Return the column with a point for the comma of each number; what is not a number stays, for the core to refuse.

    Raises:
        AmbiguousNumber: A number has a point.
    """
    import pyarrow.compute as pc

    ambiguous = pc.index(pc.match_substring_regex(column, _WITH_POINT), True).as_py()
    if ambiguous >= 0:
        raise AmbiguousNumber(column=name, index=ambiguous, cell=column[ambiguous].as_py())
    return pc.replace_substring_regex(column, _WITH_COMMA, r"\1.\2")
