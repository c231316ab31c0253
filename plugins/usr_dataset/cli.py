"""``usr init``, ``usr import`` and ``usr snapshot``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from usr_core.api.commands import DatasetArg, PathOpt, Progress, QuietOpt, current_session, emit_text, note, warn

__all__ = ["import_app", "init_app", "snapshot_app"]

init_app = typer.Typer()
import_app = typer.Typer()
snapshot_app = typer.Typer()


class OnDuplicate(StrEnum):
    """What happens to a record that is there already."""

    ERROR = "error"
    SKIP = "skip"


@init_app.command()
def init(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Id of the new dataset: name or namespace/name.")],
    source: Annotated[
        str | None, typer.Option("--source", show_default=False, help="Where its records will come from.")
    ] = None,
    notes: Annotated[str | None, typer.Option("--notes", show_default=False, help="Text for its meta.md.")] = None,
) -> None:
    """Make an empty dataset: its folder, an empty base, meta.md, the frozen registry and the first event."""
    from usr_core.api import Dataset

    session = current_session()
    made = Dataset.open(session.found_root, dataset, lock_timeout=session.lock_timeout, host=session.host)
    made.init(source=source, notes=notes)

    emit_text(f"created {made.name} in {made.path}")


@import_app.command("import")
def import_records(
    dataset: DatasetArg = None,
    *,
    path: PathOpt,
    importer: Annotated[
        str | None,
        typer.Option("--from", show_default=False, help="Name of an importer; by default by the file's ending."),
    ] = None,
    bio_type: Annotated[
        str, typer.Option("--bio-type", help="For files without such a column: dna, rna or protein.")
    ] = "dna",
    alphabet: Annotated[
        str | None,
        typer.Option("--alphabet", show_default="dna_4, rna_4 or protein_20", help="For files without such a column."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", show_default=False, help="Where they come from; by default the file's name."),
    ] = None,
    on_duplicate: Annotated[
        OnDuplicate, typer.Option("--on-duplicate", help="skip leaves exact duplicates out and counts them.")
    ] = OnDuplicate.ERROR,
    quiet: QuietOpt = False,
) -> None:
    """Append the records of a file, all or none."""
    from usr_dataset.outcome_text import import_note, import_text, import_warnings

    target = current_session().dataset(dataset)
    with Progress("importing", quiet=quiet) as progress:
        outcome = target.import_file(
            path,
            importer=importer,
            bio_type=bio_type,
            alphabet=alphabet,
            source=source,
            on_duplicate=on_duplicate.value,
            progress=progress.advance,
        )

    if (remark := import_note(outcome)) and not quiet:
        note(remark)
    for warning in import_warnings(outcome):
        warn(warning)
    emit_text(import_text(outcome, target.name))


@snapshot_app.command()
def snapshot(dataset: DatasetArg = None) -> None:
    """Keep the base as it is under _snapshots/; costs no space where the file system has links."""
    target = current_session().dataset(dataset)

    emit_text(f"kept {target.snapshot().relative_to(target.path)}")
