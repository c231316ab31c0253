"""``usr state set``, ``clear`` and ``get``."""

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
    choice_option,
    current_session,
    emit_outcome,
    emit_table,
    examples,
    split_names,
)

__all__ = ["state_app"]

state_app = typer.Typer(no_args_is_help=True, help="Set, clear and show the state of records.")

MaskedOpt = Annotated[
    bool | None, typer.Option("--masked/--unmasked", show_default=False, help="Leave it out of analyses, or not.")
]
QcStatusOpt = Annotated[
    str | None,
    choice_option(
        "--qc-status",
        choices="pass|fail|warn|unknown",
        show_default=False,
        help="pass, fail, warn or unknown.",
    ),
]
SplitOpt = Annotated[
    str | None,
    choice_option(
        "--split",
        choices="train|val|test|holdout",
        show_default=False,
        help="train, val, test or holdout.",
    ),
]
SupersedesOpt = Annotated[
    str | None, typer.Option("--supersedes", show_default=False, help="The id of the record that it replaces.")
]
LineageOpt = Annotated[
    str | None, typer.Option("--lineage", show_default=False, help="Ids that it came from, with commas between.")
]


@state_app.command(
    "set",
    epilog=examples(
        "usr state set lab/promoters --id-file ids.txt --split test",
        "usr state set lab/promoters --where 'length > 5000' --masked --qc-status warn",
    ),
)
def set_(
    dataset: DatasetArg = None,
    *,
    ids: IdsOpt = None,
    id_file: IdFileOpt = None,
    where: WhereOpt = None,
    masked: MaskedOpt = None,
    qc_status: QcStatusOpt = None,
    split: SplitOpt = None,
    supersedes: SupersedesOpt = None,
    lineage: LineageOpt = None,
    allow_missing: AllowMissingOpt = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Set fields of the state of records. The other fields stay as they are."""
    from usr_records.given_ids import given_ids
    from usr_records.outcome_text import state_text

    target = current_session().dataset(dataset)
    outcome = target.set_state(
        given_ids(ids, id_file, where),
        where=where,
        masked=masked,
        qc_status=qc_status,
        split=split,
        supersedes=supersedes,
        lineage=split_names(lineage),
        allow_missing=allow_missing,
        dry_run=dry_run,
    )

    emit_outcome(
        outcome, state_text(outcome, target.name, "set", would=dry_run), fmt, dry_run=dry_run, dataset=target.name
    )


@state_app.command(epilog=examples("usr state clear lab/promoters --id-file ids.txt"))
def clear(
    dataset: DatasetArg = None,
    *,
    ids: IdsOpt = None,
    id_file: IdFileOpt = None,
    where: WhereOpt = None,
    allow_missing: AllowMissingOpt = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Unset every field of the state of records. They are empty afterwards, not false."""
    from usr_records.given_ids import given_ids
    from usr_records.outcome_text import state_text

    target = current_session().dataset(dataset)
    named = given_ids(ids, id_file, where)
    outcome = target.clear_state(named, where=where, allow_missing=allow_missing, dry_run=dry_run)

    emit_outcome(
        outcome, state_text(outcome, target.name, "cleared", would=dry_run), fmt, dry_run=dry_run, dataset=target.name
    )


@state_app.command(epilog=examples("usr state get lab/promoters --id-file ids.txt"))
def get(
    dataset: DatasetArg = None,
    *,
    ids: IdsOpt = None,
    id_file: IdFileOpt = None,
    where: WhereOpt = None,
    allow_missing: AllowMissingOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show the state of records, in the order of the ids."""
    from usr_records.given_ids import given_ids
    from usr_records.outcome_text import STATE_COLUMNS

    target = current_session().dataset(dataset)
    states = target.get_state(given_ids(ids, id_file, where), where=where, allow_missing=allow_missing)

    emit_table([state.row() for state in states], STATE_COLUMNS, fmt, empty="none of the ids is a record's")
