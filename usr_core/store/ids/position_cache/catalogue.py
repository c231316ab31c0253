"""Which files of the position cache belong to which base: one small list for each, named by the base's identity.

A list names its segments, which several lists may share: an append adds one segment to those of the base before it.
One without segments says only that the base was asked about before.
Everything here may be missing, damaged, foreign or removed at any time; then there is no cache for that base.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from usr_core.fs.errors import file_system_error
from usr_core.roots.cache_folder import cache_folder
from usr_core.store.base.parquet import OpenParquet, footer_bytes
from usr_core.store.ids.position_cache.segment import NotBelieved, Segment

__all__ = [
    "BaseIdentity",
    "CacheSize",
    "cache_size",
    "drop_cache",
    "new_segment",
    "note_question",
    "parts_file",
    "positions_folder",
    "read_list",
    "was_asked",
    "write_list",
    "write_whole",
]

_FOLDER = "positions"
_LIST, _SEGMENT, _PARTS, _TEMPORARY = ".list", ".ids", ".parts", ".tmp"
_OWN_NAME = re.compile(r"[0-9a-f]{32}\.(list|parts)|[0-9a-f]{16}\.(ids|tmp)")
_VERSION = 2
_DIGEST_BYTES = 16
_MOST_BYTES = 4 << 30
_MOST_LISTS = 256
_UNLISTED_SECONDS = 3600.0
"""A segment that no list names yet may be one that another process is writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseIdentity:
    """What tells one base file from every other: a base is never modified in place.

    Attributes:
        size: Bytes.
        inode, mtime_ns: As the file system has them.
        footer: A digest of the footer, which has the size and place of every page.
        rows: Its rows.
    """

    size: int
    inode: int
    mtime_ns: int
    footer: str
    rows: int

    @classmethod
    def of(cls, base: OpenParquet) -> BaseIdentity:
        """Return the identity of an open base, which is that of its file where only some of its rows count.

        Raises:
            OSError: The file can't be read.
        """
        status = os.fstat(base.handle.fileno())
        return cls(
            size=status.st_size,
            inode=status.st_ino,
            mtime_ns=status.st_mtime_ns,
            footer=_digest(footer_bytes(base.handle)),
            rows=base.rows if base.cut_from is None else base.cut_from,
        )

    def document(self) -> dict[str, Any]:
        """Return the form in which a list has it."""
        return asdict(self)

    @property
    def name(self) -> str:
        """The name of its list."""
        return _digest(json.dumps(self.document()).encode()) + _LIST


@dataclass(frozen=True, slots=True)
class CacheSize:
    """What the cache of row numbers takes: the folder, its files, and their bytes.

    Example:
        >>> from usr_core.api.results import drop_cache
        >>> found = drop_cache()
        >>> found is None or found.size_bytes >= found.files
        True
    """

    folder: Path
    files: int
    size_bytes: int


def positions_folder() -> Path | None:
    """Return where the files are, whether the folder exists or not; None where nothing is remembered.

    That is where the cache is switched off, and where others could have written what it says: a folder of another
    user (as under ``sudo``), or one that others may write to.
    """
    folder = cache_folder()
    if folder is None:
        return None
    folder /= _FOLDER
    try:
        status = folder.stat()
    except OSError:
        return folder
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return None if others or status.st_uid != os.geteuid() else folder


def read_list(folder: Path, identity: BaseIdentity) -> list[Segment] | None:
    """Return the segments of a base; none at all where it can't have any; None where nothing is known of it.

    Raises:
        NotBelieved: The list is not what it should be.
    """
    path = folder / identity.name
    try:
        content = path.read_bytes()
        os.utime(path)  # used now
    except OSError:
        return None
    digest, _, text = content.partition(b"\n")
    if digest != _digest(text).encode():
        raise NotBelieved(path)
    try:
        document = json.loads(text)
        named = document["segments"]
        found = [Segment(folder / f"{token}{_SEGMENT}", token=token, rows=rows) for token, rows in named or ()]
        matches = document["version"] == _VERSION and document["base"] == identity.document()
    except (ValueError, KeyError, TypeError) as error:
        raise NotBelieved(path) from error
    if not matches or (found and sum(segment.rows for segment in found) != identity.rows):
        raise NotBelieved(path)
    return None if named is None else found


