"""Conditions written as SQL: ``lab__strength > 0.5 and sequence like '%GAATTC%'``, checked before anything is read.

DuckDB's parser makes a tree of the text, and every node of it has to be of a kind that is known here: columns,
constants, comparisons, logic, arithmetic, casts to plain types, and functions from a list, which look at nothing
but their arguments. What is not known is refused: subqueries, tables, parameters, stars, windows, lambdas, any
other function. The connection that evaluates it can reach no file, no network and no setting either.

A condition that is null for a row leaves the row out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from usr_core.errors import near_names, offered, visible
from usr_core.records.arrays import duckdb_schema
from usr_core.records.duckdb_sources import QUERY_MEMORY, open_database, register_source
from usr_core.store.errors import columns_there
from usr_core.store.questions.condition_words import CAST_TYPES, CHILDREN, FUNCTIONS, OPERATORS, SCALARS
from usr_core.store.questions.errors import ConditionInvalid

__all__ = ["SqlCondition"]

_BEFORE = "SELECT 1 WHERE [\n"
"""Brackets around the text: what closes them and goes on is not a list of one expression any more."""

_MOST_LETTERS = 1_000_000
_ROWS = "_usr_rows"
_NO_PLACE = 1 << 63


class SqlCondition:
    """One condition over the columns of a view; for one thread.

    Args:
        text: The condition.
        known: Every column that it may name.

    Attributes:
        text: The condition.
        columns: The columns that it looks at, each once.

    Raises:
        ConditionInvalid: It is not one condition, or holds something that is not allowed in one.
    """

    def __init__(self, text: str, known: pa.Schema) -> None:
        self.text = text
        self._connection = _database().cursor()
        names: dict[str, int] = {}
        tree = _parsed(text)
        for name, place in _columns(text, tree):
            names.setdefault(name, place)
        for name, place in names.items():
            _check_known(text, name, place, known.names)
        self.columns = tuple(names)
        _check_cases(text, self.columns)
        self._schema = duckdb_schema(pa.schema([known.field(name) for name in self.columns]))
        self._query = f"select coalesce((\n{text}\n), false) from {_ROWS}"
        self._bind()

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Return which rows of a batch that has all of `columns` meet it; no nulls.

        Raises:
            ConditionInvalid: It can't be evaluated for a value: a text that is not a number, a number too large.
        """
        if not self.columns:
            return pa.repeat(pa.scalar(self._constant()), len(batch))
        rows = batch.select(list(self.columns))
        if rows.schema != self._schema:
            rows = rows.cast(self._schema)
        try:
            register_source(self._connection, _ROWS, pa.Table.from_batches([rows]))
            return self._connection.sql(self._query).to_arrow_table().column(0).combine_chunks()
        except duckdb.Error as error:
            raise _failed(self.text, error) from error

    def _constant(self) -> bool:
        row = self._connection.execute(self._query.removesuffix(f" from {_ROWS}")).fetchone()
        return row is not None and bool(row[0])

    def _bind(self) -> None:
        """Raise unless it is true or false; one row of nulls finds out what is wrong with its constants."""
        connection = self._connection
        try:
            source = f" from {_ROWS}" if self.columns else ""
            if source:
                nulls = [pa.nulls(1, field.type) for field in self._schema]
                register_source(connection, _ROWS, pa.Table.from_arrays(nulls, self._schema.names))
            kind = connection.execute(f"describe select (\n{self.text}\n){source}").fetchall()[0][1]
            if kind not in ("BOOLEAN", '"NULL"', "NULL"):
                raise ConditionInvalid(f"it gives {kind}, not true or false", condition=self.text)
            connection.execute(self._query.removesuffix("" if source else f" from {_ROWS}")).fetchall()
        except duckdb.Error as error:
            raise _failed(self.text, error) from error


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Return the connection that all others are made from: a new database takes 20 ms, a new connection none."""
    # Batches are small, and those who read them have threads of their own.
    database = open_database(memory_limit=QUERY_MEMORY, threads=1, files=False)
    database.execute("set global TimeZone = 'UTC'")
    database.execute("set lock_configuration = true")
    return database


def _parsed(text: str) -> Mapping[str, Any]:
    """Return the tree of the one expression that the text is."""
    if not text.strip():
        raise ConditionInvalid("it is empty", condition=text)
    if len(text) > _MOST_LETTERS:
        raise ConditionInvalid(f"it has more than {_MOST_LETTERS:,} letters", condition=text)
    odd = re.search("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]", text)
    if odd is not None:
        raise ConditionInvalid("it holds a control character", condition=text, place=odd.start())
    whole = f"{_BEFORE}{text}\n]"
    connection = _database().cursor()
    try:
        answer = json.loads(connection.execute("select json_serialize_sql(?)", [whole]).fetchall()[0][0])
        comments = [at for at, kind in duckdb.tokenize(whole) if kind == duckdb.token_type.comment]
    except (duckdb.Error, RecursionError) as error:
        raise ConditionInvalid("it can't be read, or is nested too deeply", condition=text) from error
    finally:
        connection.close()
    if answer["error"]:
        raise _unreadable(text, answer)
    if comments:
        raise ConditionInvalid("a comment is not allowed in it", condition=text, place=_place(text, comments[0]))
    return _only_expression(text, answer["statements"])


def _unreadable(text: str, answer: Mapping[str, Any]) -> ConditionInvalid:
    reason = str(answer.get("error_message", "")).partition("\n")[0]
    position = str(answer.get("position", ""))
    place = _place(text, int(position)) if position.isdigit() else None
    if place is not None and place >= len(text):
        reason = "it ends too early: something is missing or not closed"
    return ConditionInvalid(reason or "it is not an expression", condition=text, place=place)


def _only_expression(text: str, statements: list[Any]) -> Mapping[str, Any]:
    wrong = ConditionInvalid("it is not one single condition", condition=text)
    if len(statements) != 1:
        raise wrong
    node = statements[0]["node"]
    top = node.get("where_clause") if node["type"] == "SELECT_NODE" else None
    if node.get("modifiers") or not top or top.get("class") != "FUNCTION" or top.get("function_name") != "list_value":
        raise wrong
    arguments = top["arguments"]
    after = (node.get("group_expressions"), node.get("having"), node.get("qualify"), node.get("sample"))
    whole = top["query_location"] == len(_BEFORE) - 2
    if len(arguments) != 1 or arguments[0]["name"] or any(after) or not whole:
        raise wrong
    inner: Mapping[str, Any] = arguments[0]["expression"]
    return inner


def _columns(text: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield each column that is named, with its place; refuse every node that is not known.

    A stack, not recursion: a condition may be a thousand levels deep.
    """
    stack = [(tree, 0)]
    while stack:
        node, above = stack.pop()
        place = above if node["query_location"] >= _NO_PLACE else node["query_location"]
        _check_node(text, node, place)
        if node["class"] == "COLUMN_REF":
            yield node["column_names"][0], _place(text, place)
        stack += [(child, place) for child in reversed(list(_children(node)))]


