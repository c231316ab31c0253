"""``usr grep``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from usr_core.api.commands import (
    AtOpt,
    DatasetArg,
    Format,
    FormatOpt,
    IncludeDeletedOpt,
    Progress,
    QuietOpt,
    UsageError,
    WhereOpt,
    completer,
    current_session,
    examples,
)

__all__ = ["grep_app"]

grep_app = typer.Typer()


class Strands(StrEnum):
    """Where a motif is looked for."""

    BOTH = "both"
    FORWARD = "forward"


@grep_app.command(
    epilog=examples(
        "usr grep lab/promoters --pattern 'TTGAC[AT]' --ignore-case",
        "usr grep lab/promoters --motif 'TTGACAN{15,19}TATAAT' --mismatches 1",
    )
)
def grep(
    dataset: DatasetArg = None,
    *,
    pattern: Annotated[
        str | None, typer.Option("--pattern", show_default=False, help="A regular expression of RE2.")
    ] = None,
    motif: Annotated[
        str | None, typer.Option("--motif", show_default=False, help="IUPAC letters and gaps: TTGACAN{15,19}TATAAT.")
    ] = None,
    mismatches: Annotated[
        int | None,
        typer.Option("--mismatches", show_default=False, help="Letters of a motif that may differ, 0 to 3."),
    ] = None,
    strands: Annotated[
        Strands | None,
        typer.Option("--strands", show_default=False, help="Of a motif; by default both where there are two."),
    ] = None,
    column: Annotated[
        str, typer.Option("--column", autocompletion=completer("column"), help="The text column to look in.")
    ] = "sequence",
    where: WhereOpt = None,
    at: AtOpt = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="Stop after so many lines; 0 is all.")] = 20,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", help="Let letters match in either case.")] = False,
    include_deleted: IncludeDeletedOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Show the records whose text matches a pattern, anywhere in it, in the dataset's order; or the hits of a motif.

    A motif's letters match in either case, and N in a sequence only N in a motif; each hit is a line.
    """
    from usr_query.grep_output import emit_hits, emit_matches

    if (pattern is None) == (motif is None):
        told = "neither --pattern nor --motif is given" if motif is None else "--pattern does not go with --motif"
        raise UsageError(told, hint="Give --pattern with a regular expression, or --motif with IUPAC's letters.")
    if motif is None and (mismatches is not None or strands is not None):
        raise UsageError("--mismatches and --strands are for a motif", hint="Give --motif instead of --pattern.")
    if motif is not None and (column != "sequence" or ignore_case):
        told = "a motif is looked for in the sequence, in either case"
        raise UsageError(told, hint="Leave --column and --ignore-case out, or give --pattern instead of --motif.")
    source = current_session().dataset(dataset, at=at)
    with Progress("searching", quiet=quiet) as progress:
        if motif is not None:
            hits = source.motif(
                motif,
                mismatches=mismatches or 0,
                both_strands=None if strands is None else strands is Strands.BOTH,
                where=where,
                limit=limit,
                include_deleted=include_deleted,
                progress=progress.advance,
            )
            emit_hits(hits, fmt, quiet=quiet)
            return
        found = source.iter_grep(
            pattern or "",
            column=column,
            where=where,
            limit=limit,
            ignore_case=ignore_case,
            include_deleted=include_deleted,
            progress=progress.advance,
        )
        emit_matches(found, column, fmt, quiet=quiet)
