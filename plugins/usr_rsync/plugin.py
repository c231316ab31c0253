"""What the plugin `rsync` offers: the transport of the scheme `ssh`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from usr_core.api import TransportSpec, hookimpl
from usr_core.api.transports import Transport

__all__ = ["usr_transports"]


@hookimpl
def usr_transports() -> Iterable[TransportSpec]:
    """Offer to reach remotes over ssh with rsync."""
    return [
        TransportSpec(
            name="rsync",
            summary="Reach remotes over ssh with rsync",
            factory=_transport,
            scheme="ssh",
            features=frozenset({"resume", "delta", "lock", "watch"}),
            settings=("host", "user", "port", "batch_mode", "ssh_key", "known_hosts", "connect_timeout"),
        )
    ]


def _transport(settings: Mapping[str, Any]) -> Transport:
    from usr_rsync.transport import RsyncTransport

    return RsyncTransport(settings)
