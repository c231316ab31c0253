"""The connection that several commands share, where a remote's transport has such a thing.

A transport that does offers two methods beside the protocol's: ``shared_connection() -> bool``, whether one is up, and
``open_shared_connection() -> None``, which may ask the user for a password or a second factor. A third such method,
``command_there(*words) -> str``, gives the line that a user pastes into a shell to run a command there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from usr_core.api import PluginCallError, PluginHost
from usr_core.api.commands import UsageError
from usr_core.api.sync import Remote
from usr_core.api.transports import RemoteUnreachable, Transport

__all__ = ["SharedConnection", "offered_method", "shared_connection"]


class SharedConnection:
    """What can be asked of a remote's shared connection."""

    def __init__(self, remote: Remote, transport: Transport) -> None:
        self._remote = remote
        self._is_up = _offered(remote, transport, "shared_connection")
        self._open = _offered(remote, transport, "open_shared_connection")

    def is_up(self) -> bool:
        """Tell whether one is up."""
        return bool(self._is_up())

    def open(self) -> bool:
        """Open one; False where one is up already.

        Raises:
            RemoteUnreachable: The login failed, or the connection did not stay.
        """
        if self.is_up():
            return False
        self._open()
        if not self.is_up():
            raise RemoteUnreachable(
                "The login worked, but no shared connection stayed open.",
                hint="Look for ControlMaster, ControlPath and ControlPersist in ~/.ssh/config.",
                facts={"host": self._remote.host},
            )
        return True


@contextlib.contextmanager
def shared_connection(remote: Remote, host: PluginHost) -> Iterator[SharedConnection]:
    """Give out a remote's shared connection; it stays open afterwards.

    Raises:
        UsageError: The remote's transport has no shared connection.
        PluginError: No working plugin offers that transport.
        RemoteKeyUnset: The variable with the ssh key's path is not set.
    """
    transport = host.transport(remote.type, remote.settings())
    try:
        yield SharedConnection(remote, transport)
    finally:
        transport.close()


def offered_method(transport: Transport, method: str) -> Callable[..., Any] | None:
    """Return a method that a transport may have beside the protocol's, or None."""
    try:
        offered: Callable[..., Any] = getattr(transport, method)
    except (AttributeError, PluginCallError) as error:
        # The host's isolation turns what a provider lacks into an error of the plugin.
        if isinstance(error, PluginCallError) and not isinstance(error.__cause__, AttributeError):
            raise
        return None
    return offered


def _offered(remote: Remote, transport: Transport, method: str) -> Callable[[], Any]:
    offered = offered_method(transport, method)
    if offered is None:
        raise UsageError(
            f"there is nothing to warm up for {remote.name!r}: the transport {remote.type!r} shares no connections",
            hint=f"Go on with `usr remotes doctor --remote {remote.name}`.",
        )
    return offered
