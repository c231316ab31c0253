"""The remotes file: where it is, the profiles in it, and putting one in.

It is a small YAML file of the user's own, which people edit by hand: what USR does not know in it is kept, and a
fault is told with its line. A fault in one profile keeps nobody from using another.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from usr_core.fs.durable import remove_temporaries, replace_file, sync_folder
from usr_core.fs.errors import SpecialFile, file_system_error
from usr_core.fs.files import read_regular
from usr_core.fs.lock import LOCK_SECONDS, hold_lock
from usr_core.remotes.document import MAX_BYTES, Entry, parse_document
from usr_core.remotes.errors import (
    RemoteExists,
    RemotesFileInvalid,
    RemotesFileMissing,
    RemotesFileUnnamed,
    RemoteUnknown,
    RemoteValueRefused,
)
from usr_core.remotes.remote import SSH, Remote
from usr_core.remotes.rewriting import with_entry

__all__ = ["SSH", "Remote", "RemotesFile", "find_remotes_file", "load_remotes", "save_remote"]

_TEXTS = ("type", "host", "user", "base_dir", "ssh_key_env", "known_hosts", "repo_root", "local_repo_root")
_KNOWN = frozenset({*_TEXTS, "port", "batch_mode"})
_REPLACED = frozenset({"type", "host", "user", "base_dir", "port", "batch_mode", "ssh_key_env"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotesFile:
    """A remotes file that was read.

    Attributes:
        path: The file.
        remotes: The profiles that can be used by name, in the file's order.
        faults: Why the others can't be used, by name, in the file's order.

    Example:
        >>> from pathlib import Path
        >>> from usr_core.api.sync import load_remotes
        >>> remotes = load_remotes(Path("remotes.yaml"))
        >>> list(remotes.remotes), dict(remotes.faults)
        (['lab-server'], {})
        >>> remotes.get("lab-server").host
        'lab.example.org'
    """

    path: Path
    remotes: Mapping[str, Remote]
    faults: Mapping[str, RemotesFileInvalid | RemoteValueRefused] = field(default_factory=dict)

    def get(self, name: str) -> Remote:
        """Return the profile of that name.

        Raises:
            RemotesFileInvalid, RemoteValueRefused: The profile of that name has a fault; the error names line and key.
            RemoteUnknown: The file has no profile of that name.
        """
        if name in self.faults:
            raise self.faults[name]
        if name not in self.remotes:
            raise RemoteUnknown(name=name, path=self.path, known=(*self.remotes, *self.faults))
        return self.remotes[name]


def find_remotes_file(given: Path | None) -> Path:
    """Return where the remotes file is, or is to be made: `given`, else ``USR_REMOTES_PATH``.

    Raises:
        RemotesFileUnnamed: Neither names a file.

    Example:
        >>> from pathlib import Path
        >>> from usr_core.api.sync import find_remotes_file
        >>> find_remotes_file(Path("lab/remotes.yaml")).as_posix()
        'lab/remotes.yaml'
        >>> find_remotes_file(None).name
        'remotes.yaml'
    """
    named = os.fspath(given) if given is not None else os.environ.get("USR_REMOTES_PATH", "")
    if not named:
        raise RemotesFileUnnamed
    return Path(os.path.expanduser(named))  # noqa: PTH111 - unlike Path's, it lets be what it can't expand


def load_remotes(path: Path) -> RemotesFile:
    """Read a remotes file; a profile with a fault is among its faults.

    Raises:
        RemotesFileMissing: The file does not exist.
        RemotesFileInvalid: The file is not YAML, or has a fault outside the profiles; the error names the line.
        FileSystemError: The file can't be read.

    Example:
        >>> from pathlib import Path
        >>> from usr_core.api.sync import load_remotes
        >>> load_remotes(Path("remotes.yaml")).get("lab-server").base_dir
        '/srv/usr'
        >>> load_remotes(Path("elsewhere.yaml"))
        Traceback (most recent call last):
            ...
        usr_core.remotes.errors.RemotesFileMissing: The remotes file, which --remotes-config or USR_REMOTES_PATH ...
    """
    content = _read(path)
    if content is None:
        raise RemotesFileMissing(path=path)
    remotes: dict[str, Remote] = {}
    faults: dict[str, RemotesFileInvalid | RemoteValueRefused] = {}
    for name, entry in parse_document(content, path).entries.items():
        try:
            remotes[name] = _remote(name, entry, path)
        except (RemotesFileInvalid, RemoteValueRefused) as fault:
            faults[name] = fault
    return RemotesFile(path=path, remotes=remotes, faults=faults)


def save_remote(
    path: Path,
    remote: Remote,
    overwrite: bool = False,
    *,
    dry_run: bool = False,
    lock_timeout: float = LOCK_SECONDS,
) -> bool:
    """Put a profile into a remotes file, which is made with its folder if missing.

    The other profiles are not looked into and stay as they are, whatever is in them. The file is replaced as a
    whole, under ``.<name>.lock`` beside it, and is the user's alone (mode 0600) afterwards.

    Args:
        path: The file; a link is followed.
        remote: The profile.
        overwrite: Replace where a profile of that name leads, and how one logs in there. What else it holds (host
            keys, folders for file mode, settings that only its transport knows) stays, unless `remote` sets it.
        dry_run: Check, and write nothing; no lock is taken.
        lock_timeout: Seconds to wait for another writer.

    Returns:
        Whether something was written, or would be; False where the profile is there exactly so.

    Raises:
        RemoteExists: Without `overwrite`, another profile has that name.
        RemotesFileInvalid: The file that is there can't be read, or the profile of that name in it.
        RemoteValueRefused: A setting that would stay in the profile of that name can't be used.
        LockTimeout: Another process held the lock all the time.
        FileSystemError: The file can't be written; it stays as before.

    Example:
        >>> from pathlib import Path
        >>> from usr_core.api.sync import Remote, load_remotes, save_remote
        >>> backup = Remote(name="backup", type="ssh", host="backup.example.org", base_dir="/srv/usr")
        >>> save_remote(Path("remotes.yaml"), backup), save_remote(Path("remotes.yaml"), backup)
        (True, False)
        >>> sorted(load_remotes(Path("remotes.yaml")).remotes)
        ['backup', 'lab-server']
    """
    target = Path(os.path.realpath(path))
    with contextlib.ExitStack() as held:
        if not dry_run:
            _make_folder(target.parent)
            lock, command = target.with_name(f".{target.name}.lock"), f"remotes add {remote.name}"
            held.enter_context(hold_lock(lock, timeout=lock_timeout, command=command))
            remove_temporaries(target)
        content = _read(target)
        document = parse_document(content or b"", path)
        present = document.entries.get(remote.name)
        if present is not None and present.fault is not None:
            raise present.fault
        kept = present.settings if present is not None else {}
        settings = {**remote.entry()}
        settings.update({key: kept[key] for key in kept if key not in _REPLACED and key not in settings})
        if present is not None and present.settings == settings:
            return False
        if present is not None and not overwrite:
            raise RemoteExists(name=remote.name, path=path)
        if present is not None:
            _remote(remote.name, dataclasses.replace(present, settings=settings), path)
        after = with_entry(content or b"", document, remote.name, settings, path)
        if not dry_run:
            _write(target, after)
    return True


def _remote(name: str, entry: Entry, path: Path) -> Remote:
    if entry.fault is not None:
        raise entry.fault
    settings = {key: value for key, value in entry.settings.items() if value is not None}
    texts = {key: str(settings[key]) for key in _TEXTS if key in settings}
    port: Any = settings.get("port")
    batch_mode: Any = settings.get("batch_mode", True)
    if isinstance(port, str) and port.isascii() and port.isdecimal() and len(port) <= 5:
        port = int(port)
    for key, wanted, fits in (
        *((key, "text; put it in quotes", isinstance(settings[key], str)) for key in settings if key in _TEXTS),
        ("port", "a whole number", port is None or type(port) is int),
        ("batch_mode", "true or false", isinstance(batch_mode, bool)),
    ):
        if not fits:
            _refuse_type(path, name, entry, key, wanted)
    for key in ("type", "base_dir"):
        if key not in texts:
            raise RemotesFileInvalid(
                path=path, reason=f"it has no {key}", key=f"remotes.{name}", line=entry.line, remote=name
            )
    extra = {key: value for key, value in entry.settings.items() if key not in _KNOWN}
    try:
        return Remote(
            name=name,
            type=texts.pop("type"),
            base_dir=texts.pop("base_dir"),
            host=texts.pop("host", ""),
            user=texts.pop("user", ""),
            port=port,
            batch_mode=batch_mode,
            extra=extra,
            **texts,
        )
    except RemoteValueRefused as error:
        line = entry.lines.get(error.key, entry.line)
        raise RemoteValueRefused(error.key, error.value, error.reason, remote=name, path=path, line=line) from None


def _refuse_type(path: Path, name: str, entry: Entry, key: str, wanted: str) -> NoReturn:
    where = f"remotes.{name}.{key}"
    raise RemotesFileInvalid(
        path=path, reason=f"{key} has to be {wanted}", key=where, line=entry.lines[key], remote=name
    )


def _read(path: Path) -> bytes | None:
    try:
        return read_regular(path, MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except SpecialFile as error:
        raise RemotesFileInvalid(path=path, reason=f"it is a {error.kind}") from None
    except OSError as error:
        raise file_system_error(error, path, "read the remotes file") from error


def _write(path: Path, content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise RemotesFileInvalid(
            path=path, reason=f"it would have {len(content):,} bytes, and {MAX_BYTES:,} are the most"
        )
    old = os.umask(0o077)  # who may log in where is nobody else's business, not for a moment
    try:
        replace_file(path, content, mode=0o600)
    except OSError as error:
        raise file_system_error(error, path, "write the remotes file") from error
    finally:
        os.umask(old)


def _make_folder(folder: Path) -> None:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    try:
        for new in reversed(missing):
            with contextlib.suppress(FileExistsError):
                new.mkdir(mode=0o700)
            sync_folder(new.parent)
    except OSError as error:
        raise file_system_error(error, new, "make the remotes file's folder") from error
