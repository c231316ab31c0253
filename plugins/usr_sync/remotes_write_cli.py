"""``usr remotes add`` and ``wizard``."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from usr_core.api.commands import (
    DryRunOpt,
    Format,
    FormatOpt,
    choice_option,
    current_session,
    examples,
)
from usr_sync.remotes_presets import Preset

__all__ = ["add_app", "wizard_app"]

add_app = typer.Typer()
wizard_app = typer.Typer()

HostOpt = Annotated[
    str | None, typer.Option("--host", show_default=False, help="A name as ssh knows it, or an address.")
]
UserOpt = Annotated[str | None, typer.Option("--user", show_default=False, help="The login name there.")]
BaseDirOpt = Annotated[
    str | None,
    typer.Option("--base-dir", show_default=False, help="The root there: an absolute path (of type folder: any)."),
]
PortOpt = Annotated[
    int | None, typer.Option("--port", show_default=False, help="By default none is written, and ssh's own is used.")
]
KeyOpt = Annotated[
    str | None,
    typer.Option("--ssh-key-env", metavar="VAR", show_default=False, help="A variable that holds the ssh key's path."),
]


@add_app.command(
    epilog=examples(
        "usr remotes add lab-server --host lab.example.org --base-dir /srv/usr",
        "usr remotes add share --type folder --base-dir /mnt/lab/usr",
    )
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the remote.")],
    scheme: Annotated[
        str,
        choice_option(
            "--type",
            choices="{transport}",
            help="The transport: ssh for a host, folder for a mounted share or a disk.",
        ),
    ] = "ssh",
    host: HostOpt = None,
    user: UserOpt = None,
    base_dir: BaseDirOpt = None,
    port: PortOpt = None,
    batch_mode: Annotated[
        bool, typer.Option("--batch-mode/--no-batch-mode", help="Never let ssh ask for anything, or let it.")
    ] = True,
    ssh_key_env: KeyOpt = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a remote of that name.")] = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Add a remote to the remotes file, which is made if it is missing."""
    from usr_core.api import PluginError
    from usr_core.api.sync import SSH, find_remotes_file, save_remote
    from usr_sync.remotes_output import emit_saved
    from usr_sync.remotes_presets import described_remote, known_scheme, root_here

    session = current_session()
    path = find_remotes_file(session.remotes_path)
    known_scheme(scheme, session.host.names_of("transport"))
    local = False
    with contextlib.suppress(PluginError):  # a plugin that does not work yet keeps nobody from writing down a remote
        local = scheme != SSH and "local" in session.host.transport_spec(scheme).features
    remote = described_remote(
        name,
        scheme=scheme,
        local=local,
        root=root_here(session.root),
        host=host,
        user=user,
        base_dir=base_dir,
        port=port,
        batch_mode=batch_mode,
        ssh_key_env=ssh_key_env,
    )
    written = save_remote(path, remote, overwrite, dry_run=dry_run, lock_timeout=session.lock_timeout)

    emit_saved(remote, path, fmt, written=written, given=session.remotes_config, dry_run=dry_run)


@wizard_app.command(epilog=examples("usr remotes wizard --host lab.example.org --base-dir /srv/usr --name lab-server"))
def wizard(
    preset: Annotated[Preset, typer.Option("--preset", help="What is known of the host beforehand.")] = Preset.GENERIC,
    name: Annotated[
        str | None,
        typer.Option("--name", show_default=False, help="What to call the remote; by default as the preset."),
    ] = None,
    user: UserOpt = None,
    host: HostOpt = None,
    base_dir: BaseDirOpt = None,
    port: PortOpt = None,
    transfer_node: Annotated[
        bool, typer.Option("--transfer-node", help="Use the preset's host for large transfers.")
    ] = False,
    ssh_key_env: KeyOpt = None,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Make the remotes file with its folder, and put a remote into it. The next command to run is printed."""
    from usr_core.api.sync import find_remotes_file, save_remote
    from usr_sync.remotes_output import emit_saved
    from usr_sync.remotes_presets import preset_remote, root_here

    session = current_session()
    path = find_remotes_file(session.remotes_path)
    remote = preset_remote(
        preset,
        name=name,
        user=user,
        host=host,
        base_dir=base_dir,
        port=port,
        transfer_node=transfer_node,
        ssh_key_env=ssh_key_env,
        root=root_here(session.root),
    )
    written = save_remote(path, remote, dry_run=dry_run, lock_timeout=session.lock_timeout)

    emit_saved(remote, path, fmt, written=written, given=session.remotes_config, dry_run=dry_run)
