"""``usr log``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import DatasetArg, Format, FormatOpt, current_session, examples

__all__ = ["log_app"]

log_app = typer.Typer()


@log_app.command(epilog=examples("usr log lab/promoters", "usr log lab/promoters --limit 0 --format json"))
def log(
    dataset: DatasetArg = None,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="How many of the last versions; 0 is all.")] = 20,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """List a dataset's versions, the newest first: what changed, when, and by whom.

    `usr compare DATASET@17` tells what differs since version 17, value by value, and `usr rollback` goes back to it.
    """
    from usr_core.api.places import locate_dataset
    from usr_versions.log_output import emit_log

    emit_log(locate_dataset(dataset, root=current_session().root), fmt, limit=limit)
