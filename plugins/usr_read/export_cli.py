"""``usr export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from usr_core.cli.options import (
    ColumnsOpt,
    GlobOpt,
    IncludeDeletedOpt,
    NamespacesOpt,
    QuietOpt,
    TargetArg,
    split_names,
)
from usr_core.cli.output import emit_text
from usr_core.cli.progress import Progress
from usr_core.cli.session import current_session

__all__ = ["export_app"]

export_app = typer.Typer()


@export_app.command()
def export(
    target: TargetArg = None,
    *,
    export_format: Annotated[str, typer.Option("--fmt", show_default=False, help="csv, jsonl or parquet.")],
    out: Annotated[
        Path, typer.Option("--out", readable=False, show_default=False, help="A file, or a folder to put one into.")
    ],
    columns: ColumnsOpt = None,
    include_deleted: IncludeDeletedOpt = False,
    namespaces: NamespacesOpt = None,
    glob: GlobOpt = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    quiet: QuietOpt = False,
) -> None:
    """Write the records with their attached columns to a file, in the base's order. What is exported is only read.

    A Parquet file is exported as it is.
    """
    from usr_read.sizes import size_text
    from usr_read.target import export_of, opened

    chosen = split_names(namespaces)
    source = opened(current_session(), target, glob=glob, include_deleted=include_deleted, namespaces=chosen)
    with Progress("exporting", total=source.base_rows(), quiet=quiet) as progress:
        written = export_of(
            source,
            out,
            fmt=export_format,
            columns=split_names(columns),
            include_deleted=include_deleted,
            namespaces=chosen,
            overwrite=overwrite,
            progress=progress.advance,
        )

    emit_text(f"exported {written.rows:,} records to {written.path} ({size_text(written.size_bytes)})")
