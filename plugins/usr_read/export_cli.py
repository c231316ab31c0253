"""``usr export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from usr_core.api import UsrError, counted, options_text, size_text
from usr_core.api.commands import (
    AtOpt,
    ColumnsOpt,
    DryRunOpt,
    Format,
    GlobOpt,
    HelpOptionsOpt,
    IncludeDeletedOpt,
    NamespacesOpt,
    OptionsOpt,
    Progress,
    QuietOpt,
    SampleOpt,
    SeedOpt,
    SortOpt,
    TargetArg,
    UsageError,
    WhereOpt,
    choice_option,
    current_session,
    emit_outcome,
    emit_text,
    examples,
    note,
    split_names,
    split_options,
)

__all__ = ["export_app"]

export_app = typer.Typer()


@export_app.command(
    epilog=examples(
        "usr export lab/promoters --format fasta --out promoters.fasta",
        "usr export lab/promoters --format csv --out - --where 'lab__strength > 0.5'",
    )
)
def export(
    target: TargetArg = None,
    *,
    export_format: Annotated[
        str | None,
        choice_option(
            "--format",
            "--fmt",
            choices="{exporter}",
            show_default=False,
            help="The format of what is written.",
        ),
    ] = None,
    options: OptionsOpt = None,
    help_options: HelpOptionsOpt = False,
    out: Annotated[
        str | None,
        typer.Option("--out", show_default=False, help="A file (.gz and .zst compress), a folder, or - for stdout."),
    ] = None,
    columns: ColumnsOpt = None,
    at: AtOpt = None,
    where: WhereOpt = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=0, show_default=False, help="The first so many; by default all.")
    ] = None,
    sample: SampleOpt = None,
    seed: SeedOpt = 0,
    sort: SortOpt = None,
    include_deleted: IncludeDeletedOpt = False,
    namespaces: NamespacesOpt = None,
    glob: GlobOpt = None,
    spreadsheet_safe: Annotated[
        bool, typer.Option("--spreadsheet-safe", help="Write text that looks like a formula so that it stays text.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    dry_run: DryRunOpt = False,
    report: Annotated[
        Format, typer.Option("--report", help="How what was done is told; --format is that of the file here.")
    ] = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Write the records with their attached columns to a file, in the base's order. What is exported is only read.

    A Parquet file is exported as it is.
    """
    from usr_core.api.commands import open_target

    if help_options:
        emit_text(options_text(current_session().host.options("exporter", export_format)))
        return
    if out is None:
        raise UsageError("The option --out is missing.", hint="Name a file, a folder, or - for standard output.")
    if export_format is None:
        raise UsageError("The option --format is missing.", hint=_format_hint(out))
    if out == "-" and report is Format.JSON and not dry_run:
        raise UsageError("--report json and --out - both write to standard output.", hint="Give --out a file.")
    chosen = split_names(namespaces)
    told_format = {**split_options(options or ()), **({"spreadsheet_safe": "true"} if spreadsheet_safe else {})}
    source = open_target(
        current_session(), target, glob=glob, include_deleted=include_deleted, namespaces=chosen, at=at
    )
    with Progress("exporting", total=source.base_rows(), quiet=quiet) as progress:
        written = source.export(
            _standard_output() if out == "-" else out,
            fmt=export_format,
            options=told_format,
            columns=split_names(columns),
            include_deleted=include_deleted,
            namespaces=chosen,
            where=where,
            limit=limit,
            sample=sample,
            seed=seed,
            sort=sort,
            overwrite=overwrite,
            dry_run=dry_run,
            progress=progress.advance,
        )

    verb, place = "would export" if dry_run else "exported", written.path or "standard output"
    told = f"{verb} {counted(written.rows, 'record')} to {place} ({size_text(written.size_bytes)})"
    if written.path is not None or dry_run:
        emit_outcome(written, told, report, dry_run=dry_run, target=source.name, format=export_format)
    elif not quiet:
        note(told)


def _format_hint(out: str) -> str:
    """Return which format the ending of the file suggests; a command that writes is to say it, though."""
    try:
        return f"Give --format {current_session().host.exporter_for_path(Path(out))}, which the ending suggests."
    except UsrError:
        return "Name an exporter; `usr export --help-options` lists them."


def _standard_output() -> BinaryIO:
    """Return standard output as a stream of bytes; a file that is called ``-`` is written as ``./-``."""
    if sys.stdout is None:
        raise UsageError("Standard output is closed.", hint="Give --out a file.")
    return sys.stdout.buffer