def was_asked(folder: Path, identity: BaseIdentity) -> bool:
    """Tell whether a base is noted as one that was asked about before, or was remembered once."""
    return (folder / identity.name).exists()


def note_question(folder: Path, identity: BaseIdentity) -> None:
    """Note that a base was asked about, of which nothing is remembered. Nothing is said where that can't be."""
    with contextlib.suppress(OSError):
        write_list(folder, identity, None)


def new_segment(folder: Path) -> tuple[Path, str]:
    """Return the path of a segment to write, and its token; the folder is made, for this user alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    token = secrets.token_hex(8)
    return folder / f"{token}{_SEGMENT}", token


def write_list(folder: Path, identity: BaseIdentity, segments: Sequence[tuple[str, int]] | None) -> None:
    """Say which segments (token, rows) a base has, in the order of its rows; then tidy up.

    None says that there are none yet.

    Raises:
        OSError: The list can't be written.
    """
    document = {
        "version": _VERSION,
        "base": identity.document(),
        "segments": None if segments is None else list(segments),
    }
    text = json.dumps(document).encode()
    write_whole(folder / identity.name, _digest(text).encode() + b"\n" + text)


def parts_file(dataset: bytes) -> Path | None:
    """Return where the parts of a dataset are remembered, by the path of its folder; None where nothing is."""
    folder = positions_folder()
    return None if folder is None else folder / f"{_digest(dataset)}{_PARTS}"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file of the cache, which others see whole or not at all; then tidy up.

    Raises:
        OSError: It can't be written.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = folder / f"{secrets.token_hex(8)}{_TEMPORARY}"
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _tidy(folder)


def cache_size() -> CacheSize | None:
    """Return what the cache takes, or None where it is switched off."""
    folder = positions_folder()
    if folder is None:
        return None
    sizes = [size for _, size, _ in _files(folder)]
    return CacheSize(folder, len(sizes), sum(sizes))


def drop_cache(*, dry_run: bool = False) -> CacheSize | None:
    """Remove the cache of row numbers; return what it took, or None where it is switched off.

    Others may be using it: they go on without it. With `dry_run` nothing is removed.

    Raises:
        FileSystemError: A file can't be removed.

    Example:
        >>> from usr_core.api.results import drop_cache, examine
        >>> drop_cache() is None or examine(root).cache.files == 0
        True
    """
    found = cache_size()
    for path, _, _ in _files(found.folder) if found is not None and not dry_run else ():
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise file_system_error(error, path, "remove the cache") from error
    return found


def _files(folder: Path) -> list[tuple[Path, int, float]]:
    """Return the files of the cache: path, bytes, time of the last use; never what somebody else keeps there."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if _OWN_NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    found.append((Path(entry.path), status.st_size, status.st_mtime))
    return found


def _tidy(folder: Path) -> None:
    """Remove the lists that were used least recently, of parts too, while there are too many; and what none names."""
    files = _files(folder)
    sizes = {path.name: size for path, size, _ in files}
    kept: set[str] = set()
    total = 0
    lists = sorted((one for one in files if one[0].suffix in (_LIST, _PARTS)), key=lambda one: -one[2])
    for number, (path, size, _) in enumerate(lists):
        names = _names(path) if path.suffix == _LIST else set()
        total += size + sum(sizes.get(name, 0) for name in names - kept)
        if number and (number >= _MOST_LISTS or total > _MOST_BYTES):
            with contextlib.suppress(OSError):
                path.unlink()
            continue
        kept |= names
    old = time.time() - _UNLISTED_SECONDS
    for path, _, used in files:
        if path.suffix not in (_LIST, _PARTS) and path.name not in kept and used < old:
            with contextlib.suppress(OSError):
                path.unlink()


def _names(path: Path) -> set[str]:
    try:
        return {f"{token}{_SEGMENT}" for token, _ in json.loads(path.read_bytes().partition(b"\n")[2])["segments"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
