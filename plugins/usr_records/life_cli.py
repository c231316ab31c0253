"""``usr delete`` and ``usr restore``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    AllowMissingOpt,
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    IdFileOpt,
    IdsOpt,
    WhereOpt,
    current_session,
    emit_outcome,
    examples,
)

__all__ = ["delete_app", "restore_app"]

delete_app = typer.Typer()
restore_app = typer.Typer()


@delete_app.command(
    epilog=examples(
        "usr delete lab/promoters --where 'length < 20' --reason 'too short'",
        "usr delete lab/promoters --id-file ids.txt",
    )
)
def delete(
    dataset: DatasetArg = None,
    *,
    ids: IdsOpt = None,
    id_file: IdFileOpt = None,
    where: WhereOpt = None,
    reason: Annotated[
        str | None, typer.Option("--reason", show_default=False, help="Why; kept with each record.")
    ] = None,
    allow_missing: AllowMissingOpt = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Delete records: readers leave them out, the base keeps them, and usr restore brings them back."""
    from usr_records.given_ids import given_ids
    from usr_records.outcome_text import delete_text

    target = current_session().dataset(dataset)
    named = given_ids(ids, id_file, where)
    outcome = target.delete(named, where=where, reason=reason, allow_missing=allow_missing, dry_run=dry_run)

    emit_outcome(outcome, delete_text(outcome, target.name, would=dry_run), fmt, dry_run=dry_run, dataset=target.name)


@restore_app.command(epilog=examples("usr restore lab/promoters --id-file ids.txt"))
def restore(
    dataset: DatasetArg = None,
    *,
    ids: IdsOpt = None,
    id_file: IdFileOpt = None,
    where: WhereOpt = None,
    allow_missing: AllowMissingOpt = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Bring deleted records back, with all that was attached to them."""
    from usr_records.given_ids import given_ids
    from usr_records.outcome_text import restore_text

    target = current_session().dataset(dataset)
    named = given_ids(ids, id_file, where)
    outcome = target.restore(named, where=where, allow_missing=allow_missing, dry_run=dry_run)

    emit_outcome(outcome, restore_text(outcome, target.name, would=dry_run), fmt, dry_run=dry_run, dataset=target.name)
