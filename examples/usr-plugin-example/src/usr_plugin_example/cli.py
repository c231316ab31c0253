"""``usr example``: commands parse, call one function, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from usr_core.api.commands import DatasetArg, Format, FormatOpt, current_session, emit_table, emit_text

__all__ = ["app"]

app = typer.Typer(help="Find a motif, and list the records with the best hits.", no_args_is_help=True)


@app.command("find")
def find(
    dataset: DatasetArg = None,
    *,
    motif: Annotated[str, typer.Option("--motif", show_default=False, help="Letters to look for.")],
    out: Annotated[Path, typer.Option("--out", show_default=False, help="The table to write; it must not be there.")],
) -> None:
    """Write a table of where a motif stands in each sequence."""
    from usr_plugin_example.motif_table import write_table
    from usr_plugin_example.search import find_motif

    rows = write_table(out, find_motif(current_session().dataset(dataset), motif))
    emit_text(f"wrote {rows} rows to {out}")


@app.command("best")
def best(
    dataset: DatasetArg = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many to list.")] = 10,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """List the records with the most hits of the attached motif."""
    from usr_plugin_example.search import best_hits

    rows = best_hits(current_session().dataset(dataset), limit)
    emit_table(rows, ("id", "example__motif", "example__hits"), fmt, empty="no record has a hit")
