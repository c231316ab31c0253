"""``usr cols`` and ``usr cell``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    Format,
    FormatOpt,
    GlobOpt,
    TargetArg,
    completer,
    current_session,
    examples,
)

__all__ = ["cell_app", "cols_app"]

cols_app = typer.Typer()
cell_app = typer.Typer()


@cols_app.command(epilog=examples("usr cols lab/promoters", "usr cols promoters.parquet"))
def cols(target: TargetArg = None, glob: GlobOpt = None, fmt: FormatOpt = Format.AUTO) -> None:
    """List the columns with their types, and where they come from."""
    from usr_core.api.commands import open_target
    from usr_query.cell_output import emit_cols

    emit_cols(open_target(current_session(), target, glob=glob).columns(), fmt)


@cell_app.command(epilog=examples("usr cell lab/promoters --row 0 --col sequence"))
def cell(
    target: TargetArg = None,
    *,
    row: Annotated[int, typer.Option("--row", show_default=False, help="The row, counted from 0.")],
    column: Annotated[
        str,
        typer.Option(
            "--column", "--col", autocompletion=completer("column"), show_default=False, help="The column's name."
        ),
    ],
    glob: GlobOpt = None,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Print one cell, whole; lists and structs as JSON. Rows are counted as `usr head` shows them."""
    from usr_core.api.commands import open_target
    from usr_query.cell_output import emit_cell

    emit_cell(open_target(current_session(), target, glob=glob).cell(row, column), row, column, fmt)
