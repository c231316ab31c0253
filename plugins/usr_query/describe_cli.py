"""``usr describe``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    AtOpt,
    ColumnsOpt,
    DatasetArg,
    Format,
    FormatOpt,
    IncludeDeletedOpt,
    Progress,
    QuietOpt,
    UsageError,
    WhereOpt,
    current_session,
    examples,
    resolve_format,
    split_names,
)

__all__ = ["describe_app"]

describe_app = typer.Typer()


@describe_app.command(
    epilog=examples(
        "usr describe lab/promoters", "usr describe lab/promoters --columns lab__strength --sample 0 --plot"
    )
)
def describe(
    dataset: DatasetArg = None,
    *,
    columns: ColumnsOpt = None,
    where: WhereOpt = None,
    at: AtOpt = None,
    sample: Annotated[int, typer.Option("--sample", min=0, help="Rows to look at; 0 is all of them.")] = 1024,
    plot: Annotated[bool, typer.Option("--plot", help="Draw a histogram of each column, a line a bin.")] = False,
    include_deleted: IncludeDeletedOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Show of each column the type, the share of nulls, its range or lengths, and a histogram.

    Numbers come from a sample of rows spread evenly over the dataset; with --where from every record that meets it.
    """
    from usr_query.describe_output import emit_description, emit_plots

    if plot and resolve_format(fmt) is Format.JSON:
        raise UsageError("--plot does not go with --format json", hint="The JSON has the counts of each histogram.")

    with Progress("looking", quiet=quiet) as progress:
        found = (
            current_session()
            .dataset(dataset, at=at)
            .describe(
                split_names(columns),
                sample=sample,
                where=where,
                include_deleted=include_deleted,
                progress=progress.advance,
            )
        )

    if plot:
        emit_plots(found, quiet=quiet)
    else:
        emit_description(found, fmt, quiet=quiet)
