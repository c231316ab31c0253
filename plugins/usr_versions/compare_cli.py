"""``usr compare``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from usr_core.api.commands import (
    ColumnsOpt,
    Format,
    Progress,
    QuietOpt,
    UsageError,
    choice_option,
    completer,
    current_session,
    examples,
    split_names,
)

__all__ = ["compare_app"]

compare_app = typer.Typer()

_FORMATS = ("auto", "table", "rich", "plain", "json", "parquet")

OldArg = Annotated[
    str,
    typer.Argument(
        metavar="OLD", autocompletion=completer("dataset"), show_default=False, help="A dataset or a Parquet file."
    ),
]
NewArg = Annotated[
    str,
    typer.Argument(
        metavar="NEW",
        autocompletion=completer("dataset"),
        show_default=False,
        help="What to compare it with: another dataset or Parquet file.",
    ),
]


@compare_app.command(
    epilog=examples("usr compare lab/promoters before.parquet", "usr compare lab/a lab/b --out what-differs.parquet")
)
def compare(
    old: OldArg,
    new: NewArg,
    *,
    columns: ColumnsOpt = None,
    out: Annotated[
        str | None,
        typer.Option("--out", show_default=False, help="Write every difference to this file: .parquet, .csv, .jsonl."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    fmt: Annotated[
        str,
        choice_option(
            "--format", choices="|".join(_FORMATS), help="What is printed; parquet is every difference, to a pipe."
        ),
    ] = "auto",
    quiet: QuietOpt = False,
) -> None:
    """Compare two states of records, value by value: which records are added, gone and restored, what was changed.

    Records are found by their ids. Exits with 0 whether they differ or not, and changes nothing.
    """
    from usr_versions.compare_output import emit_comparison
    from usr_versions.sides import open_side

    if fmt not in _FORMATS:
        raise UsageError(f"There is no format {fmt!r}.", hint=f"Give one of: {', '.join(_FORMATS)}.")
    if fmt == "parquet" and out is not None:
        raise UsageError("--format parquet and --out both write every difference.", hint="Leave one of them out.")
    session = current_session()
    before, after = open_side(session, old), open_side(session, new)
    with Progress("comparing", total=before.base_rows(), quiet=quiet) as progress:
        found = before.compare(
            after,
            columns=split_names(columns),
            out=sys.stdout.buffer if fmt == "parquet" else out,
            fmt="parquet" if fmt == "parquet" else None,
            overwrite=overwrite,
            progress=progress.advance,
        )

    if fmt != "parquet":
        emit_comparison(found, Format.AUTO if fmt == "table" else Format(fmt))
