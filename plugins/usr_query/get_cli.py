"""``usr get``."""

from __future__ import annotations

import typer

from usr_core.api.commands import (
    AtOpt,
    ColumnsOpt,
    DatasetArg,
    Format,
    FormatOpt,
    IdsOpt,
    IncludeDeletedOpt,
    UsageError,
    WhereOpt,
    current_session,
    examples,
    split_names,
)

__all__ = ["get_app"]

get_app = typer.Typer()


@get_app.command(
    epilog=examples(
        "usr get lab/promoters --where 'lab__strength > 0.5'",
        "usr get lab/promoters --id 2d3bfa8b5b8ed8ea4d29ac82f8f6e4a6db41de5c --format json",
    )
)
def get(
    dataset: DatasetArg = None,
    *,
    ids: IdsOpt = None,
    where: WhereOpt = None,
    columns: ColumnsOpt = None,
    at: AtOpt = None,
    include_deleted: IncludeDeletedOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show records by their ids or by a condition, with attached columns merged in and every value whole."""
    from usr_query.record_output import emit_records

    if bool(ids) == (where is not None):
        what = "no record was named" if where is None else "--where does not go with --id"
        raise UsageError(what, hint="Give --id ID (may be repeated), or --where with a condition.")
    source, names = current_session().dataset(dataset, at=at), split_names(columns)
    if where is None:
        found = source.get(ids or (), columns=names, include_deleted=include_deleted)
    else:
        found = source.to_arrow(columns=names, where=where, include_deleted=include_deleted)

    emit_records(found, fmt)
