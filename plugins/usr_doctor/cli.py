"""``usr doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from usr_core.cli.options import DatasetArg, Format, FormatOpt
from usr_core.cli.session import current_session

__all__ = ["app"]

app = typer.Typer()

FolderOpt = Annotated[
    Path | None,
    typer.Option("--fs", metavar="DIR", show_default=False, help="Try out what this folder's file system can do."),
]


@app.command()
def doctor(dataset: DatasetArg = None, *, folder: FolderOpt = None, fmt: FormatOpt = Format.AUTO) -> None:
    """Look for what is wrong around a dataset and on this machine. Exit code 1 where there is a problem.

    Nothing is changed, but for test files that --fs makes in DIR and removes. What a dead writer left is settled by
    the next command that writes.
    """
    from usr_core.store.doctor.examination import examine
    from usr_doctor.health_text import emit_health
    from usr_doctor.target import find_target

    session = current_session()
    root, ref = find_target(dataset, root=session.root)
    report = examine(root, ref=ref, folder=folder)

    emit_health(report, fmt)
    if not report.ok:
        raise typer.Exit(1)