def _children(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in CHILDREN[node["class"]]:
        value = node.get(key)
        if key == "arguments":
            yield from (argument["expression"] for argument in value or ())
        elif key == "case_checks":
            yield from (check[part] for check in value or () for part in ("when_expr", "then_expr"))
        elif isinstance(value, list):
            yield from value
        elif value is not None:
            yield value


def _check_node(text: str, node: Mapping[str, Any], place: int) -> None:
    kind = node.get("class", "")
    refused = None
    if kind not in CHILDREN:
        refused = _WORDS.get(kind, f"{kind.lower().replace('_', ' ')} is not allowed in it")
    elif unknown := node.keys() - SCALARS[kind] - set(CHILDREN[kind]):
        refused = f"{kind.lower()} with {sorted(unknown)[0]} is not allowed in it"
    elif node.get("alias"):
        refused = f"the name {visible(node['alias'])!r} can't be given in it"
    elif kind == "FUNCTION":
        refused = _refused_function(node)
    elif kind == "OPERATOR" and node["type"] not in OPERATORS:
        refused = f"{node['type'].lower().replace('_', ' ')} is not allowed in it"
    elif kind == "CAST":
        refused = _refused_type(node["type_expr"])
    if refused is not None:
        raise ConditionInvalid(refused, condition=text, place=_place(text, place))


def _refused_function(node: Mapping[str, Any]) -> str | None:
    path = node["qualified_name"]["path"]
    shown = visible(".".join(path), limit=80)
    if len(path) != 1 or node["schema"] or node["catalog"]:
        return f"the function {shown} is not allowed in it; a function is named alone, as in lower(column)"
    if path[0].lower() not in FUNCTIONS:
        near = get_close_matches(path[0].lower(), FUNCTIONS, n=2, cutoff=0.75)
        return f"the function {shown} is not allowed in it" + (f" (did you mean {', '.join(near)}?)" if near else "")
    plain = not (node["filter"] or node["order_bys"]["orders"] or node["distinct"] or node["export_state"])
    if not plain or any(argument["name"] for argument in node["arguments"]):
        return f"the function {shown} takes plain arguments only"
    return None


def _refused_type(kind: Mapping[str, Any]) -> str | None:
    path = kind["qualified_name"]["path"]
    inner = [child.get("class") for child in kind["children"]]
    if len(path) == 1 and path[0].upper() in CAST_TYPES and all(one == "CONSTANT" for one in inner):
        return None
    return f"a cast to {visible('.'.join(path), limit=80)} is not allowed in it"


def _check_known(text: str, name: str, place: int, known: list[str]) -> None:
    if name in known:
        return
    near = near_names(name, known)
    told = f"there is no column {visible(name, limit=80)!r}"
    if near:
        hint = f"Did you mean {offered(near)}?"
    else:
        text_of_it = "'" + visible(name, limit=80).replace("'", "''") + "'"
        hint = f"A text stands in single quotes: {text_of_it}. The columns are {columns_there(name, known)}"
    raise ConditionInvalid(told, condition=text, place=place, hint=hint, column=name)


def _check_cases(text: str, names: tuple[str, ...]) -> None:
    """DuckDB takes names for the same that differ in the case of letters only."""
    seen: dict[str, str] = {}
    for name in names:
        if seen.setdefault(name.lower(), name) != name:
            both = f"{seen[name.lower()]!r} and {name!r}"
            raise ConditionInvalid(f"the columns {both} differ in the case of letters only", condition=text)


def _place(text: str, position: int) -> int:
    """Return the letter of the condition that a byte of the statement belongs to, counted from 0."""
    return len(text.encode()[: max(position - len(_BEFORE), 0)].decode(errors="ignore"))


def _failed(text: str, error: duckdb.Error) -> ConditionInvalid:
    reason = re.sub(r"^[A-Z]\w*( \w+)* Error: ", "", str(error).partition("\n")[0]).partition(". Use ")[0].rstrip(".!")
    return ConditionInvalid(reason, condition=text)


_WORDS = {
    "SUBQUERY": "a subquery is not allowed in it",
    "LAMBDA": "a lambda or an arrow is not allowed in it",
    "WINDOW": "a window function is not allowed in it",
    "STAR": "a star, or several columns at once, is not allowed in it",
    "PARAMETER": "a parameter is not allowed in it",
    "POSITIONAL_REFERENCE": "a column by number is not allowed in it",
    "COLLATE": "a collation is not allowed in it; compare lower(column)",
}
