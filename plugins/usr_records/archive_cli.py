"""``usr archive`` and ``usr unarchive``."""

from __future__ import annotations

from typing import Annotated

import typer

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

__all__ = ["archive_app", "unarchive_app"]

archive_app = typer.Typer()
unarchive_app = typer.Typer()

ArchivedArg = Annotated[
    str | None,
    typer.Argument(
        metavar="[DATASET]",
        autocompletion=completer("archived"),
        show_default=False,
        help="The id it had, or its folder in _archive/; see usr ls --archived.",
    ),
]


@archive_app.command(epilog=examples("usr archive lab/promoters"))
def archive(dataset: DatasetArg = None, *, dry_run: DryRunOpt = False, fmt: FormatOpt = Format.AUTO) -> None:
    """Put a dataset away under the root's _archive/. It can still be read there, by its path."""
    target = current_session().dataset(dataset)
    name = target.name
    place = target.archive(dry_run=dry_run)

    text = f"{'would archive' if dry_run else 'archived'} {name} in {place}"
    emit_outcome({"path": place}, text, fmt, dry_run=dry_run, dataset=name)


@unarchive_app.command(epilog=examples("usr unarchive lab/promoters"))
def unarchive(dataset: ArchivedArg = None, *, dry_run: DryRunOpt = False, fmt: FormatOpt = Format.AUTO) -> None:
    """Bring a dataset back from the root's _archive/ to where it was."""
    from usr_core.api import Dataset

    session = current_session()
    target = Dataset.locate_archived(dataset, root=session.root, lock_timeout=session.lock_timeout, host=session.host)
    place = target.unarchive(dry_run=dry_run)

    name = place.relative_to(target.ref.root).as_posix()
    text = f"{'would bring' if dry_run else 'brought'} back {name} to {place}"
    emit_outcome({"path": place}, text, fmt, dry_run=dry_run, dataset=name)
