"""What a sync is about: a dataset by id or folder, or a single file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from usr_core.errors import UsrError, visible
from usr_core.events.log import read_head
from usr_core.roots.dataset_id import ARCHIVE, DatasetRef, new_dataset, parse_dataset_id, resolve_dataset
from usr_core.roots.errors import ArchivedPath, DatasetMissing, InvalidDatasetId, RootUnknown
from usr_core.roots.find_root import REGISTRY_FILE, find_root
from usr_core.roots.layout import EVENT_LOG, holds_dataset, is_machinery
from usr_core.roots.locate import locate_dataset, refuse_archived_path
from usr_core.sync.errors import DatasetOnlyOption, PathNotMapped, StrictBootstrap
from usr_core.sync.request import Action, SyncOptions

__all__ = ["FileTarget", "SyncTarget", "find_sync_target", "target_of"]

_STRICT = "USR_SYNC_STRICT_BOOTSTRAP_ID"
_REPO_ROOT = "USR_REPO_ROOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTarget:
    """A dataset on both sides.

    Attributes:
        root: The root here.
        name: Its id.
        folder: Its folder here, which need not exist.
        remote_folder: Its folder there.
    """

    root: Path
    name: str
    folder: Path
    remote_folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTarget:
    """One file on both sides: its path here, and its absolute path there.

    Example:
        >>> from pathlib import Path
        >>> from usr_core.api.sync import FileTarget
        >>> FileTarget(path=Path("motifs/sigma70.txt"), remote_path="/srv/motifs/sigma70.txt").remote_path
        '/srv/motifs/sigma70.txt'
    """

    path: Path
    remote_path: str


def find_sync_target(
    text: str,
    *,
    action: Action,
    root: Path | None,
    base_dir: str,
    options: SyncOptions,
    remote_path: str | None = None,
    repo_root: Path | None = None,
    mapping: Mapping[str, str | None] | None = None,
) -> SyncTarget | FileTarget:
    """Return what `text` means.

    An id is a dataset in the root, here or yet to come. What is not an id is a path: to a dataset's folder, whose root
    is found upward, or to a file, here or yet to come. A dataset's folder outside every root has the id that its own
    history tells.

    Args:
        text: What was named.
        action: What is to be done.
        root: The root given on the command line, or None.
        base_dir: The remote's root.
        options: Whose dataset-only options a file refuses.
        remote_path: Where a file is on the remote.
        repo_root: The folder here that corresponds to the remote's ``repo_root``.
        mapping: The remote's ``repo_root`` and ``local_repo_root``.

    Raises:
        ArchivedPath: The path leads into an archive.
        StrictBootstrap: A dataset that is not here yet was not named in full.
        DatasetOnlyOption: A file was named with an option for datasets.
        PathNotMapped: It is not known where the file is on the remote.
        UsrError: There is no root, or the name is taken by something else.
    """
    if remote_path is None and repo_root is None:  # both are about files
        try:
            return _by_id(text, action, root, base_dir, options)
        except (InvalidDatasetId, DatasetMissing) as error:
            if isinstance(error, DatasetMissing) and not Path(text).is_file():
                raise
            path = _path(text)
            if path is None:
                raise
            folder = _dataset_folder(path)
            if folder is not None:
                return _by_folder(folder, action, root, base_dir, options)
    path = _path(text)
    if path is None:
        raise InvalidDatasetId(text=text, reason="it is neither an id nor a path")
    if path.is_dir():
        reason = "it is a folder that holds no dataset" if remote_path is None else "--remote-path is about files"
        raise PathNotMapped(path=path, reason=reason)
    refuse_archived_path(path, text)
    _refuse_dataset_options(options)
    return FileTarget(
        path=path.absolute(), remote_path=remote_path or _mapped(path.absolute(), repo_root, mapping or {})
    )


def target_of(ref: DatasetRef, *, action: Action, base_dir: str, options: SyncOptions) -> SyncTarget:
    """Return a dataset that was opened or found already, or is yet to come.

    Raises:
        InvalidDatasetId: It is archived.
        DatasetMissing: There is nothing to push.
        StrictBootstrap: A dataset that is not here yet was not named in full.
        UsrError: The name is taken by something else.
    """
    parse_dataset_id(ref.name)
    if holds_dataset(ref.path):
        return _beside(ref, base_dir)
    if action == "push":
        return _beside(resolve_dataset(ref.root, ref.name), base_dir)
    return _yet_to_come(ref.root, ref.name, base_dir, options, action)


def _beside(ref: DatasetRef, base_dir: str) -> SyncTarget:
    return SyncTarget(root=ref.root, name=ref.name, folder=ref.path, remote_folder=f"{base_dir}/{ref.name}")


def _by_id(text: str, action: Action, root: Path | None, base_dir: str, options: SyncOptions) -> SyncTarget:
    parse_dataset_id(text)
    try:
        base = find_root(root)
    except RootUnknown as error:
        # Without a root no id means anything, and a folder that holds a dataset is still one.
        if holds_dataset(Path(text)):
            raise InvalidDatasetId(text=text, reason="it is a folder, and there is no root") from error
        raise
    try:
        ref = resolve_dataset(base, text)
    except DatasetMissing:
        if action == "push" or Path(text).is_file():
            raise
        return _yet_to_come(base, text, base_dir, options, action)
    return _beside(ref, base_dir)


def _path(text: str) -> Path | None:
    """Return a text as a path, or None where no file can have that name."""
    try:
        path = Path(text).expanduser()
        path.lstat()
    except FileNotFoundError:
        return path
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, a user who is not there
        return None
    return path


def _yet_to_come(base: Path, name: str, base_dir: str, options: SyncOptions, action: Action) -> SyncTarget:
    strict = options.strict_bootstrap or os.environ.get(_STRICT) == "1"
    if action == "pull" and strict and "/" not in name:
        raise StrictBootstrap(name=name)
    return _beside(new_dataset(base, name), base_dir)


def _dataset_folder(path: Path) -> Path | None:
    """Return the folder that a path means as a dataset, or None where it is a file's."""
    if path.is_file():
        return None
    if path.is_dir() and holds_dataset(path):
        return path
    if path.is_dir():
        # What a first pull left that did not come to its end.
        left = [entry.name for entry in path.iterdir()]
        return path if left and all(is_machinery(name) or name == EVENT_LOG for name in left) else None
    # Not here: a file has an ending, a dataset's folder none.
    return None if path.suffix else path


