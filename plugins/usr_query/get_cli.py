"""``usr get``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    ColumnsOpt,
    DatasetArg,
    Format,
    FormatOpt,
    IncludeDeletedOpt,
    current_session,
    split_names,
)

__all__ = ["get_app"]

get_app = typer.Typer()


@get_app.command()
def get(
    dataset: DatasetArg = None,
    *,
    ids: Annotated[list[str], typer.Option("--id", show_default=False, help="A record's id; may be repeated.")],
    columns: ColumnsOpt = None,
    include_deleted: IncludeDeletedOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show records by their ids, with attached columns merged in and every value whole."""
    from usr_query.record_output import emit_records

    found = current_session().dataset(dataset).get(ids, columns=split_names(columns), include_deleted=include_deleted)

    emit_records(found, fmt)
