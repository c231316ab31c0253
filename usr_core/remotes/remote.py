"""One remote: where another copy of a root is, and how to get there."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from usr_core.remotes.allowed import (
    absolute_path_fault,
    host_fault,
    name_fault,
    port_fault,
    scheme_fault,
    user_fault,
    variable_fault,
)
from usr_core.remotes.errors import RemoteKeyUnset, RemoteValueRefused

__all__ = ["SSH", "Remote"]

SSH = "ssh"
"""The scheme of the built-in transport; it needs a host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A profile of the remotes file; every value has passed the allow-lists of `usr_core.remotes.allowed`.

    Attributes:
        name: What it is called in the file and on the command line.
        type: The transport's scheme.
        host: A name as ssh knows it (``~/.ssh/config`` included), or an address; ``""`` where the scheme needs none.
        user: The login name; ``""`` where ssh's own configuration says it, or the scheme needs none.
        base_dir: The root there, an absolute path; kept without needless slashes and dots, as `repo_root` is.
        port: None leaves it to ssh and its configuration.
        batch_mode: Whether ssh must not ask for anything.
        ssh_key_env: The environment variable that holds the path of the private key; None leaves it to ssh.
        known_hosts: The file of host keys; None leaves it to ssh.
        repo_root: For file mode: the folder there that mirrors the local one.
        local_repo_root: For file mode: the local folder.
        extra: Settings that the core does not know, handed to the transport as they are.

    Raises:
        RemoteValueRefused: A value is missing or not acceptable.

    Example:
        >>> from usr_core.api.sync import Remote
        >>> remote = Remote(name="lab-server", type="ssh", host="lab.example.org", base_dir="/srv/usr/./")
        >>> remote.base_dir, remote.settings({})["batch_mode"]
        ('/srv/usr', True)
        >>> remote.entry()
        {'type': 'ssh', 'host': 'lab.example.org', 'base_dir': '/srv/usr', 'batch_mode': True}
        >>> Remote(name="lab-server", type="ssh", host="lab.example.org", base_dir="usr")
        Traceback (most recent call last):
            ...
        usr_core.remotes.errors.RemoteValueRefused: The remote's base_dir has to be an absolute path.
    """

    name: str
    type: str
    host: str = ""
    user: str = ""
    base_dir: str
    port: int | None = None
    batch_mode: bool = True
    ssh_key_env: str | None = None
    known_hosts: str | None = None
    repo_root: str | None = None
    local_repo_root: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        checks: tuple[tuple[str, str | None, Callable[[str], str | None]], ...] = (
            ("name", self.name, name_fault),
            ("type", self.type, scheme_fault),
            ("host", self.host or None, host_fault),
            ("user", self.user or None, user_fault),
            ("base_dir", self.base_dir, absolute_path_fault),
            ("ssh_key_env", self.ssh_key_env, variable_fault),
            ("known_hosts", self.known_hosts, _local_path_fault),
            ("repo_root", self.repo_root, absolute_path_fault),
            ("local_repo_root", self.local_repo_root, _local_path_fault),
        )
        for key, value, fault in checks:
            reason = None if value is None else fault(value)
            if reason is not None:
                raise RemoteValueRefused(key, value, reason)
        reason = None if self.port is None else port_fault(self.port)
        if reason is not None:
            raise RemoteValueRefused("port", self.port, reason)
        if self.type == SSH and not self.host:
            raise RemoteValueRefused("host", None, "is missing")
        for key, folder in (("base_dir", self.base_dir), ("repo_root", self.repo_root)):
            if folder is not None:
                object.__setattr__(self, key, _plain(folder))

    def settings(self, environ: Mapping[str, str] = os.environ) -> dict[str, object]:
        """Return what the transport gets.

        Returns:
            ``name``, ``host``, ``user``, ``base_dir``, ``repo_root``, ``port``, ``batch_mode``, ``ssh_key`` (the value
            of the variable that `ssh_key_env` names), ``known_hosts``; None for what is not set, and the extra ones.

        Raises:
            RemoteKeyUnset: That variable is not set, or empty.
        """
        key = None
        if self.ssh_key_env is not None:
            key = environ.get(self.ssh_key_env)
            if not key:
                raise RemoteKeyUnset(self.ssh_key_env, remote=self.name)
        return {
            **self.extra,
            "name": self.name,
            "host": self.host,
            "user": self.user,
            "base_dir": self.base_dir,
            "repo_root": self.repo_root,
            "port": self.port,
            "batch_mode": self.batch_mode,
            "ssh_key": key,
            "known_hosts": self.known_hosts,
        }

    def entry(self) -> dict[str, object]:
        """Return the profile as it is written: what is not set is left out, so that ssh's configuration decides."""
        known = {
            "type": self.type,
            "host": self.host or None,
            "user": self.user or None,
            "base_dir": self.base_dir,
            "port": self.port,
            "batch_mode": self.batch_mode,
            "ssh_key_env": self.ssh_key_env,
            "known_hosts": self.known_hosts,
            "repo_root": self.repo_root,
            "local_repo_root": self.local_repo_root,
        }
        return {**{key: value for key, value in known.items() if value is not None}, **self.extra}

    def lies_in(self, root: Path) -> bool:
        """Tell whether `base_dir`, as a folder of this machine, is `root` or lies in it, links followed."""
        place, top = Path(os.path.realpath(self.base_dir)), Path(os.path.realpath(root))
        return place == top or top in place.parents


def _plain(folder: str) -> str:
    """Return an absolute path without empty parts and single dots, as transports want it."""
    return "/" + posixpath.normpath(folder).lstrip("/")


def _local_path_fault(value: str) -> str | None:
    return absolute_path_fault(value, home=True)