def _by_folder(folder: Path, action: Action, root: Path | None, base_dir: str, options: SyncOptions) -> SyncTarget:
    if holds_dataset(folder) or action == "push":
        ref = locate_dataset(str(folder.absolute()), root=root)
        if ref.name.startswith(f"{ARCHIVE}/"):
            raise ArchivedPath(text=str(folder))
        if not (ref.root / REGISTRY_FILE).is_file() and not _is_root(ref.root, root):
            return _by_history(ref.path, root, base_dir)
        return _beside(ref, base_dir)
    place = Path(os.path.realpath(folder))
    for base in place.parents[:2]:
        if (base / REGISTRY_FILE).is_file():
            return _yet_to_come(base, place.relative_to(base).as_posix(), base_dir, options, action)
    try:
        base = find_root(root)
        name = place.relative_to(base).as_posix()
    except (UsrError, ValueError) as error:
        raise DatasetMissing(text=str(folder), place=folder.parent, hint=_how_to_name(place)) from error
    return _yet_to_come(base, name, base_dir, options, action)


def _by_history(folder: Path, root: Path | None, base_dir: str) -> SyncTarget:
    """Return a dataset that lies in no root, by the id that its last event tells.

    Raises:
        RootUnknown: That event tells no id whose last part is the folder's name. The whole id is not known then, and
            the dataset would end up in another place there.
    """
    told = (read_head(folder / EVENT_LOG).last or {}).get("dataset")
    name = told.get("name") if isinstance(told, dict) else None
    if not isinstance(name, str) or name.rpartition("/")[2] != folder.name or not _is_id(name):
        try:
            given = find_root(root)
        except UsrError:
            given = None
        raise RootUnknown(folder, given=given, hint=_how_to_name(folder))
    parts = name.count("/") + 1
    base = folder.parents[parts - 1] if folder.parts[-parts:] == PurePosixPath(name).parts else folder.parent
    return _beside(DatasetRef(root=base, name=name, path=folder), base_dir)


def _is_id(name: str) -> bool:
    try:
        parse_dataset_id(name)
    except UsrError:
        return False
    return True


def _how_to_name(folder: Path) -> str:
    whole, short = f"{folder.parent.name}/{folder.name}", folder.name
    return (
        "Give --root DIR, the folder below which its id begins: "
        f"--root {shlex.quote(str(folder.parent.parent))} for the id {visible(whole)}, "
        f"--root {shlex.quote(str(folder.parent))} for {visible(short)}."
    )


def _is_root(folder: Path, root: Path | None) -> bool:
    """Tell whether a folder is the root that was given, or found from where we are."""
    try:
        return find_root(root) == folder
    except UsrError:
        return False


def _refuse_dataset_options(options: SyncOptions) -> None:
    given = {
        "--primary-only": options.primary_only,
        "--skip-snapshots": options.skip_snapshots,
        "--history": options.history,
        "--no-verify-sidecars": not options.verify_sidecars,
        "--verify-derived-hashes": options.verify_derived_hashes is not None,
        "--repair": options.repair,
        "--strict-bootstrap-id": options.strict_bootstrap,
    }
    for option, was_given in given.items():
        if was_given:
            raise DatasetOnlyOption(option=option)


def _mapped(path: Path, repo_root: Path | None, mapping: Mapping[str, str | None]) -> str:
    there = mapping.get("repo_root")
    if not there:
        raise PathNotMapped(path=path, reason="the remote has no repo_root")
    here = repo_root or os.environ.get(_REPO_ROOT) or mapping.get("local_repo_root")
    if not here:
        raise PathNotMapped(path=path, reason="no local root is given")
    base = Path(os.path.realpath(Path(here).expanduser()))
    place = Path(os.path.realpath(path.parent)) / path.name
    try:
        relative = place.relative_to(base)
    except ValueError as error:
        raise PathNotMapped(path=path, reason=f"it is not below {visible(str(base))}") from error
    return str(PurePosixPath(there) / relative.as_posix())
