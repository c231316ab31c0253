"""``usr maintenance history``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import DatasetArg, DryRunOpt, Format, FormatOpt, current_session, emit_outcome, examples

__all__ = ["history_app"]

history_app = typer.Typer()


@history_app.command(epilog=examples("usr maintenance history lab/promoters --keep"))
def history(
    dataset: DatasetArg = None,
    *,
    keep: Annotated[bool, typer.Option("--keep/--none", show_default=False, help="Keep from now on, or not.")],
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Keep what changes replace, so that earlier versions can be seen and brought back, or stop keeping it.

    What was kept so far stays; usr gc removes it.
    """
    target = current_session().dataset(dataset)
    outcome = target.set_history(keep=keep, dry_run=dry_run)

    does = "keeps its history" if keep else "keeps no history"
    if outcome.event is None and not dry_run:
        text = f"{target.name} {does} already; nothing was changed"
    else:
        text = f"{target.name} {does}{f', from version {outcome.since} on' if keep else ' from now on'}"
        text = f"would be changed: {text}" if dry_run else text
    emit_outcome(outcome, text, fmt, dry_run=dry_run, dataset=target.name)
