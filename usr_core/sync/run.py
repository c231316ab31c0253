"""One comparison or transfer from a remote's name to its audit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from usr_core.fs.lock import LOCK_SECONDS
from usr_core.plugin.host import PluginHost
from usr_core.remotes.config import find_remotes_file, load_remotes
from usr_core.sync.request import Action, SyncContext, SyncOptions
from usr_core.sync.target import FileTarget, SyncTarget, find_sync_target

if TYPE_CHECKING:
    from usr_core.plugin.transports import WatchedTransport
    from usr_core.sync.file_mode import FileRun
    from usr_core.sync.transfer import Diff, Transfer

__all__ = ["perform", "sync"]


def sync(
    action: Action,
    target: str,
    remote: str,
    *,
    root: Path | None = None,
    remotes_file: Path | None = None,
    options: SyncOptions | None = None,
    remote_path: str | None = None,
    repo_root: Path | None = None,
    host: PluginHost | None = None,
    lock_timeout: float = LOCK_SECONDS,
    confirm: Callable[[dict[str, Any]], None] | None = None,
    warn: Callable[[str], None] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Compare a dataset or file with a remote's copy (``diff``), or bring one of them up to date (``pull``, ``push``).

    Args:
        action: ``diff``, ``pull`` or ``push``.
        target: A dataset's id or folder, or a file; see `find_sync_target`.
        remote: Name of a remote in the remotes file.
        root: The root given by the user, or None to find it.
        remotes_file: The remotes file, or None for ``USR_REMOTES_PATH``.
        options: How to compare, and what to leave out.
        remote_path: Where a file is on the remote.
        repo_root: The folder here that corresponds to the remote's ``repo_root``.
        host: The plugins to use.
        lock_timeout: Seconds to wait for another writer, on either side.
        confirm: Called with the audit of what would be done before anything moves; it raises to stop.
        warn: Takes a line about a step down, or about what is left out.
        progress: Called with (what, bytes done, bytes in all).

    Returns:
        The audit: docs/reference/json.md names its keys. An error that is raised carries its audit as ``error.audit``.

    Raises:
        RemotesFileUnnamed, RemotesFileMissing, RemotesFileInvalid, RemoteUnknown: No usable remotes file has it.
        SyncError, TransportError, LockTimeout, FileSystemError: The sync failed; no side has changed.
    """
    options = options or SyncOptions()
    profile = load_remotes(find_remotes_file(remotes_file)).get(remote)
    base_dir = profile.base_dir.rstrip("/")
    found = find_sync_target(
        target,
        action=action,
        root=root,
        base_dir=base_dir,
        options=options,
        remote_path=remote_path,
        repo_root=repo_root,
        mapping={"repo_root": profile.repo_root, "local_repo_root": profile.local_repo_root},
    )
    plugins = host if host is not None else PluginHost()
    given: dict[str, Any] = {"confirm": confirm, "warn": warn, "progress": progress}
    transport = plugins.transport(profile.type, profile.settings())
    with contextlib.closing(transport):
        context = SyncContext(
            transport=transport,
            host=plugins,
            remote_name=remote,
            method=profile.type,
            lock_timeout=lock_timeout,
            **{name: value for name, value in given.items() if value is not None},
        )
        if "watch" in plugins.transport_spec(profile.type).features:
            cast("WatchedTransport", transport).watch(context.warn)
        return perform(action, found, options, context)


def perform(
    action: Action, target: SyncTarget | FileTarget, options: SyncOptions, context: SyncContext
) -> dict[str, Any]:
    """Do it over a connection, and return the audit as its document; an error gets it as its attribute ``audit``."""
    run = _run_of(action, target, options, context)
    try:
        run.run()
    except BaseException as error:
        run.fail(error)
        error.audit = run.audit.as_json()  # type: ignore[attr-defined]
        raise
    return run.audit.as_json()


def _run_of(
    action: Action, target: SyncTarget | FileTarget, options: SyncOptions, context: SyncContext
) -> FileRun | Diff | Transfer:
    if isinstance(target, FileTarget):
        from usr_core.sync.file_mode import FileRun

        return FileRun(action, target, options, context)
    from usr_core.sync.pull import Pull
    from usr_core.sync.push import Push
    from usr_core.sync.transfer import Diff

    kinds: dict[Action, type[Diff | Transfer]] = {"diff": Diff, "pull": Pull, "push": Push}
    return kinds[action](action, target, options, context)
