"""``usr grep``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    DatasetArg,
    Format,
    FormatOpt,
    IncludeDeletedOpt,
    Progress,
    QuietOpt,
    WhereOpt,
    current_session,
)

__all__ = ["grep_app"]

grep_app = typer.Typer()


@grep_app.command()
def grep(
    dataset: DatasetArg = None,
    *,
    pattern: Annotated[str, typer.Option("--pattern", show_default=False, help="A regular expression of RE2.")],
    column: Annotated[str, typer.Option("--column", help="The text column to look in.")] = "sequence",
    where: WhereOpt = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Stop after so many records; 0 is none.")] = 20,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", help="Let letters match in either case.")] = False,
    include_deleted: IncludeDeletedOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Show the records whose text matches a pattern, anywhere in it, in the dataset's order."""
    from usr_query.grep_output import emit_matches

    source = current_session().dataset(dataset)
    with Progress("searching", quiet=quiet) as progress:
        found = source.iter_grep(
            pattern,
            column=column,
            where=where,
            limit=limit,
            ignore_case=ignore_case,
            include_deleted=include_deleted,
            progress=progress.advance,
        )
        emit_matches(found, column, fmt, quiet=quiet)
