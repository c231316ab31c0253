"""One comparison or transfer from a remote's name to its audit."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from usr_core.fs.lock import LOCK_SECONDS
from usr_core.plugin.host import PluginHost
from usr_core.remotes.config import find_remotes_file, load_remotes
from usr_core.remotes.remote import Remote
from usr_core.roots.dataset_id import DatasetRef
from usr_core.sync.errors import RemoteInsideRoot
from usr_core.sync.request import Action, SyncContext, SyncOptions
from usr_core.sync.target import FileTarget, SyncTarget, find_sync_target, target_of

if TYPE_CHECKING:
    from usr_core.plugin.transports import WatchedTransport
    from usr_core.sync.file_mode import FileRun
    from usr_core.sync.transfer import Diff, Transfer

__all__ = ["connected", "named_target", "perform", "sync"]


def named_target(
    text: str,
    action: Action,
    remote: str,
    *,
    root: Path | None,
    remotes_file: Path | None,
    options: SyncOptions,
    remote_path: str | None,
    repo_root: Path | None,
) -> DatasetRef | FileTarget:
    """Return which dataset or file `text` means with a remote. Arguments as `sync` and `find_sync_target`.

    Raises:
        RemotesFileUnnamed, RemotesFileMissing, RemotesFileInvalid, RemoteUnknown: No usable remotes file has it.
        UsrError: As `find_sync_target`.

    Example:
        >>> from usr_core.api.sync import SyncOptions, named_target
        >>> places = {"root": root, "remotes_file": None, "remote_path": None, "repo_root": None}
        >>> named_target("demo/promoters", "push", "lab-server", options=SyncOptions(), **places).name
        'demo/promoters'
    """
    profile = load_remotes(find_remotes_file(remotes_file)).get(remote)
    found = find_sync_target(
        text,
        action=action,
        root=root,
        base_dir=profile.base_dir.rstrip("/"),
        options=options,
        remote_path=remote_path,
        repo_root=repo_root,
        mapping={"repo_root": profile.repo_root, "local_repo_root": profile.local_repo_root},
    )
    if isinstance(found, FileTarget):
        return found
    return DatasetRef(root=found.root, name=found.name, path=found.folder)


def sync(
    action: Action,
    target: DatasetRef | FileTarget,
    remote: str,
    *,
    remotes_file: Path | None = None,
    options: SyncOptions | None = None,
    host: PluginHost | None = None,
    lock_timeout: float = LOCK_SECONDS,
    confirm: Callable[[dict[str, Any]], None] | None = None,
    warn: Callable[[str], None] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Compare a dataset or file with a remote's copy (``diff``), or bring one of them up to date (``pull``, ``push``).

    Args:
        action: ``diff``, ``pull`` or ``push``.
        target: A dataset, here or yet to come, or a file.
        remote: Name of a remote in the remotes file.
        remotes_file: The remotes file, or None for ``USR_REMOTES_PATH``.
        options: How to compare, and what to leave out.
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

    Example:
        >>> from usr_core.api.sync import sync
        >>> audit = sync("push", dataset.ref, "lab-server", host=dataset.host)
        >>> audit["transfer_state"], audit["plan"]["events"]
        ('TRANSFERRED', 3)
    """
    options = options or SyncOptions()
    told = {"confirm": confirm, "warn": warn, "progress": progress}
    with connected(
        action, target, remote, remotes_file=remotes_file, options=options, host=host, lock_timeout=lock_timeout, **told
    ) as (found, context):
        return perform(action, found, options, context)


@contextlib.contextmanager
def connected(
    action: Action,
    target: DatasetRef | FileTarget,
    remote: str,
    *,
    remotes_file: Path | None,
    options: SyncOptions,
    host: PluginHost | None,
    lock_timeout: float,
    **told: Callable[..., None] | None,
) -> Iterator[tuple[SyncTarget | FileTarget, SyncContext]]:
    """Yield where a dataset or file is on both sides, and a connection to its remote; arguments and errors as `sync`.

    `told` has ``confirm``, ``warn`` and ``progress``, each of which may be None.
    """
    profile = load_remotes(find_remotes_file(remotes_file)).get(remote)
    found: SyncTarget | FileTarget
    if isinstance(target, FileTarget):
        found = target
    else:
        found = target_of(target, action=action, base_dir=profile.base_dir.rstrip("/"), options=options)
    plugins = host if host is not None else PluginHost()
    features = plugins.transport_spec(profile.type).features
    if "local" in features:
        _refuse_copy_onto_itself(found, profile)
    transport = plugins.transport(profile.type, profile.settings())
    with contextlib.closing(transport):
        given: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
        context = SyncContext(
            transport=transport,
            host=plugins,
            remote_name=remote,
            method=profile.type,
            lock_timeout=lock_timeout,
            **given,
        )
        if "watch" in features:
            cast("WatchedTransport", transport).watch(context.warn)
        yield found, context


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


def _refuse_copy_onto_itself(found: SyncTarget | FileTarget, remote: Remote) -> None:
    """Refuse a remote that is a folder of this machine and lies in the root, or a file that is its own copy."""
    if isinstance(found, FileTarget):
        root = found.path
        same = os.path.realpath(found.remote_path) == os.path.realpath(root)
    else:
        root = found.root
        place, top = Path(os.path.realpath(found.remote_folder)), Path(os.path.realpath(root))
        same = remote.lies_in(root) or top in place.parents
    if same:
        raise RemoteInsideRoot(remote=remote.name, base_dir=remote.base_dir, root=root)


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
