"""A remote as options describe it, with what a preset knows of its host."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from usr_core.api.commands import UsageError
from usr_core.api.sync import SSH, Remote, RemoteValueRefused

__all__ = ["Preset", "described_remote", "known_scheme", "preset_remote"]


class Preset(StrEnum):
    """Hosts that are known beforehand."""

    BU_SCC = "bu-scc"
    GENERIC = "generic"


_HOSTS = {Preset.BU_SCC: "scc1.bu.edu"}
_TRANSFER_HOSTS = {Preset.BU_SCC: "scc-globus.bu.edu"}


def described_remote(
    name: str,
    *,
    scheme: str = SSH,
    host: str | None,
    user: str | None,
    base_dir: str | None,
    port: int | None = None,
    batch_mode: bool = True,
    ssh_key_env: str | None = None,
) -> Remote:
    """Return the remote that the options describe.

    Raises:
        UsageError: An option that the scheme needs is missing.
        RemoteValueRefused: A value is not acceptable.
    """
    needed = {"--host": host, "--base-dir": base_dir} if scheme == SSH else {"--base-dir": base_dir}
    missing = [option for option, value in needed.items() if value is None]
    if missing or base_dir is None:
        raise UsageError(f"{' and '.join(missing)} missing", hint=f"Give {', '.join(f'{one} …' for one in missing)}.")
    return Remote(
        name=name,
        type=scheme,
        host=host or "",
        user=user or "",
        base_dir=base_dir,
        port=port,
        batch_mode=batch_mode,
        ssh_key_env=ssh_key_env,
    )


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
    if name is None and preset is Preset.GENERIC:
        raise UsageError("--name is missing", hint="Give --name …, what to call the remote.")
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
