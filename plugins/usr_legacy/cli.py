"""``usr legacy convert``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from usr_core.api.commands import (
    DryRunOpt,
    Format,
    FormatOpt,
    QuietOpt,
    choice_option,
    completer,
    current_session,
    emit_outcome,
    examples,
    note,
)

__all__ = ["convert_app"]

convert_app = typer.Typer()


class OnDuplicate(StrEnum):
    """What happens to a record that is there already."""

    ERROR = "error"
    SKIP = "skip"


@convert_app.command(
    epilog=examples(
        "usr legacy convert lab/old exports/round1.pt exports/round2.pt",
        "usr legacy convert lab/old old.csv --map score=densegen__score --dry-run",
    )
)
def convert(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET", autocompletion=completer("dataset"), show_default=False, help="Dataset id or folder."
        ),
    ],
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", readable=False, show_default=False, help="Old exports: .csv or .pt files."),
    ],
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace",
            autocompletion=completer("namespace"),
            help="The namespace whose columns get the values, if it is registered.",
        ),
    ] = "densegen",
    renames: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OLD=NEW", show_default=False, help="What an old column is called now; may be repeated."
        ),
    ] = None,
    bio_type: Annotated[
        str,
        choice_option(
            "--bio-type",
            choices="dna|rna|protein",
            help="For rows without one: dna, rna or protein.",
        ),
    ] = "dna",
    alphabet: Annotated[
        str | None,
        choice_option(
            "--alphabet",
            choices="{alphabet}",
            show_default="dna_4, rna_4 or protein_20",
            help="For rows without one.",
        ),
    ] = None,
    on_duplicate: Annotated[
        OnDuplicate, typer.Option("--on-duplicate", help="skip leaves records out that are there, and counts them.")
    ] = OnDuplicate.ERROR,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Add the rows of DenseGen's old exports, all or none. Nothing that a file holds is run."""
    from usr_legacy.convert import ConvertOptions, convert
    from usr_legacy.outcome_text import convert_notes, convert_text, parse_renames

    current_session().several_changes = True
    target = current_session().dataset(dataset)
    outcome = convert(
        target,
        paths,
        ConvertOptions(
            namespace=namespace,
            renamed=parse_renames(renames or []),
            bio_type=bio_type,
            alphabet=alphabet,
            on_duplicate=on_duplicate.value,
            dry_run=dry_run,
        ),
    )

    for line in [] if quiet else convert_notes(outcome, namespace):
        note(line)
    text = convert_text(outcome, target.name, would=dry_run)
    emit_outcome(outcome, text, fmt, dry_run=dry_run, dataset=target.name)
