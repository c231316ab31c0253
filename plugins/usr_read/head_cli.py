"""``usr head``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    AtOpt,
    ColumnsOpt,
    Format,
    FormatOpt,
    GlobOpt,
    ImporterOpt,
    IncludeDeletedOpt,
    NamespacesOpt,
    OptionsOpt,
    SampleOpt,
    SeedOpt,
    SortOpt,
    TargetArg,
    UsageError,
    WhereOpt,
    current_session,
    examples,
    split_names,
    split_options,
)

__all__ = ["head_app"]

head_app = typer.Typer()


@head_app.command(
    epilog=examples(
        "usr head lab/promoters --columns id,lab__strength --sort lab__strength:desc -n 5",
        "usr head plasmid.gb",
    )
)
def head(
    target: TargetArg = None,
    *,
    n: Annotated[
        int | None,
        typer.Option("-n", "--limit", min=0, show_default=False, help="How many; 10 by default."),
    ] = None,
    columns: ColumnsOpt = None,
    at: AtOpt = None,
    where: WhereOpt = None,
    sample: SampleOpt = None,
    seed: SeedOpt = 0,
    sort: SortOpt = None,
    include_deleted: IncludeDeletedOpt = False,
    raw: Annotated[bool, typer.Option("--raw", help="Cut and round nothing.")] = False,
    max_colwidth: Annotated[int, typer.Option("--max-colwidth", min=1, help="Letters of a cell; ids stay whole.")] = 80,
    max_list_items: Annotated[int, typer.Option("--max-list-items", min=0, help="Items of a list.")] = 6,
    precision: Annotated[int, typer.Option("--precision", min=1, max=17, help="Significant digits of a float.")] = 4,
    namespaces: NamespacesOpt = None,
    glob: GlobOpt = None,
    importer: ImporterOpt = None,
    options: OptionsOpt = None,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show the first records, with attached columns merged in.

    A file of any format that can be imported is shown as it is.
    """
    from usr_core.api.commands import open_rows, open_target
    from usr_read.cells import CellStyle, emit_rows

    session, chosen, names = current_session(), split_names(namespaces), split_names(columns)
    if n is None and sample is None:
        n = 10
    file = open_rows(session, target, importer=importer, options=split_options(options or ()))
    if file is None:
        source = open_target(session, target, glob=glob, include_deleted=include_deleted, namespaces=chosen, at=at)
        table = source.head_arrow(
            n,
            columns=names,
            include_deleted=include_deleted,
            namespaces=chosen,
            where=where,
            sample=sample,
            seed=seed,
            sort=sort,
        )
    elif include_deleted or chosen is not None or glob is not None or at is not None:
        raise UsageError(
            "A file has no overlays, no deleted records, no versions and no files in it.",
            hint="Leave --namespaces, --include-deleted, --at and --glob out, or name the dataset.",
            facts={"file": file.path},
        )
    else:
        table = file.head_arrow(n, columns=names, where=where, sample=sample, seed=seed, sort=sort)

    style = CellStyle(width=max_colwidth, list_items=max_list_items, precision=precision)
    emit_rows(table, fmt, None if raw else style)
