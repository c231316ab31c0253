"""``usr rollback``: bring back an earlier version."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api import counted
from usr_core.api.commands import (
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    completer,
    current_session,
    emit_outcome,
    examples,
)

__all__ = ["rollback_app"]

rollback_app = typer.Typer()


@rollback_app.command(
    epilog=examples("usr rollback lab/promoters --to 17 --dry-run", "usr rollback lab/promoters --to v1.0")
)
def rollback(
    dataset: DatasetArg = None,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="VERSION",
            autocompletion=completer("version"),
            show_default=False,
            help="A version: 17, a time, a tag.",
        ),
    ],
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Bring back the files of an earlier version: records, values, deletions and state. The log only grows."""
    target = current_session().dataset(dataset)
    done = target.rollback(to, dry_run=dry_run)

    if not done.changes:
        text = f"{target.name} has the files of version {done.version} already; nothing was changed"
    else:
        overlays = f"{counted(len(done.brought_back), 'overlay')} brought back, {len(done.taken_away):,} taken away"
        rows = counted(done.rows, "record")
        rows += " as before" if done.rows == done.rows_before else f" instead of {done.rows_before:,}"
        text = (
            f"{target.name} {'would be' if dry_run else 'is'} as at version {done.version} again, "
            f"{counted(done.versions_back, 'version')} back: {rows}; {overlays}"
        )
        if done.event is not None:
            text += f"\nto take it back: usr rollback {target.name} --to {done.event['seq'] - 1}"
    emit_outcome(done, text, fmt, dry_run=dry_run, dataset=target.name)
