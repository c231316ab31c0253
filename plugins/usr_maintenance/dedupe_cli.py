"""``usr maintenance dedupe``."""

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
    Progress,
    QuietOpt,
    YesOpt,
    choice_option,
    confirm,
    current_session,
    emit_outcome,
    examples,
)

__all__ = ["dedupe_app"]

dedupe_app = typer.Typer()


@dedupe_app.command(
    epilog=examples(
        "usr maintenance dedupe lab/promoters --key sequence_ci --dry-run",
        "usr maintenance dedupe lab/promoters --key sequence_ci --keep keep-last",
    )
)
def dedupe(
    dataset: DatasetArg = None,
    *,
    key: Annotated[
        str,
        choice_option(
            "--key",
            choices="id|sequence|sequence_norm|sequence_ci",
            show_default=False,
            help="What makes two records the same one.",
        ),
    ],
    keep: Annotated[
        str,
        choice_option(
            "--keep",
            choices="keep-first|keep-last",
            help="Which record stays, in the base's order.",
        ),
    ] = "keep-first",
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    yes: YesOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Remove all but one of the records that share a key. The others keep their order."""
    from usr_maintenance.outcome_text import dedupe_text

    target = current_session().dataset(dataset)
    deduped = partial(target.dedupe, key=key, keep=keep)
    if dry_run or not yes:
        plan = deduped(dry_run=True)
        if dry_run or not plan.rows_dropped:
            text = dedupe_text(plan, target.name, would=True)
            emit_outcome(plan, text, fmt, dry_run=dry_run, dataset=target.name)
            return
        confirm(f"Remove {counted(plan.rows_dropped, 'record')} of {plan.rows_before:,} from {target.name}?")
    with (
        Progress("writing", total=target.base_rows(), quiet=quiet) as progress,
        target.maintenance(reason="usr maintenance dedupe"),
    ):
        outcome = deduped(progress=progress.advance)

    emit_outcome(outcome, dedupe_text(outcome, target.name), fmt, dry_run=False, dataset=target.name)
