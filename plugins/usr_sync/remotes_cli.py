"""``usr remotes list`` and ``show``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    Format,
    FormatOpt,
    completer,
    current_session,
    examples,
)

__all__ = ["list_app", "show_app"]

list_app = typer.Typer()
show_app = typer.Typer()


@list_app.command("list", epilog=examples("usr remotes list"))
def list_remotes(fmt: FormatOpt = Format.AUTO) -> None:
    """List the remotes of the remotes file, in its order; one that can't be used with its fault."""
    from usr_core.api.sync import find_remotes_file, load_remotes
    from usr_sync.remotes_output import emit_list

    session = current_session()
    remotes = load_remotes(find_remotes_file(session.remotes_path))

    emit_list(remotes, session.host.names_of("transport"), fmt)


@show_app.command(epilog=examples("usr remotes show lab-server"))
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=completer("remote"), help="The remote.")],
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show one remote with all its settings."""
    from usr_core.api.commands import emit_record
    from usr_core.api.sync import find_remotes_file, load_remotes
    from usr_sync.remotes_output import remote_record

    remotes = load_remotes(find_remotes_file(current_session().remotes_path))

    emit_record(remote_record(remotes.get(name), remotes.path), fmt)
