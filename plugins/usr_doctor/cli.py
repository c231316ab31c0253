"""``usr doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from usr_core.api.commands import (
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    UsageError,
    current_session,
    examples,
    parse_age,
)

__all__ = ["app"]

app = typer.Typer()

FolderOpt = Annotated[
    Path | None,
    typer.Option("--fs", metavar="DIR", show_default=False, help="Try out what this folder's file system can do."),
]
AdoptOpt = Annotated[
    bool,
    typer.Option("--adopt", help="First list all files in an event: begin a lost log, accept changes by hand."),
]
CleanOpt = Annotated[
    bool,
    typer.Option("--clean", help="First remove what transfers have put aside, and what interrupted writers left."),
]
AgeOpt = Annotated[
    str | None,
    typer.Option(
        "--older-than",
        metavar="AGE",
        show_default="30d",
        help="With --clean: how old what was put aside has to be, such as 30d, 12h or 0d.",
    ),
]
DropCacheOpt = Annotated[
    bool,
    typer.Option("--drop-cache", help="First remove what is remembered of large datasets; USR reads it again."),
]


@app.command(epilog=examples("usr doctor", "usr doctor lab/promoters --clean --older-than 7d"))
def doctor(
    dataset: DatasetArg = None,
    *,
    folder: FolderOpt = None,
    adopt: AdoptOpt = False,
    clean: CleanOpt = False,
    older_than: AgeOpt = None,
    drop_cache: DropCacheOpt = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Look for what is wrong around a dataset and on this machine. Exit code 1 where there is a problem.

    Without --adopt, --clean and --drop-cache nothing is changed, but for test files that --fs makes in DIR and removes.
    What an interrupted writer left is settled by the next command that writes.
    """
    from usr_core.api.results import let_any_version_run

    let_any_version_run()
    from usr_core.api.results import examine
    from usr_doctor.health_text import emit_health
    from usr_doctor.repairs import adopt_files, clean_up, drop_what_is_remembered, once_repaired
    from usr_doctor.target import find_target

    session = current_session()
    if older_than is not None and not clean:
        raise UsageError("--older-than is about --clean", hint="Add --clean, or leave --older-than out.")
    age = parse_age(older_than or "30d", option="--older-than")
    if adopt:
        adopt_files(session.dataset(dataset), dry_run=dry_run)
    removed = clean_up(session.dataset(dataset), age, dry_run=dry_run) if clean else ()
    if drop_cache:
        drop_what_is_remembered(dry_run=dry_run)
    root, ref = find_target(dataset, root=session.root)
    report = examine(root, ref=ref, folder=folder, checks=session.host.health_checks())
    if dry_run and (adopt or clean):
        report = once_repaired(report, removed, adopted=adopt)

    emit_health(report, fmt, removed=removed, dry_run=dry_run)
    if not report.ok:
        raise typer.Exit(1)
