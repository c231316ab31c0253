"""What the plugin `folder` offers: the transport of the scheme `folder`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from usr_core.api import TransportSpec, hookimpl
from usr_core.api.transports import Transport

__all__ = ["usr_transports"]


@hookimpl
def usr_transports() -> Iterable[TransportSpec]:
    """Offer to reach remotes that are folders of this machine."""
    return [
        TransportSpec(
            name="folder",
            summary="Reach remotes that are folders: a mounted share, an external disk",
            factory=_transport,
            scheme="folder",
            features=frozenset({"local", "lock"}),
            settings=("base_dir",),
        )
    ]


def _transport(settings: Mapping[str, Any]) -> Transport:
    from usr_folder.transport import FolderTransport

    return FolderTransport(settings)
