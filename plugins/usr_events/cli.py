"""``usr events tail`` and ``usr events verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    DatasetArg,
    Format,
    FormatOpt,
    current_session,
    examples,
)

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Show, follow and verify a dataset's event log.")


@app.command(
    epilog=examples("usr events tail lab/promoters -n 5", "usr events tail lab/promoters --follow --format json")
)
def tail(
    dataset: DatasetArg = None,
    *,
    n: Annotated[int, typer.Option("--limit", "-n", "--n", min=0, help="How many of the last events; 0 is all.")] = 10,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with events as they come, until Ctrl-C.")
    ] = False,
    since: Annotated[
        int | None, typer.Option("--since", min=0, show_default=False, help="Only events after this number.")
    ] = None,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show the last events. JSON is one bare event a line, exactly the line of the log."""
    from usr_core.api.places import locate_dataset
    from usr_events.tail_output import emit_tail

    place = locate_dataset(dataset, root=current_session().root)

    emit_tail(place, fmt, n=n, since=since, follow=follow)


@app.command(epilog=examples("usr events verify lab/promoters"))
def verify(dataset: DatasetArg = None, fmt: FormatOpt = Format.AUTO) -> None:
    """Check the chain of events. Finds edited, deleted, inserted and moved lines. Exit code 1 where there are any."""
    from usr_core.api.places import locate_dataset
    from usr_events.verify_output import emit_verdict

    place = locate_dataset(dataset, root=current_session().root)

    if not emit_verdict(place, fmt):
        raise typer.Exit(1)
