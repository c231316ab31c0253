"""A dataset's columns as ``usr schema`` prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from usr_core.api.commands import Format, cell_text, emit_table, emit_text, resolve_format
from usr_core.api.registry import ColumnType, FixedSizeListType, ListType, StructType, TypeSyntaxError, parse_type
from usr_core.api.results import ColumnOverview

__all__ = ["emit_columns", "tree_lines"]

_HEADER = ("name", "type", "nullable", "origin")


def emit_columns(columns: Sequence[ColumnOverview], fmt: Format, *, tree: bool) -> None:
    """Print columns as a table, or as an indented tree; in JSON a list of objects either way."""
    if tree and resolve_format(fmt) is not Format.JSON:
        emit_text("\n".join(tree_lines(columns)))
        return
    emit_table([{name: getattr(column, name) for name in _HEADER} for column in columns], _HEADER, fmt)


def tree_lines(columns: Sequence[ColumnOverview]) -> list[str]:
    """Return a line ``name: type`` for each column, and below it, indented, one for each thing inside a nested type."""
    lines = []
    for column in columns:
        notes = ", ".join([*([] if column.nullable else ["not null"]), *([column.origin] if column.origin else [])])
        lines.append(f"{cell_text(column.name)}: {_outline(column.type)}" + (f"  ({notes})" if notes else ""))
        lines += [f"  {line}" for line in _inner(_parsed(column.type))]
    return lines


def _parsed(text: str) -> ColumnType | None:
    try:
        return parse_type(text)
    except TypeSyntaxError:
        return None  # an Arrow type that the registry has no words for: shown as it is


def _outline(text: str) -> str:
    kind = _parsed(text)
    return text if kind is None else _name(kind)


def _name(kind: ColumnType) -> str:
    if isinstance(kind, ListType):
        return "list"
    if isinstance(kind, FixedSizeListType):
        return f"fixed_size_list[{kind.size}]"
    return "struct" if isinstance(kind, StructType) else kind.canonical()


def _inner(kind: ColumnType | None) -> Iterator[str]:
    if isinstance(kind, (ListType, FixedSizeListType)):
        parts: list[tuple[str, ColumnType]] = [("item", kind.item)]
    elif isinstance(kind, StructType):
        parts = [(field.name, field.type) for field in kind.fields]
    else:
        return
    for name, part in parts:
        yield f"{name}: {_name(part)}"
        for line in _inner(part):
            yield f"  {line}"
