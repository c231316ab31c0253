"""``usr query``."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from usr_core.api import UsrError, counted
from usr_core.api.commands import (
    AtOpt,
    DryRunOpt,
    Format,
    IncludeDeletedOpt,
    UsageError,
    completer,
    current_session,
    emit_json,
    emit_table,
    emit_text,
    examples,
    json_rows,
    local_time,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["query_app"]

query_app = typer.Typer()


class QueryFormat(StrEnum):
    """How a result is shown."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@query_app.command(
    epilog=examples(
        "usr query 'select count(*) from \"lab/promoters@17\"'",
        "usr query 'select id, lab__strength from d' --dataset lab/promoters --out strong.csv",
    )
)
def query(
    statement: Annotated[str, typer.Argument(metavar="SQL", show_default=False, help="One SELECT of DuckDB's SQL.")],
    *,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            "-d",
            autocompletion=completer("dataset"),
            show_default=False,
            help="What the table d is; by default the current one.",
        ),
    ] = None,
    fmt: Annotated[
        QueryFormat | None,
        typer.Option("--format", show_default=False, help="By default a table, or what the ending of --out says."),
    ] = None,
    out: Annotated[str | None, typer.Option("--out", show_default=False, help="A file, or - for stdout.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    allow_files: Annotated[bool, typer.Option("--allow-files", help="Let it read other files; never the net.")] = False,
    include_deleted: IncludeDeletedOpt = False,
    at: AtOpt = None,
    dry_run: DryRunOpt = False,
) -> None:
    """Ask the datasets of a root in SQL: each is a table under its id in double quotes, with @17 as it was.

    Only datasets that the statement names are opened, and nothing is changed.
    """
    from usr_core.api.results import query_root

    shown = out in (None, "-") and fmt in (None, QueryFormat.TABLE, QueryFormat.JSON)
    if not shown and fmt in (QueryFormat.TABLE, QueryFormat.JSON):
        raise UsageError(f"--format {fmt} is not written to a file", hint="Give --format csv, jsonl or parquet.")
    session = current_session()
    try:
        current = session.dataset(dataset, at=at)
    except UsrError:
        if dataset is not None or at is not None:
            raise
        current = None
    ask = partial(query_root, session.found_root) if current is None else current.query
    found = ask(statement, allow_files=allow_files, include_deleted=include_deleted)
    repeated = next((name for name in found.columns if found.columns.count(name) > 1), None)
    if repeated is not None:
        raise UsageError(f"two columns of the result are called {repeated!r}", hint="Name them apart: … as NAME.")

    if shown and fmt is QueryFormat.JSON:
        emit_json(json_rows(found.table))
    elif shown:
        emit_table(_shown_rows(found.table), found.columns, Format.AUTO, empty="no rows")
    else:
        target = sys.stdout.buffer if out in (None, "-") else out
        written = found.export(target, fmt=fmt, host=session.host, overwrite=overwrite, dry_run=dry_run)
        if written.path is not None or dry_run:
            verb, place = "would write" if dry_run else "wrote", written.path or "standard output"
            emit_text(f"{verb} {counted(written.rows, 'row')} to {place}")


def _shown_rows(table: pa.Table) -> list[dict[str, object]]:
    """Return rows with times of a zone as people read them."""
    zoned = [field.name for field in table.schema if getattr(field.type, "tz", None) is not None]
    rows = json_rows(table)
    for row in rows:
        row |= {name: local_time(str(row[name])) for name in zoned if row[name] is not None}
    return rows
