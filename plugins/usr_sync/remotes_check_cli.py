"""``usr remotes doctor``, ``status`` and ``warm-auth``."""

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

__all__ = ["doctor_app", "status_app", "warm_auth_app"]

doctor_app = typer.Typer()
status_app = typer.Typer()
warm_auth_app = typer.Typer()

RemoteOpt = Annotated[
    str,
    typer.Option(
        "--remote", metavar="NAME", autocompletion=completer("remote"), show_default=False, help="The remote."
    ),
]


@doctor_app.command(epilog=examples("usr remotes doctor --remote lab-server"))
def doctor(
    remote: RemoteOpt,
    check_base_dir: Annotated[
        bool, typer.Option("--check-base-dir/--no-check-base-dir", help="Check the root there, or not.")
    ] = True,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Check whether a remote can be worked with. Exit code 1 where it can't, 7 where it can't be reached.

    Nothing is changed, here or there.
    """
    from usr_core.api.sync import find_remotes_file, load_remotes
    from usr_sync.remotes_doctor import examine_remote
    from usr_sync.remotes_output import emit_report
    from usr_sync.remotes_presets import root_here

    session = current_session()
    remotes = load_remotes(find_remotes_file(session.remotes_path))
    report = examine_remote(
        remotes.get(remote),
        session.host,
        file=remotes.path,
        check_base_dir=check_base_dir,
        root=root_here(session.root),
    )

    emit_report(report, fmt)
    if not report.ok:
        raise typer.Exit(int(report.exit_code))


@status_app.command(epilog=examples("usr remotes status --remote lab-server"))
def status(remote: RemoteOpt, fmt: FormatOpt = Format.AUTO) -> None:
    """Tell whether a shared connection is up, over which commands go without a new login."""
    from usr_core.api.commands import emit_json, emit_text, resolve_format
    from usr_core.api.sync import find_remotes_file, load_remotes
    from usr_sync.remotes_connection import shared_connection

    session = current_session()
    profile = load_remotes(find_remotes_file(session.remotes_path)).get(remote)
    with shared_connection(profile, session.host) as connection:
        is_up = connection.is_up()

    if resolve_format(fmt) is Format.JSON:
        emit_json({"remote": remote, "shared_connection": is_up})
    elif is_up:
        emit_text(f"a shared connection to {remote} is up")
    else:
        emit_text(f"no shared connection to {remote} is up; `usr remotes warm-auth --remote {remote}` opens one")


@warm_auth_app.command("warm-auth", epilog=examples("usr remotes warm-auth --remote lab-server"))
def warm_auth(remote: RemoteOpt) -> None:
    """Log in once, answering what the remote asks, and keep the connection open for the commands that follow."""
    from usr_core.api.commands import emit_text
    from usr_core.api.sync import find_remotes_file, load_remotes
    from usr_sync.remotes_connection import shared_connection

    session = current_session()
    profile = load_remotes(find_remotes_file(session.remotes_path)).get(remote)
    with shared_connection(profile, session.host) as connection:
        opened = connection.open()

    emit_text(f"{'opened a' if opened else 'there is a'} shared connection to {remote}{'' if opened else ' already'}")
