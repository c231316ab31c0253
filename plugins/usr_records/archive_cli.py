"""``usr archive`` and ``usr unarchive``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    DatasetArg,
    completer,
    current_session,
    emit_text,
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
def archive(dataset: DatasetArg = None) -> None:
    """Put a dataset away under the root's _archive/. It can still be read there, by its path."""
    target = current_session().dataset(dataset)
    name = target.name

    emit_text(f"archived {name} in {target.archive()}")


@unarchive_app.command(epilog=examples("usr unarchive lab/promoters"))
def unarchive(dataset: ArchivedArg = None) -> None:
    """Bring a dataset back from the root's _archive/ to where it was."""
    from usr_core.api import Dataset

    session = current_session()
    target = Dataset.locate_archived(dataset, root=session.root, lock_timeout=session.lock_timeout, host=session.host)
    place = target.unarchive()

    emit_text(f"brought back {target.name} to {place}")
