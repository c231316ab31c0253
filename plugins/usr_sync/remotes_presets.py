"""A remote as options describe it, with what a preset knows of its host."""

from __future__ import annotations

import os
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path

from usr_core.api import UsrError
from usr_core.api.commands import UsageError
from usr_core.api.places import find_root
from usr_core.api.sync import SSH, Remote, RemoteInsideRoot, RemoteValueRefused

__all__ = ["Preset", "described_remote", "known_scheme", "preset_remote", "root_here"]


class Preset(StrEnum):
    """Hosts that are known beforehand."""

    BU_SCC = "bu-scc"
    GENERIC = "generic"
    FOLDER = "folder"


_HOSTS = {Preset.BU_SCC: "scc1.bu.edu"}
_TRANSFER_HOSTS = {Preset.BU_SCC: "scc-globus.bu.edu"}


def root_here(given: Path | None) -> Path | None:
    """Return the root that commands work on here, or None where there is none."""
    try:
        return find_root(given)
    except UsrError:
        return None


def described_remote(
    name: str,
    *,
    scheme: str = SSH,
    local: bool = False,
    root: Path | None = None,
    host: str | None,
    user: str | None,
    base_dir: str | None,
    port: int | None = None,
    batch_mode: bool = True,
    ssh_key_env: str | None = None,
) -> Remote:
    """Return the remote that the options describe.

    Args:
        name: What to call it.
        scheme: Its transport.
        local: The remote is a folder of this machine: its path may be relative, and nobody logs in there.
        root: The root here, in which such a folder must not lie.
        host, user, base_dir, port, batch_mode, ssh_key_env: As `Remote`.

    Raises:
        UsageError: An option that the scheme needs is missing, or one is given that it has no use for.
        RemoteInsideRoot: The folder lies in the root.
        RemoteValueRefused: A value is not acceptable.
    """
    needed = {"--host": host, "--base-dir": base_dir} if scheme == SSH else {"--base-dir": base_dir}
    missing = [option for option, value in needed.items() if value is None]
    if missing or base_dir is None:
        raise UsageError(f"{' and '.join(missing)} missing", hint=f"Give {', '.join(f'{one} …' for one in missing)}.")
    if local:
        given = {"--host": host, "--user": user, "--port": port, "--ssh-key-env": ssh_key_env}
        useless = [option for option, value in given.items() if value is not None]
        if useless:
            raise UsageError(
                f"a remote of type {scheme} has no {' and no '.join(useless)}: it is a folder of this machine",
                hint=f"Leave {'it' if len(useless) == 1 else 'them'} out, or give --type ssh.",
            )
        base_dir = os.path.abspath(os.path.expanduser(base_dir))  # noqa: PTH100, PTH111 - links stay as they are
    remote = Remote(
        name=name,
        type=scheme,
        host=host or "",
        user=user or "",
        base_dir=base_dir,
        port=port,
        batch_mode=batch_mode,
        ssh_key_env=ssh_key_env,
    )
    if local and root is not None and remote.lies_in(root):
        raise RemoteInsideRoot(remote=name, base_dir=remote.base_dir, root=root)
    return remote


def known_scheme(scheme: str, transports: Collection[str]) -> str:
    """Return the name of a transport that a plugin offers.

    Raises:
        RemoteValueRefused: No plugin offers it; those that are known are listed.
    """
    if scheme not in transports:
        known = ", ".join(sorted(transports)) or "none"
        raise RemoteValueRefused("type", scheme, f"has to be a transport that a plugin offers (known: {known})")
    return scheme


def preset_remote(
    preset: Preset,
    *,
    name: str | None,
    user: str | None,
    host: str | None,
    base_dir: str | None,
    port: int | None,
    transfer_node: bool,
    ssh_key_env: str | None = None,
    root: Path | None = None,
) -> Remote:
    """Return the remote that a preset and the options describe; a `host` that is given wins over the preset's.

    Without a `port` none is set: ``~/.ssh/config`` stays in force.

    Raises:
        UsageError: An option that the preset does not answer is missing, or it has no transfer node.
        RemoteValueRefused: A value is not acceptable.
    """
    if transfer_node and preset not in _TRANSFER_HOSTS:
        raise UsageError(
            f"the preset {preset.value} knows no transfer node", hint="Leave --transfer-node out, and give --host."
        )
    if name is None and preset is not Preset.BU_SCC:
        raise UsageError("--name is missing", hint="Give --name …, what to call the remote.")
    if preset is Preset.FOLDER:
        return described_remote(
            name or "",
            scheme=preset.value,
            local=True,
            root=root,
            host=host,
            user=user,
            base_dir=base_dir,
            port=port,
            ssh_key_env=ssh_key_env,
        )
    if user is None:
        raise UsageError("--user is missing", hint="Give --user …, the login name there.")
    known = (_TRANSFER_HOSTS if transfer_node else _HOSTS).get(preset)
    return described_remote(
        preset.value if name is None else name,
        host=known if host is None else host,
        user=user,
        base_dir=base_dir,
        port=port,
        ssh_key_env=ssh_key_env,
    )
