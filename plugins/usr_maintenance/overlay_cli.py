"""``usr maintenance overlay-compact``, ``overlay-remove`` and ``overlay-clear``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from usr_core.api import counted
from usr_core.api.commands import (
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    IdFileOpt,
    IdsOpt,
    NamespaceOpt,
    Progress,
    QuietOpt,
    YesOpt,
    choice_option,
    completer,
    confirm,
    current_session,
    emit_outcome,
    examples,
    split_names,
)

__all__ = ["clear_app", "compact_app", "remove_app"]

compact_app = typer.Typer()
remove_app = typer.Typer()
clear_app = typer.Typer()


@compact_app.command(epilog=examples("usr maintenance overlay-compact lab/promoters --namespace lab"))
def compact(
    dataset: DatasetArg = None,
    *,
    namespace: NamespaceOpt,
    drop: Annotated[bool, typer.Option("--drop", help="Remove the old files instead of archiving them.")] = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    yes: YesOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Merge the parts of a namespace into one; the values that readers see stay the same."""
    from usr_maintenance.outcome_text import compact_text

    target = current_session().dataset(dataset)
    compacted = partial(target.compact_overlay, namespace, drop=drop)
    if dry_run:
        plan = compacted(dry_run=True)
        emit_outcome(plan, compact_text(plan, target.name, would=True), fmt, dry_run=True, dataset=target.name)
        return
    if drop and not yes:
        plan = compacted(dry_run=True)
        if plan.needed:
            confirm(f"Remove {counted(plan.parts, 'old file')} of {namespace} in {target.name} for good?")
    with (
        Progress("compacting", quiet=quiet) as progress,
        target.maintenance(reason="usr maintenance overlay-compact"),
    ):
        outcome = compacted(progress=progress.advance)

    emit_outcome(outcome, compact_text(outcome, target.name), fmt, dry_run=False, dataset=target.name)


@remove_app.command(epilog=examples("usr maintenance overlay-remove lab/promoters --namespace lab --mode archive"))
def remove(
    dataset: DatasetArg = None,
    *,
    namespace: NamespaceOpt,
    mode: Annotated[
        str,
        choice_option(
            "--mode",
            choices="archive|delete",
            show_default=False,
            help="Keep the files, or remove them.",
        ),
    ],
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    yes: YesOpt = False,
) -> None:
    """Take away all values of a namespace; materialized ones stay in the base."""
    from usr_maintenance.outcome_text import remove_text

    target = current_session().dataset(dataset)
    removed = partial(target.remove_overlay, namespace, mode=mode)
    plan = removed(dry_run=True)
    if dry_run:
        emit_outcome(plan, remove_text(plan, target.name, would=True), fmt, dry_run=True, dataset=target.name)
        return
    confirm(f"{mode.capitalize()} {counted(plan.parts, 'file')} of {namespace} in {target.name}?", yes)
    with target.maintenance(reason="usr maintenance overlay-remove"):
        outcome = removed()

    emit_outcome(outcome, remove_text(outcome, target.name), fmt, dry_run=False, dataset=target.name)


@clear_app.command(
    epilog=examples(
        "usr maintenance overlay-clear lab/promoters --namespace lab --columns lab__strength --id-file ids.txt"
    )
)
def clear(
    dataset: DatasetArg = None,
    *,
    namespace: NamespaceOpt,
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            autocompletion=completer("columns"),
            show_default=False,
            help="Columns to unset, with commas between.",
        ),
    ],
    ids: IdsOpt = None,
    id_file: IdFileOpt = None,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    yes: YesOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Unset values, attached and materialized ones, for some records or for all; what held them is kept aside."""
    from usr_maintenance.named_records import named_records
    from usr_maintenance.outcome_text import clear_text

    target = current_session().dataset(dataset)
    cleared = partial(target.clear_overlay, namespace, split_names(columns) or (), ids=named_records(ids, id_file))
    if dry_run or not yes:
        plan = cleared(dry_run=True)
        if dry_run or not (plan.cells or plan.base_cells):
            text = clear_text(plan, target.name, would=True)
            emit_outcome(plan, text, fmt, dry_run=dry_run, dataset=target.name)
            return
        confirm(f"Unset {counted(plan.cells, 'value')} of {', '.join(plan.columns)} in {target.name}?")
    with (
        Progress("clearing", quiet=quiet) as progress,
        target.maintenance(reason="usr maintenance overlay-clear"),
    ):
        outcome = cleared(progress=progress.advance)

    emit_outcome(outcome, clear_text(outcome, target.name), fmt, dry_run=False, dataset=target.name)
