"""How a remote is reached: the settings of one remote, checked, and the ssh command line that they make.

What the user has not set is not passed on, so that ``~/.ssh/config`` stays in force.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usr_core.errors import visible
from usr_core.plugin.transport_errors import RemoteNameRefused, RemoteToolMissing
from usr_rsync.names import check_host, check_port, check_user

__all__ = ["RemoteSettings", "child_environment", "require_program"]

_PACKAGES = {"ssh": "openssh-client", "rsync": "rsync"}
_UNSAFE_IN_A_PATH = frozenset("\"'\\$`")
_MAX_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSettings:
    """One remote, as its settings name it.

    Attributes:
        host: Name or address.
        name: What the user calls the remote, for hints.
        batch_mode: Never ask anything; False lets ssh ask for a password or a second factor on the terminal.
        ssh_key: An identity file.
        known_hosts: A file of host keys to use instead of the user's.
        connect_timeout: Seconds.
    """

    host: str
    name: str = "NAME"
    user: str | None = None
    port: int | None = None
    batch_mode: bool = True
    ssh_key: str | None = None
    known_hosts: str | None = None
    connect_timeout: int = 15

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> RemoteSettings:
        """Check the settings of a remote.

        Raises:
            RemoteNameRefused: A value is missing, or not one that is safe to hand on.
        """
        user, port = settings.get("user"), settings.get("port")
        timeout = settings.get("connect_timeout") or 15
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 1 <= timeout <= _MAX_SECONDS:
            raise _refused("connect_timeout", timeout, f"seconds from 1 to {_MAX_SECONDS}")
        return cls(
            host=check_host(settings.get("host") or ""),
            name=str(settings.get("name") or "NAME"),
            user=None if user in (None, "") else check_user(user),
            port=None if port in (None, "") else check_port(port),
            batch_mode=bool(settings.get("batch_mode", True)),
            ssh_key=_local_file("ssh_key", settings.get("ssh_key")),
            known_hosts=_local_file("known_hosts", settings.get("known_hosts")),
            connect_timeout=int(timeout),
        )

    def ssh(self, *options: str, batch_mode: bool | None = None) -> list[str]:
        """Return an ssh command line up to its options; `options` are further ``-o`` values, which win.

        The destination is not in it: it comes after ``--``.
        """
        batch = self.batch_mode if batch_mode is None else batch_mode
        values = [
            *options,
            f"BatchMode={'yes' if batch else 'no'}",
            f"ConnectTimeout={self.connect_timeout}",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=4",
            "ForwardAgent=no",
            "ForwardX11=no",
        ]
        if self.ssh_key is not None:
            values.append("IdentitiesOnly=yes")
        if self.known_hosts is not None:
            values.append(f'UserKnownHostsFile="{self.known_hosts.replace("%", "%%")}"')
        argv = ["ssh", "-T"]
        for value in values:
            argv += ["-o", value]
        if self.user is not None:
            argv += ["-l", self.user]
        if self.port is not None:
            argv += ["-p", str(self.port)]
        if self.ssh_key is not None:
            argv += ["-i", self.ssh_key.replace("%", "%%")]
        return argv


def child_environment() -> dict[str, str]:
    """Return the environment of ssh and rsync: ours, with messages in English and without options from variables."""
    changing = ("RSYNC_OLD_ARGS", "RSYNC_PARTIAL_DIR", "RSYNC_PROTECT_ARGS")
    inherited = {name: value for name, value in os.environ.items() if name not in changing}
    return inherited | {"LC_ALL": "C"}


def require_program(program: str) -> None:
    """Check that a program is on PATH.

    Raises:
        RemoteToolMissing: It is not.
    """
    if shutil.which(program) is None:
        raise RemoteToolMissing(
            f"The program {program} is not on PATH here.",
            hint=f"Install it: the package is called {_PACKAGES.get(program, program)} on most systems.",
            facts={"program": program},
        )


def _local_file(what: str, value: object) -> str | None:
    if value is None or str(value) == "":
        return None
    text = str(Path(str(value)).expanduser())
    if not text.isprintable() or text.startswith("-") or _UNSAFE_IN_A_PATH & set(text):
        raise _refused(what, value, "paths without control characters, quotes, backslashes and $")
    return text


def _refused(what: str, value: object, allowed: str) -> RemoteNameRefused:
    return RemoteNameRefused(
        f"{visible(str(value), limit=80)!r} can't be used as {what}.",
        hint=f"Allowed are {allowed}; look at the remotes file (usr remotes show).",
        facts={"value": str(value)},
    )
