"""registry.yaml in a root: reading it, and registering namespaces in it.

The file is replaced as a whole, under the root's lock; comments that someone wrote into it are lost
by the next registration.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from usr_core.fs.durable import remove_temporaries, replace_file
from usr_core.fs.errors import LinkInsideDataset, SpecialFile, file_system_error
from usr_core.fs.files import read_regular
from usr_core.fs.lock import hold_lock
from usr_core.registry.document import (
    RESERVED_NAMESPACES,
    STATE_ENTRY,
    STATE_NAMESPACE,
    NamespaceEntry,
    Registry,
    RegistryColumn,
    check_namespace,
    check_state_entry,
    checked_columns,
)
from usr_core.registry.errors import (
    NamespaceDiffers,
    RegistryInvalid,
    RegistryMissing,
    ReservedNamespace,
)
from usr_core.registry.reader import MAX_BYTES, parse_registry
from usr_core.registry.type_parser import split_columns
from usr_core.registry.usage import datasets_using
from usr_core.roots.find_root import REGISTRY_FILE, existing_root
from usr_core.roots.layout import LOCK
from usr_core.values.showing import Shown

__all__ = [
    "RegisterResult",
    "begin_registry",
    "load_registry",
    "make_root",
    "read_registry",
    "register_namespace",
    "registry_text",
]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RegisterResult(Shown):
    """What a registration did.

    Attributes:
        entry: The namespace as it is now.
        registry: The whole registry as it is now.
        created: The namespace is new.
        written: The file was written, or would be; False where nothing had to change.
        added: Full names of new columns, all of them where the namespace is new.
        changed: One text for each column that changed its type or was removed.
        datasets: Where something was changed or removed, the datasets that hold the namespace's columns.

    Example:
        >>> from usr_core.api.registry import register_namespace
        >>> done = register_namespace(root, "infer", [("infer__ll", "float64")])
        >>> done.created, done.written, done.added
        (True, True, ('infer__ll',))
        >>> sorted(done.registry.namespaces)
        ['infer', 'lab', 'usr_state']
    """

    entry: NamespaceEntry
    registry: Registry
    created: bool
    written: bool
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()


def load_registry(root: Path) -> Registry:
    """Read a root's registry and check that a dataset may be changed under it; datasets are not touched.

    Raises:
        RegistryMissing: The root has no registry.
        RegistryInvalid: The file is refused; its line is given.
        ReservedNamespaceAltered: ``usr_state`` is missing from it, or not as it has to be.
        FileSystemError: The file can't be read.

    Example:
        >>> from usr_core.api.registry import load_registry
        >>> load_registry(root).namespace("lab").column_names
        ('lab__gc', 'lab__sigma')
    """
    registry = read_registry(root)
    check_state_entry(registry, label=str(root / REGISTRY_FILE))
    return registry


def read_registry(root: Path) -> Registry:
    """Read a root's registry as it is, to show it: like `load_registry`, but ``usr_state`` is not checked.

    Raises:
        RegistryMissing: The root has no registry.
        RegistryInvalid: The file is refused; its line is given.
        FileSystemError: The file can't be read.

    Example:
        >>> from usr_core.api.registry import read_registry
        >>> read_registry(root).column_type("lab__sigma").canonical()
        'string'
        >>> read_registry(tmp_path / "elsewhere")
        Traceback (most recent call last):
            ...
        usr_core.registry.errors.RegistryMissing: .../elsewhere/registry.yaml does not exist, and nothing is ...
    """
    path = root / REGISTRY_FILE
    registry = _read(path)
    if registry is None:
        raise RegistryMissing(path)
    return registry


def register_namespace(
    root: str | os.PathLike[str],
    name: str,
    columns: Mapping[str, str] | Sequence[tuple[str, str]] | str,
    *,
    owner: str | None = None,
    description: str | None = None,
    overwrite: bool = False,
    add: bool = False,
    dry_run: bool = False,
    lock_timeout: float = 60.0,
) -> RegisterResult:
    """Register a namespace, or add columns to one; the root's first registration writes ``usr_state`` too.

    The same columns again, in any order, change nothing. New columns go behind those that are there. With
    `overwrite` the columns become exactly `columns`, in that order. What datasets hold already is not
    touched: they keep their frozen registries.

    Args:
        root: An existing folder.
        name: The namespace.
        columns: Full column names with the texts of their types, as a mapping, as pairs, or as ``name:type`` with
            commas between: all columns, the registered ones included; with `add` those to add.
        owner: Who answers for it; None keeps what is there.
        description: What it is; None keeps what is there.
        overwrite: Allow columns to change their type or their order, or to be removed.
        add: Keep registered columns that are not among `columns`; a namespace that is not there yet is made. Not
            together with `overwrite`.
        dry_run: Check and tell, and write nothing; no lock is taken.
        lock_timeout: Seconds to wait for ``<root>/.usr.lock``.

    Raises:
        InvalidNamespace, ReservedNamespace: `name` can't be registered.
        ColumnSpecError, TypeSyntaxError: `columns` are refused.
        NamespaceDiffers: Without `overwrite`, a registered column is missing or has another type; the
            datasets that use the namespace are named.
        RegistryInvalid, ReservedNamespaceAltered: The file that is there is not valid.
        RootMissing, RootNotAFolder: There is no such root.
        LockTimeout: Another process held the lock all the time.
        LinkInsideDataset: The file is a symbolic link.
        FileSystemError: The file can't be read or written; it is as before.

    Example:
        >>> from usr_core.api.registry import register_namespace
        >>> columns = {"lab__gc": "float64", "lab__sigma": "string"}
        >>> register_namespace(root, "lab", columns).written
        False
        >>> register_namespace(root, "lab", {**columns, "lab__motifs": "list<string>"}).added
        ('lab__motifs',)
        >>> register_namespace(root, "lab", [("lab__reads", "int64")], add=True).added
        ('lab__reads',)
        >>> register_namespace(root, "lab", [("lab__gc", "float32")]).changed
        Traceback (most recent call last):
            ...
        usr_core.registry.errors.NamespaceDiffers: The namespace 'lab' would be changed (lab__gc: float64 -> ...
    """
    check_namespace(name)
    if name in RESERVED_NAMESPACES:
        raise ReservedNamespace(name=name)
    pairs = split_columns(columns) if isinstance(columns, str) else columns
    pairs = list(pairs.items()) if isinstance(pairs, Mapping) else pairs
    wanted = NamespaceEntry(name=name, columns=checked_columns(name, pairs), owner=owner, description=description)
    root = existing_root(Path(root))
    path = root / REGISTRY_FILE
    if path.is_symlink():
        raise LinkInsideDataset(path=path)
    with contextlib.ExitStack() as held:
        if not dry_run:
            held.enter_context(hold_lock(root / LOCK, timeout=lock_timeout, command=f"namespace register {name}"))
            remove_temporaries(path)
        before = _read(path) or Registry({})
        if STATE_NAMESPACE in before.namespaces:
            check_state_entry(before, label=str(path))
        old = before.namespaces.get(name)
        entry = _merged(old, wanted, overwrite=overwrite)
        changes = _changes(old, wanted, keep_others=add)
        datasets = tuple(datasets_using(root, name)) if changes else ()
        if changes and not overwrite:
            raise NamespaceDiffers(name, changes=changes, datasets=datasets)
        after = before.with_entries(entry, before.namespaces.get(STATE_NAMESPACE, STATE_ENTRY))
        written = after != before
        if written:
            _write(path, after, dry_run=dry_run)
    known = old.by_name if old else {}
    return RegisterResult(
        entry=entry,
        registry=after,
        created=old is None,
        written=written,
        added=tuple(column for column in entry.column_names if column not in known),
        changed=tuple(changes),
        datasets=datasets,
    )


def begin_registry(root: Path, registry: Registry, *, lock_timeout: float = 60.0) -> bool:
    """Write a whole registry into a root that has none; return whether it was written.

    Raises:
        LockTimeout: Another process held ``<root>/.usr.lock`` all the time.
        FileSystemError: The file can't be written.
    """
    path = root / REGISTRY_FILE
    with hold_lock(root / LOCK, timeout=lock_timeout, command="write the registry"):
        if os.path.lexists(path):
            return False
        _write(path, registry)
    return True


def make_root(folder: Path, *, dry_run: bool = False, lock_timeout: float = 60.0) -> Path:
    """Make a folder a root: its ``registry.yaml`` holds ``usr_state`` alone. One that is a root already stays as it is.

    Args:
        folder: Where; it is made, unless it is there.
        dry_run: Make nothing, and check that it could be made.
        lock_timeout: Seconds to wait for ``<folder>/.usr.lock``.

    Returns:
        The folder.

    Raises:
        LockTimeout: Another process held the lock all the time.
        FileSystemError: The folder or the file can't be made.

    Example:
        >>> from usr_core.api.registry import make_root, read_registry
        >>> sorted(read_registry(make_root(tmp_path / "fresh")).namespaces)
        ['usr_state']
    """
    if dry_run:
        _require_place(folder)
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_system_error(error, folder, "make the root") from error
    begin_registry(folder, Registry({STATE_NAMESPACE: STATE_ENTRY}), lock_timeout=lock_timeout)
    return folder


def _require_place(folder: Path) -> None:
    """Refuse a root that can't be made, because what is there already is not a folder, or can't be written."""
    place = next(one for one in (folder, *folder.absolute().parents) if os.path.lexists(one))
    fault = None if place.is_dir() else errno.ENOTDIR
    if fault is None and not os.path.lexists(folder / REGISTRY_FILE) and not os.access(place, os.W_OK | os.X_OK):
        fault = errno.EACCES
    if fault is not None:
        raise file_system_error(OSError(fault, os.strerror(fault)), folder, "make the root")


def registry_text(registry: Registry) -> str:
    """Return a registry as it is written for people: namespaces sorted, each column's name before its type."""
    import yaml

    document = {
        "namespaces": {
            name: {
                "columns": [{"name": column.name, "type": column.type.canonical()} for column in entry.columns],
                "description": entry.description,
                "owner": entry.owner,
            }
            for name, entry in sorted(registry.namespaces.items())
        }
    }
    text: str = yaml.safe_dump(document, sort_keys=False, default_flow_style=False, allow_unicode=True, width=100_000)
    return text


def _read(path: Path) -> Registry | None:
    try:
        content = read_regular(path, MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except SpecialFile as error:
        raise RegistryInvalid(label=str(path), reason=f"it is a {error.kind}") from None
    except OSError as error:
        raise file_system_error(error, path, "read the registry") from error
    return parse_registry(content, str(path))


def _write(path: Path, registry: Registry, *, dry_run: bool = False) -> None:
    content = registry_text(registry).encode("utf-8")
    if len(content) > MAX_BYTES:
        raise RegistryInvalid(
            label=str(path), reason=f"it would have {len(content):,} bytes, and {MAX_BYTES:,} are the most"
        )
    if dry_run:
        return
    try:
        replace_file(path, content, shared=True)
    except OSError as error:
        raise file_system_error(error, path, "write the registry") from error


def _merged(old: NamespaceEntry | None, wanted: NamespaceEntry, *, overwrite: bool) -> NamespaceEntry:
    if old is None:
        return wanted
    columns: tuple[RegistryColumn, ...] = wanted.columns
    if not overwrite:
        columns = (*old.columns, *(column for column in wanted.columns if column.name not in old.by_name))
    return NamespaceEntry(
        name=old.name,
        columns=columns,
        owner=old.owner if wanted.owner is None else wanted.owner,
        description=old.description if wanted.description is None else wanted.description,
    )


def _changes(old: NamespaceEntry | None, wanted: NamespaceEntry, *, keep_others: bool) -> list[str]:
    """Say what registered columns would lose; added columns are not a change."""
    if old is None:
        return []
    found = []
    types = {column.name: column.type for column in wanted.columns}
    for column in old.columns:
        if column.name not in types:
            found += [] if keep_others else [f"{column.name}: removed"]
        elif types[column.name] != column.type:
            found.append(f"{column.name}: {column.type.canonical()} -> {types[column.name].canonical()}")
    return found
