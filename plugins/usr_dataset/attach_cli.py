"""``usr attach``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from usr_core.api import PluginMissing, options_text
from usr_core.api.commands import (
    AllowMissingOpt,
    DryRunOpt,
    FilePathOpt,
    FilesArg,
    Format,
    FormatOpt,
    HelpOptionsOpt,
    ImporterOpt,
    OptionsOpt,
    Progress,
    QuietOpt,
    UsageError,
    choice_option,
    completer,
    current_session,
    emit_outcome,
    emit_text,
    examples,
    note,
    split_files,
    split_names,
    split_options,
    warn,
)

__all__ = ["attach_app"]

attach_app = typer.Typer()

_ARRAYS = (".npy", ".npz")
_INTO = "Name an array's column whole, as in --into infer__m__embedding, with --ids FILE where rows have ids."


@attach_app.command(
    epilog=examples(
        "usr attach lab/promoters scores.csv --namespace lab --key sequence",
        "usr attach lab/promoters plate.xlsx --namespace lab --key fasta__name --key-col well --repeats mean",
    )
)
def attach(
    words: FilesArg = None,
    *,
    path: FilePathOpt = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            autocompletion=completer("namespace"),
            show_default=False,
            help="A registered namespace; by default the writer's.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="id|sequence|sequence_norm|sequence_ci|COLUMN",
            autocompletion=completer("key"),
            show_default=False,
            help="id, sequence (as written), sequence_norm (trimmed), sequence_ci (trimmed, in any case), or a text "
            "column of the dataset; by default the writer's.",
        ),
    ] = None,
    key_col: Annotated[
        str | None,
        typer.Option(
            "--key-col",
            show_default=False,
            help="The file's column with the key; by default the key's name, or `sequence`.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            show_default=False,
            help="Names, prefix or not, with commas between; by default all that are registered.",
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", show_default=False, help="COLUMN=NAME: the file's NAME fills the namespace's COLUMN."),
    ] = None,
    allow_overwrite: Annotated[
        bool,
        typer.Option(
            "--allow-overwrite", "--overwrite", help="Let new values win where records have one in that column already."
        ),
    ] = False,
    allow_missing: AllowMissingOpt = False,
    parse_json: Annotated[
        bool, typer.Option("--parse-json/--no-parse-json", help="Read text in nested columns as JSON.")
    ] = True,
    backend: Annotated[
        str,
        choice_option(
            "--backend",
            choices="pyarrow|duckdb",
            help="pyarrow, or duckdb to match the keys of large Parquet files.",
        ),
    ] = "pyarrow",
    importer: ImporterOpt = None,
    writer: Annotated[
        str | None,
        choice_option(
            "--writer",
            choices="{overlay_writer}",
            show_default=False,
            help="Name of an overlay writer that reads a tool's output.",
        ),
    ] = None,
    options: OptionsOpt = None,
    repeats: Annotated[
        list[str] | None,
        typer.Option(
            "--repeats",
            show_default=False,
            help="What rows of one key give together: mean, median, min, max, first, last, count, list or std; for one "
            "column COLUMN=FUNCTION or COLUMN=SOURCE:FUNCTION. May be repeated.",
        ),
    ] = None,
    help_options: HelpOptionsOpt = False,
    writer_options: Annotated[
        list[str] | None,
        typer.Option("--writer-option", show_default=False, help="The same as --option, for a writer."),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            "--into",
            show_default=False,
            help="The column that a .npy file, or the one array of a .npz file, fills: a row for each record, in the "
            "dataset's order where there are no ids.",
        ),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option("--ids", show_default=False, help="With --into: a file with the id of each row."),
    ] = None,
    line: Annotated[str | None, typer.Option("--note", show_default=False, help="A line for meta.md.")] = None,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Attach columns of one or several files to the records, as a new overlay part. The base is not touched."""
    from usr_dataset.outcome_text import attach_note, attach_text, attach_warning

    if help_options:
        emit_text(options_text(current_session().host.options("overlay_writer", writer)))
        return
    dataset, files = split_files(words, path)
    told = split_options(writer_options or (), flag="--writer-option")
    if into is not None or ids is not None:
        if into is None or len(files) > 1 or writer is not None or importer is not None:
            raise UsageError("--into and --ids read one file, and take neither --writer nor --from", hint=_INTO)
        namespace, writer, told = into_column(into, namespace, ids, told)
    elif writer is None and importer is None:
        refuse_arrays(files)
    target = current_session().dataset(dataset)
    with Progress("attaching", quiet=quiet) as progress:
        outcome = target.attach(
            files,
            namespace,
            key=key,
            key_col=key_col,
            columns=split_names(columns),
            allow_overwrite=allow_overwrite,
            allow_missing=allow_missing,
            parse_json=parse_json,
            backend=backend,
            importer=importer,
            writer=writer,
            options=split_options(options or ()),
            mapping=split_options(mapping or (), flag="--map"),
            writer_options=told,
            repeats=split_repeats(repeats or ()),
            note=line,
            dry_run=dry_run,
            progress=progress.advance,
        )

    if (remark := attach_note(outcome)) and not quiet:
        note(remark)
    if warning := attach_warning(outcome):
        warn(warning)
    text = attach_text(outcome, target.name, dry_run=dry_run)
    emit_outcome(outcome, text, fmt, dry_run=dry_run, dataset=target.name)


def refuse_arrays(files: Sequence[Path | BinaryIO]) -> None:
    """Refuse files of arrays, which do not say which column they are, unless a third party reads them.

    Raises:
        UsageError: One of the files is such a file.
    """
    for file in files:
        if isinstance(file, Path) and file.suffix in _ARRAYS:
            try:
                current_session().host.importer_for_path(file)
            except PluginMissing:
                told = "a file of arrays does not name its column"
                raise UsageError(told, hint=_INTO, facts={"file": str(file)}) from None


def into_column(
    into: str, namespace: str | None, ids: Path | None, told: Mapping[str, str]
) -> tuple[str, str, dict[str, str]]:
    """Return what ``--into`` stands for: a namespace, the overlay writer that reads arrays, and its options.

    Raises:
        UsageError: The column's namespace is not known, or another one is named.
    """
    prefix, _, field = into.partition("__")
    if not field and namespace is None:
        raise UsageError(f"the column {into!r} does not say its namespace", hint=_INTO)
    if field and namespace not in (None, prefix):
        raise UsageError(f"the column {into!r} is not one of the namespace {namespace!r}", hint=_INTO)
    rows = {"rows": "auto"} if ids is None else {"ids": str(ids)}
    return namespace or prefix, "infer", {**told, "column": into, **rows}


def split_repeats(words: Sequence[str]) -> dict[str, str] | None:
    """Return the functions of ``--repeats`` by column, ``*`` for all others; None where none is given.

    Raises:
        UsageError: A column has two, or there are two for all columns.
    """
    found: dict[str, str] = {}
    for word in words:
        column, equals, function = word.partition("=")
        name = column if equals else "*"
        if name in found:
            what = f"the column {name!r} has" if equals else "all columns have"
            raise UsageError(f"{what} two functions", hint="Give --repeats once for each column.")
        found[name] = function if equals else word
    return found or None
