"""What a sync is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from usr_core.fs.lock import LOCK_SECONDS

if TYPE_CHECKING:
    from usr_core.plugin.host import PluginHost
    from usr_core.plugin.transports import Transport

__all__ = ["Action", "SyncAsked", "SyncContext", "SyncOptions"]

Action = Literal["diff", "pull", "push"]
"""What is done with a remote's copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """How copies are compared and what of them is moved.

    Attributes:
        verify: How the base is compared: ``hash``, ``parquet``, ``size``, ``auto``, or a plugin's strategy.
        primary_only: Only ``records.parquet``: no overlays, no snapshots, and no line of the log, so that a later
            whole transfer goes on from where this one stands.
        skip_snapshots: Leave ``_snapshots`` out.
        history: Take ``.history`` along: the files that versions before the last one need. By default it is left out,
            on both sides.
        verify_sidecars: Check that everything that was to arrive has arrived.
        verify_derived_hashes: Compare the content of overlays and auxiliary files, not only their sizes. None is on by
            default: then it may be given up where the remote has no way to compute digests.
        repair: Take the source's files where both copies have one history and yet differ.
        dry_run: Say what would be done.
        strict_bootstrap: A dataset that is not here yet must be named as ``namespace/dataset``.

    Example:
        >>> from usr_core.api.sync import SyncOptions
        >>> options = SyncOptions(verify="size", skip_snapshots=True)
        >>> options.verify, options.verify_sidecars, options.verify_derived_hashes
        ('size', True, None)
    """

    verify: str = "hash"
    primary_only: bool = False
    skip_snapshots: bool = False
    history: bool = False
    verify_sidecars: bool = True
    verify_derived_hashes: bool | None = None
    repair: bool = False
    dry_run: bool = False
    strict_bootstrap: bool = False


def _yes(_: dict[str, Any]) -> None:
    return None


def _silent(_: str) -> None:
    return None


def _no_progress(_what: str, _done: int, _total: int) -> None:
    return None


class SyncAsked(TypedDict, total=False):
    """What `Dataset.diff`, `pull` and `push` take besides the remote; see `usr_core.sync.sync`.

    Example:
        >>> from usr_core.api.sync import SyncAsked, SyncOptions
        >>> asked: SyncAsked = {"options": SyncOptions(dry_run=True), "warn": print}
        >>> dataset.push("lab-server", **asked)["transfer_state"]
        'DRY-RUN'
    """

    options: SyncOptions | None
    remotes_file: Path | None
    confirm: Callable[[dict[str, Any]], None] | None
    warn: Callable[[str], None] | None
    progress: Callable[[str, int, int], None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncContext:
    """The remote to sync with, and how to talk to the caller.

    Attributes:
        transport: Reaches the remote.
        host: For verify strategies and event sinks.
        remote_name: Name of the remote, for audits.
        method: The transport's scheme, for receipts.
        confirm: Called with the audit of what would be done before anything moves; raises to stop.
        warn: Takes one line.
        progress: Called with (what, bytes done, bytes in all).
        lock_timeout: Seconds to wait for another writer, on either side.
    """

    transport: Transport
    host: PluginHost
    remote_name: str
    method: str = "ssh"
    confirm: Callable[[dict[str, Any]], None] = field(default=_yes)
    warn: Callable[[str], None] = field(default=_silent)
    progress: Callable[[str, int, int], None] = field(default=_no_progress)
    lock_timeout: float = LOCK_SECONDS
