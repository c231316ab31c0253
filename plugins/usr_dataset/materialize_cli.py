"""``usr materialize``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from usr_core.api.commands import (
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    NamespacesOpt,
    Progress,
    QuietOpt,
    UsageError,
    YesOpt,
    confirm,
    current_session,
    emit_outcome,
    examples,
    split_names,
)

__all__ = ["materialize_app"]

materialize_app = typer.Typer()


@materialize_app.command(
    epilog=examples(
        "usr materialize lab/promoters",
        "usr materialize lab/promoters --namespaces lab --drop-overlays --snapshot-before --yes",
    )
)
def materialize(
    dataset: DatasetArg = None,
    *,
    yes: YesOpt = False,
    snapshot_before: Annotated[
        bool, typer.Option("--snapshot-before", help="Keep the base as it was under _snapshots/.")
    ] = False,
    namespaces: NamespacesOpt = None,
    drop_overlays: Annotated[
        bool,
        typer.Option("--drop-overlays", help="Remove the folded overlay files; what the base has no record for stays."),
    ] = False,
    archive_overlays: Annotated[
        bool, typer.Option("--archive-overlays", help="Move the folded overlay files to _derived/_archived/.")
    ] = False,
    drop_deleted: Annotated[
        bool, typer.Option("--drop-deleted", help="Remove deleted records, so that they can be imported again.")
    ] = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Fold attached columns into the base. Overlays stay unless told otherwise; rows keep their order."""
    from usr_dataset.outcome_text import materialize_text

    if drop_overlays and archive_overlays:
        raise UsageError(
            "--drop-overlays and --archive-overlays exclude each other.", hint="Give one of them, or none."
        )
    target = current_session().dataset(dataset)
    # Off a terminal it goes on unasked, as it loses nothing.
    confirm(f"Rewrite the base of {target.name}?", yes or dry_run or not sys.stdin.isatty())
    with (
        Progress("materializing", total=target.base_rows(), quiet=quiet) as progress,
        target.maintenance(reason="usr materialize"),
    ):
        outcome = target.materialize(
            namespaces=split_names(namespaces),
            snapshot_before=snapshot_before,
            drop_overlays=drop_overlays,
            archive_overlays=archive_overlays,
            drop_deleted=drop_deleted,
            dry_run=dry_run,
            progress=progress.advance,
        )

    text = materialize_text(outcome, target.name, would=dry_run)
    emit_outcome(outcome, text, fmt, dry_run=dry_run, dataset=target.name)
