"""Cells of Arrow tables as values that JSON can hold, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["json_column", "json_rows"]


def json_rows(table: pa.Table) -> list[dict[str, object]]:
    """Return each row as an object, columns in the table's order.

    Example:
        >>> from usr_core.api.commands import json_rows
        >>> json_rows(dataset.head_arrow(2, columns=["sequence", "lab__gc"]))
        [{'sequence': 'TTGACAGGCTAACTGGATAT', 'lab__gc': 0.4}, {'sequence': 'GATTACAGATTACAGATTAC', 'lab__gc': 0.3}]
    """
    columns = [json_column(column.combine_chunks()) for column in table.columns]
    names = table.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def json_column(column: pa.Array) -> Sequence[object]:
    """Return one value a cell: exactly as `to_json` has it, or as Python has it where the registry lacks the type.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.commands import json_column
        >>> json_column(pa.array([b"TATAAT", None]))
        ['VEFUQUFU', None]
    """
    from usr_core.cli.json_values import plain_value
    from usr_core.records.arrays import conform, plain_type
    from usr_core.registry.errors import UnsupportedType
    from usr_core.registry.types import from_arrow
    from usr_core.values.json_writing import to_json

    kind = plain_type(column.type)
    try:
        from_arrow(kind)
    except UnsupportedType:
        return [plain_value(value) for value in cast("list[object]", column.to_pylist())]
    return to_json(conform(column, kind))
