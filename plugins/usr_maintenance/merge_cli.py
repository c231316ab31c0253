"""``usr maintenance merge``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from usr_core.api import counted
from usr_core.api.commands import (
    DryRunOpt,
    Format,
    FormatOpt,
    Progress,
    QuietOpt,
    UsageError,
    YesOpt,
    choice_option,
    completer,
    confirm,
    current_session,
    emit_outcome,
    examples,
    split_names,
)

__all__ = ["merge_app"]

merge_app = typer.Typer()


@merge_app.command(
    epilog=examples(
        "usr maintenance merge --dest lab/promoters --src lab/more --dry-run",
        "usr maintenance merge --dest lab/promoters --src lab/more --carry-namespace lab",
    )
)
def merge(
    *,
    dest: Annotated[
        str,
        typer.Option(
            "--dest",
            autocompletion=completer("dataset"),
            show_default=False,
            help="The dataset that grows: id or folder.",
        ),
    ],
    src: Annotated[
        str,
        typer.Option(
            "--src",
            autocompletion=completer("dataset"),
            show_default=False,
            help="The dataset that is added: id or folder.",
        ),
    ],
    require_same_columns: Annotated[
        bool, typer.Option("--require-same-columns", help="Refuse bases whose columns differ.")
    ] = False,
    union_columns: Annotated[
        bool, typer.Option("--union-columns", help="Fill columns that one base lacks with null (the default).")
    ] = False,
    if_duplicate: Annotated[
        str,
        choice_option(
            "--if-duplicate",
            choices="error|skip|prefer-src|prefer-dest",
            help="What happens to records that are there already.",
        ),
    ] = "skip",
    coerce_overlap: Annotated[
        str,
        choice_option(
            "--coerce-overlap",
            choices="to-dest|none",
            help="Cast columns of another type where every value survives, or refuse them.",
        ),
    ] = "to-dest",
    no_avoid_casefold_dups: Annotated[
        bool,
        typer.Option(
            "--no-avoid-casefold-dups", help="Take records that differ from another one only in the case of letters."
        ),
    ] = False,
    carry_namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--carry-namespace",
            autocompletion=completer("namespaces"),
            show_default=False,
            help="A namespace whose overlay values come along; may be repeated, or name several with commas.",
        ),
    ] = None,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    yes: YesOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Add the records of one dataset to another. Deleted records and tombstones of the source stay behind."""
    from usr_maintenance.outcome_text import merge_text

    if require_same_columns and union_columns:
        raise UsageError("--require-same-columns and --union-columns exclude each other.", hint="Give one of them.")
    carried = tuple(dict.fromkeys(name for text in carry_namespace or () for name in split_names(text) or ()))
    session = current_session()
    target, source = session.dataset(dest), session.dataset(src)

    merged = partial(
        target.merge,
        source,
        require_same_columns=require_same_columns,
        if_duplicate=if_duplicate,
        coerce_overlap=coerce_overlap,
        avoid_casefold_dups=not no_avoid_casefold_dups,
        carry_namespaces=carried,
    )
    if dry_run or not yes:
        plan = merged(dry_run=True)
        if dry_run or not plan.changes:
            text = merge_text(plan, target.name, source.name, would=True)
            emit_outcome(plan, text, fmt, dry_run=dry_run, dataset=target.name, source=source.name)
            return
        changed = f" and change {counted(plan.cells, 'value')} there" if plan.cells else ""
        confirm(f"Add {counted(plan.rows_added, 'record')} of {source.name} to {target.name}{changed}?")
    with (
        Progress("merging", quiet=quiet) as progress,
        target.maintenance(reason="usr maintenance merge"),
    ):
        outcome = merged(progress=progress.advance)

    text = merge_text(outcome, target.name, source.name)
    emit_outcome(outcome, text, fmt, dry_run=False, dataset=target.name, source=source.name)
