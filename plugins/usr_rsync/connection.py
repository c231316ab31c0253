"""Whose ssh connection a command goes over: one that the user keeps open, or one of ours for this command.

A connection that is up already is used and never closed: one that the user's own ssh configuration shares
(``ControlPath``), or one that `open_shared_connection` has opened. Otherwise the first session of a command makes a
shared one in a private temporary folder, everything else of the command goes over it, and `close` ends it. Should we be
killed, it ends by itself seconds after its last session. An open connection may be dead at its other end (a laptop
slept, or changed networks): where its first session does not answer in time, the command goes on over one of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from usr_core.api.transports import RemoteUnreachable
from usr_rsync.settings import RemoteSettings, child_environment, require_program

__all__ = ["SharedConnection", "open_shared_connection", "shared_connection_is_up"]

_OURS = "usr-"
# A Unix socket's name has about 100 bytes, and ssh appends 17 while it makes one.
_LONGEST_FOLDER = 70
_IDLE_SECONDS = 30
_WARM_HOURS = 12
_CHECK_SECONDS = 10.0


class SharedConnection:
    """The way that every ssh session of a command goes; found at first use.

    Args:
        settings: The remote.
    """

    def __init__(self, settings: RemoteSettings) -> None:
        self.settings = settings
        self._folder: Path | None = None
        self._options: tuple[str, ...] | None = None
        self._alone = False

    @property
    def is_shared(self) -> bool:
        """Whether sessions go over a connection that is not ours, as far as one was looked for."""
        return self._options is not None and self._folder is None

    def leave_shared(self) -> None:
        """Make a connection of our own at the next use, whatever the user has open: that one does not answer."""
        self.forget()
        self._alone = True

    def ssh(self) -> list[str]:
        """Return the ssh command line of a session, without destination; nothing is asked on the terminal.

        Raises:
            RemoteToolMissing: ssh is missing on this machine.
            RemoteUnreachable: The login, which may ask, failed.
        """
        if self._options is None:
            require_program("ssh")
            self._options = self._find()
        return self.settings.ssh(*self._options, batch_mode=True)

    def close(self) -> None:
        """End the connection if it is ours. It can be used again after that."""
        folder, self._folder, options, self._options = self._folder, None, self._options, None
        if folder is None or options is None:
            return
        try:
            if (folder / "c").exists():
                _control(self.settings, "exit", *options)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def forget(self) -> None:
        """Look again, at the next use, whether the user has a connection open: the last one broke."""
        if self._folder is None:
            self._options = None

    def _find(self) -> tuple[str, ...]:
        if not self._alone:
            if _control(self.settings, "check"):
                return ()
            if _warm_ones() and _control(self.settings, "check", *_warm()):
                return ("ControlMaster=no", *_warm())
        folder = tempfile.mkdtemp(prefix=_OURS)
        if len(folder) > _LONGEST_FOLDER:
            Path(folder).rmdir()
            folder = tempfile.mkdtemp(prefix=_OURS, dir="/tmp")
        self._folder = Path(folder)
        path = folder.replace("%", "%%")
        options = ("ControlMaster=auto", f"ControlPath={path}/c", f"ControlPersist={_IDLE_SECONDS}")
        if not self.settings.batch_mode:
            try:
                _log_in(self.settings, options)
            except BaseException:
                self._options = options
                self.close()
                raise
        return options


def shared_connection_is_up(settings: Mapping[str, Any]) -> bool:
    """Tell whether a connection to that remote is open that commands will use: the user's own, or a warmed one.

    Raises:
        RemoteNameRefused: A setting is not one that is safe to hand on.
        RemoteToolMissing: ssh is missing on this machine.
    """
    require_program("ssh")
    remote = RemoteSettings.parse(settings)
    return _control(remote, "check") or _control(remote, "check", *_warm())


def open_shared_connection(settings: Mapping[str, Any]) -> None:
    """Open a connection that outlives this command, for logins that ask for a password or a second factor.

    ssh asks on the terminal. The connection ends after hours without a session, or by ``ssh -O exit``.

    Raises:
        RemoteNameRefused: A setting is not one that is safe to hand on.
        RemoteToolMissing: ssh is missing on this machine.
        RemoteUnreachable: The login failed.
    """
    require_program("ssh")
    if shared_connection_is_up(settings):
        return
    with contextlib.suppress(OSError):
        _warm_folder().mkdir(mode=0o700, exist_ok=True)
    _log_in(RemoteSettings.parse(settings), ("ControlMaster=auto", *_warm(), f"ControlPersist={_WARM_HOURS}h"))


def _log_in(settings: RemoteSettings, options: tuple[str, ...]) -> None:
    """Make a shared connection in the foreground, where ssh may ask."""
    command = [*settings.ssh(*options, batch_mode=False), "--", settings.host, "true"]
    done = subprocess.run(command, env=child_environment(), stdin=None, stdout=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise RemoteUnreachable(
            f"Could not log in to {settings.host}.",
            hint=f"Look at what ssh printed above; `{settings.command('true')}` tries the same login.",
            facts={"host": settings.host, "exit": done.returncode},
        )


def _control(settings: RemoteSettings, word: str, *options: str) -> bool:
    command = [*settings.ssh(*options), "-O", word, "--", settings.host]
    try:
        done = subprocess.run(
            command,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_CHECK_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _warm_folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(runtime) if runtime.startswith("/") and Path(runtime).is_dir() else Path.home() / ".ssh"


def _warm() -> tuple[str]:
    return (f'ControlPath="{str(_warm_folder()).replace("%", "%%")}/{_OURS}%C"',)


def _warm_ones() -> bool:
    with contextlib.suppress(OSError):
        return any(_warm_folder().glob(f"{_OURS}*"))
    return False
