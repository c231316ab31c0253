"""How a remote is reached: the settings of one remote, checked, and the ssh command line that they make.

What the user has not set is not passed on, so that ``~/.ssh/config`` stays in force.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usr_core.api import visible
from usr_core.api.transports import RemoteNameRefused, RemoteToolMissing
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
        values += self._known_hosts_option()
        argv = ["ssh", "-T"]
        for value in values:
            argv += ["-o", value]
        if self.user is not None:
            argv += ["-l", self.user]
        if self.port is not None:
            argv += ["-p", str(self.port)]
        if self.ssh_key is not None:
            argv += ["-i", _unexpanded(self.ssh_key)]
        return argv

    def command(self, *words: str) -> str:
        """Return a line for a shell that runs a command there as we would; ssh may ask on the terminal."""
        there = [shlex.join(words)] if words else []
        key = [] if self.ssh_key is None else ["-i", _unexpanded(self.ssh_key), "-o", "IdentitiesOnly=yes"]
        return shlex.join(["ssh", *key, *self._way(), self._destination, *there])

    def install_key(self) -> str:
        """Return a line for a shell that lets the remote's key in there; it asks for the password."""
        key = [] if self.ssh_key is None else ["-i", f"{self.ssh_key}.pub"]
        return shlex.join(["ssh-copy-id", *key, *self._way(), self._destination])

    def forget_host_key(self) -> str:
        """Return a line for a shell that takes the host's key out of the file of known ones."""
        file = [] if self.known_hosts is None else ["-f", self.known_hosts]
        host = self.host if self.port in (None, 22) else f"[{self.host}]:{self.port}"
        return shlex.join(["ssh-keygen", *file, "-R", host])

    @property
    def _destination(self) -> str:
        return self.host if self.user is None else f"{self.user}@{self.host}"

    def _way(self) -> list[str]:
        port = [] if self.port is None else ["-p", str(self.port)]
        return [*port, *(word for value in self._known_hosts_option() for word in ("-o", value))]

    def _known_hosts_option(self) -> list[str]:
        """Return ssh's option for the file of host keys; without quotes ssh would take a blank for its end."""
        if self.known_hosts is None:
            return []
        file = _unexpanded(self.known_hosts)
        return [f'UserKnownHostsFile="{file}"' if " " in file else f"UserKnownHostsFile={file}"]


def child_environment() -> dict[str, str]:
    """Return the environment of ssh and rsync: ours, with messages in English and without options from variables."""
    changing = ("RSYNC_OLD_ARGS", "RSYNC_PARTIAL_DIR", "RSYNC_PROTECT_ARGS")
    inherited = {name: value for name, value in os.environ.items() if name not in changing}
    return inherited | {"LC_ALL": "C"}


def require_program(program: str) -> None:
    """Check that a program is on PATH.

    Raises:
        RemoteToolMissing: The program is not on PATH.
    """
    if shutil.which(program) is None:
        raise RemoteToolMissing(
            f"The program {program} is not on PATH here.",
            hint=f"Install it: the package is called {_PACKAGES.get(program, program)} on most systems.",
            facts={"program": program},
        )


def _unexpanded(path: str) -> str:
    """Keep ssh from taking a ``%`` in a path for one of its own words."""
    return path.replace("%", "%%")


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
        hint=f"Use {allowed}; look at the remotes file (usr remotes show).",
        facts={"value": str(value)},
    )
