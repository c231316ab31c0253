"""``usr init``, ``usr import`` and ``usr snapshot``."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from usr_core.api import options_text
from usr_core.api.commands import (
    DatasetArg,
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
    choice_option,
    completer,
    current_session,
    emit_outcome,
    emit_text,
    examples,
    note,
    split_files,
    split_options,
    warn,
)

__all__ = ["import_app", "init_app", "snapshot_app"]

init_app = typer.Typer()
import_app = typer.Typer()
snapshot_app = typer.Typer()


class OnDuplicate(StrEnum):
    """What happens to a record that is there already."""

    ERROR = "error"
    SKIP = "skip"


@init_app.command(
    epilog=examples("usr init lab/promoters --source 'plate 7'", "usr --root datasets init lab/promoters --new-root")
)
def init(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Id of the new dataset: name or namespace/name.")],
    source: Annotated[
        str | None, typer.Option("--source", show_default=False, help="Where its records will come from.")
    ] = None,
    notes: Annotated[str | None, typer.Option("--notes", show_default=False, help="Text for its meta.md.")] = None,
    new_root: Annotated[
        bool, typer.Option("--new-root", help="Make the folder of --root, or the current one, a root first.")
    ] = False,
    history: Annotated[
        str | None,
        choice_option(
            "--history",
            choices="keep|none",
            show_default=False,
            help="Whether it keeps what later changes replace; by default what usr.toml says, else keep.",
        ),
    ] = None,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Make an empty dataset: its folder, an empty base, meta.md, the frozen registry and the first event."""
    from usr_core.api import Dataset
    from usr_core.api.places import RootMissing
    from usr_core.api.registry import RegistryMissing, make_root

    session = current_session()
    place = session.root or Path(os.environ.get("USR_ROOT") or ".") if new_root else session.found_root
    if new_root:
        make_root(place, dry_run=dry_run, lock_timeout=session.lock_timeout)
    try:
        made = Dataset.open(place, dataset, lock_timeout=session.lock_timeout, host=session.host)
        made.init(source=source, notes=notes, history=history, dry_run=dry_run)
    except (RegistryMissing, RootMissing):
        if not (new_root and dry_run):  # what the command itself would make first
            raise

    path = place.resolve() / dataset
    text = f"{'would create' if dry_run else 'created'} {dataset} in {path}"
    emit_outcome({"path": path}, text, fmt, dry_run=dry_run, dataset=dataset)


@import_app.command(
    "import",
    epilog=examples(
        "usr import lab/promoters promoters.fasta",
        "usr import lab/promoters plate1.csv plate2.csv --keep lab --on-duplicate skip",
    ),
)
def import_records(
    words: FilesArg = None,
    *,
    path: FilePathOpt = None,
    importer: ImporterOpt = None,
    options: OptionsOpt = None,
    help_options: HelpOptionsOpt = False,
    bio_type: Annotated[
        str,
        choice_option(
            "--bio-type",
            choices="dna|rna|protein",
            help="For files without such a column: dna, rna or protein.",
        ),
    ] = "dna",
    alphabet: Annotated[
        str | None,
        choice_option(
            "--alphabet",
            choices="{alphabet}",
            show_default="dna_4, rna_4 or protein_20",
            help="For files without such a column; auto: the narrowest that fits.",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", show_default=False, help="Where they come from; by default the file's name."),
    ] = None,
    sequence_column: Annotated[
        str | None,
        typer.Option("--sequence-column", show_default=False, help="The file's column with the sequences."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", show_default=False, help="COLUMN=NAME: the file's NAME is a record's COLUMN."),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            autocompletion=completer("namespace"),
            show_default=False,
            help="A namespace: keep the file's columns that it registers.",
        ),
    ] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Keep no columns beside the records.")] = False,
    on_duplicate: Annotated[
        OnDuplicate, typer.Option("--on-duplicate", help="skip leaves exact duplicates out and counts them.")
    ] = OnDuplicate.ERROR,
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", show_default=False, help="Write what is left out to this new CSV file."),
    ] = None,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Append the records of files, all or none, and keep columns beside them."""
    from usr_dataset.outcome_text import import_notes, import_text, import_warnings

    if help_options:
        emit_text(options_text(current_session().host.options("importer", importer)))
        return
    dataset, files = split_files(words, path)
    mapped = split_options(mapping or (), flag="--map")
    if sequence_column is not None:
        mapped["sequence"] = sequence_column
    target = current_session().dataset(dataset)
    with Progress("importing", quiet=quiet) as progress:
        outcome = target.import_file(
            files,
            importer=importer,
            options=split_options(options or ()),
            bio_type=bio_type,
            alphabet=alphabet,
            source=source,
            on_duplicate=on_duplicate.value,
            keep=keep,
            bare=bare,
            mapping=mapped,
            rejects=rejects,
            dry_run=dry_run,
            progress=progress.advance,
        )

    for remark in () if quiet else import_notes(outcome, dry_run=dry_run):
        note(remark)
    for warning in import_warnings(outcome):
        warn(warning)
    text = import_text(outcome, target.name, dry_run=dry_run)
    emit_outcome(outcome, text, fmt, dry_run=dry_run, dataset=target.name)


@snapshot_app.command(epilog=examples("usr snapshot lab/promoters"))
def snapshot(dataset: DatasetArg = None, *, dry_run: DryRunOpt = False, fmt: FormatOpt = Format.AUTO) -> None:
    """Keep the base as it is under _snapshots/; costs no space where the file system has links."""
    target = current_session().dataset(dataset)
    file = target.snapshot(dry_run=dry_run).relative_to(target.path)

    text = f"{'would keep' if dry_run else 'kept'} {file}"
    emit_outcome({"file": file}, text, fmt, dry_run=dry_run, dataset=target.name)
