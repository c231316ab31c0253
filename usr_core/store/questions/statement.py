"""What a statement of DuckDB's SQL asks for: whether it only reads, and the tables that it names."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import duckdb

from usr_core.errors import visible
from usr_core.records.duckdb_sources import QUERY_MEMORY, open_database
from usr_core.store.questions.errors import StatementRefused

__all__ = ["named_tables"]

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_BARE_ID = re.compile(rf"\b((?:from|join)\s+)({_NAME}/{_NAME}(?:@[\w.:=-]+)?)", re.IGNORECASE)


def named_tables(statement: str) -> tuple[str, ...]:
    """Return the names of the tables that one SELECT reads, each once, in no order that means anything.

    Names with a schema before them are left to DuckDB, as are the tables that the statement makes itself (``with``).

    Raises:
        StatementRefused: It is not one statement, does not only read, or can't be read.
    """
    with open_database(memory_limit=QUERY_MEMORY, threads=1, files=False) as connection:
        try:
            found = json.loads(connection.execute("select json_serialize_sql(?)", [statement]).fetchall()[0][0])
        except (duckdb.Error, RecursionError) as error:
            raise StatementRefused("it can't be read, or is nested too deeply") from error
    if found["error"]:
        raise _refused(statement, found)
    if len(found["statements"]) != 1:
        count = len(found["statements"])
        raise StatementRefused(f"one statement is expected, and {count} were given", value=statement)
    named: dict[str, None] = {}
    made: set[str] = set()
    stack: list[Any] = [found["statements"]]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack += node
        elif isinstance(node, dict):
            if node.get("type") == "BASE_TABLE" and len(node["qualified_name"]["path"]) == 1:
                named[node["qualified_name"]["path"][0]] = None
            if "cte_map" in node:
                made.update(entry["key"].lower() for entry in node["cte_map"]["map"])
            stack += node.values()
    return tuple(name for name in named if name.lower() not in made)


def _refused(statement: str, found: dict[str, Any]) -> StatementRefused:
    if found.get("error_type") == "not implemented":
        hint = "Change datasets with usr's own commands; a result goes to a file with --out."
        return StatementRefused("it is not a SELECT, and nothing but reading is allowed", hint=hint, value=statement)
    reason = str(found.get("error_message", "")).partition("\n")[0]
    position = str(found.get("position", ""))
    if position.isdigit():
        letter = len(statement.encode()[: int(position)].decode(errors="ignore")) + 1
        reason += f" (at letter {letter:,})"
    quoted = _BARE_ID.sub(r'\1"\2"', statement)
    if quoted == statement:
        return StatementRefused(reason, value=statement)
    hint = f"Write a dataset's id in double quotes: {visible(shlex.quote(quoted), limit=400)}"
    return StatementRefused(reason, hint=hint, value=statement)
