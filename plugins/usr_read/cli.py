"""``usr info`` and ``usr schema``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    DatasetArg,
    Format,
    FormatOpt,
    current_session,
    examples,
)

__all__ = ["info_app", "schema_app"]

info_app = typer.Typer()
schema_app = typer.Typer()


@info_app.command(epilog=examples("usr info lab/promoters", "usr info lab/promoters --format json"))
def info(dataset: DatasetArg = None, fmt: FormatOpt = Format.AUTO) -> None:
    """Show rows, columns, namespaces with parts, deleted and unmatched keys, and advice on compaction."""
    from usr_read.info_output import emit_overview

    emit_overview(current_session().dataset(dataset).overview(), fmt)


@schema_app.command(epilog=examples("usr schema lab/promoters", "usr schema lab/promoters --tree"))
def schema(
    dataset: DatasetArg = None,
    tree: Annotated[bool, typer.Option("--tree", help="Show nested types as an indented tree.")] = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show each column's name, type, whether it may be null, and where it comes from."""
    from usr_read.schema_output import emit_columns

    emit_columns(current_session().dataset(dataset).columns(), fmt, tree=tree)
