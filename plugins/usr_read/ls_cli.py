"""``usr ls``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    Format,
    FormatOpt,
    current_session,
    examples,
)

__all__ = ["ls_app"]

ls_app = typer.Typer()


@ls_app.command(epilog=examples("usr ls", "usr ls --archived"))
def ls(
    archived: Annotated[bool, typer.Option("--archived", help="List what was put away in _archive/.")] = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """List the datasets of the root: live records, base columns, namespaces, size, last change."""
    from usr_core.api.results import list_root
    from usr_read.ls_output import emit_listing

    session = current_session()
    listings = list_root(session.found_root, archived=archived)

    if emit_listing(listings, fmt, debug=session.debug):
        raise typer.Exit(1)
