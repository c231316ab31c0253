"""Overlay files on disk: where they lie, what their footers say, and their order.

A namespace owns one file or one folder of parts, never both. Parts are immutable; a later part
overrides an earlier one per key and per column, where it has a value. This module knows names,
stamps and order. It reads footers only; values are merged by `usr_core.store.view.last_writer_wins`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.commit.file_tree import FileTree
from usr_core.errors import UsrError
from usr_core.fs.errors import file_system_error
from usr_core.store.base.parquet import OpenParquet, allow_descriptors
from usr_core.store.parts.errors import OverlayUnreadable, OverlayVanished
from usr_core.store.parts.present import PART_GLOB, overlay_paths
from usr_core.store.parts.stamps import (
    KEYS,
    META_ACTOR_RUN_ID,
    META_ACTOR_TOOL,
    META_CONTRACT_HASH,
    META_CREATED_AT,
    META_KEY,
    META_NAMESPACE,
    META_REGISTRY_HASH,
    META_UNIQUE_KEYS,
    OverlayKey,
    read_stamp,
)

__all__ = [
    "KEYS",
    "META_ACTOR_RUN_ID",
    "META_ACTOR_TOOL",
    "META_CONTRACT_HASH",
    "META_CREATED_AT",
    "META_KEY",
    "META_NAMESPACE",
    "META_REGISTRY_HASH",
    "META_UNIQUE_KEYS",
    "PART_GLOB",
    "KeyFilters",
    "NamespaceOverlay",
    "OverlayKey",
    "OverlayPart",
    "in_write_order",
    "list_overlays",
    "newest_stamp",
    "open_parts",
    "overlay_paths",
    "unique_keys_note",
]

_FOOTER_THREADS = 8
_FOOTER_SAMPLE = 8
_SLOW_FOOTER_SECONDS = 0.001
_STAMPS: dict[tuple[int, ...], int] = {}
"""The stamps of parts that this process has seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayPart:
    """One overlay file, held open.

    Attributes:
        relative: Its name below the dataset's folder.
        namespace: The namespace it lies under; ``metadata`` has the one it was written for.
        source: The open file.
        key: What its rows are keyed by; the key column has the same name.
        created_at_us: Its stamp in UTC microseconds since 1970; orders parts.
        metadata: The ``usr:…`` keys and values of its footer.
        columns: All columns but the key, in the file's order.
    """

    relative: str
    namespace: str
    source: OpenParquet
    key: OverlayKey
    created_at_us: int
    metadata: Mapping[str, str]
    columns: tuple[pa.Field, ...]

    @property
    def path(self) -> Path:
        """Where the file was opened."""
        return self.source.path

    @property
    def file(self) -> pq.ParquetFile:
        """The open file's reader, for one thread; ``source.reader()`` gives more."""
        return self.source.file

    @property
    def name(self) -> str:
        """The file's own name, which orders parts of one stamp."""
        return self.relative.rsplit("/", 1)[-1]

    @property
    def created_at(self) -> str:
        """The stamp as the file has it (RFC 3339)."""
        return self.metadata[META_CREATED_AT]

    @property
    def registry_hash(self) -> str | None:
        """The registry under which it was written."""
        return self.metadata.get(META_REGISTRY_HASH)

    @property
    def contract_hash(self) -> str | None:
        """The namespace's contract under which it was written."""
        return self.metadata.get(META_CONTRACT_HASH)

    @property
    def rows(self) -> int:
        """Rows of the file, keys that match no record included."""
        return self.source.rows

    @property
    def keys_are_unique(self) -> bool:
        """Whether USR wrote this very file, which has each key once.

        Another writer that copies the metadata writes other rows, or no Bloom filters; its keys have to be looked at.
        """
        file = self.source.file.metadata
        leaf = next(at for at in range(file.num_columns) if file.schema.column(at).path == self.key)
        # Written at the end, so it is in the footer and not in the Arrow schema, which most tools copy.
        note = (file.metadata or {}).get(META_UNIQUE_KEYS.encode())
        return note == str(self.rows).encode() and all(
            file.row_group(group).column(leaf).bloom_filter_offset is not None for group in range(file.num_row_groups)
        )

    @property
    def size_bytes(self) -> int:
        """Bytes of the file."""
        return self.source.size_bytes


def unique_keys_note(rows: int) -> dict[str, str]:
    """Return the metadata with which USR says that the keys of a file of `rows` rows are unique."""
    return {META_UNIQUE_KEYS: str(rows)}


class KeyFilters(Protocol):
    """Tells which parts of a namespace may have some ids, where that is known without opening them."""

    def may_hold(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Return for each part False where it has none of the ids with these hashes."""


@dataclass(frozen=True, slots=True)
class NamespaceOverlay:
    """The files of one namespace in write order: oldest first, so that a later assignment wins.

    Attributes:
        filters: What is known of the keys of its parts without opening them.
    """

    namespace: str
    parts: tuple[OverlayPart, ...]
    filters: KeyFilters | None = None

    @property
    def rows(self) -> int:
        """Rows of all parts; a key that occurs in several counts in each."""
        return sum(part.rows for part in self.parts)

    @property
    def size_bytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.size_bytes for part in self.parts)

    def close(self) -> None:
        """Close every part."""
        for part in self.parts:
            part.source.close()


def list_overlays(
    tree: FileTree,
    *,
    namespaces: Collection[str] | None = None,
    on_problem: Callable[[UsrError], None] | None = None,
) -> dict[str, NamespaceOverlay]:
    """Open the overlays of a dataset and read their footers.

    Args:
        tree: The dataset's files.
        namespaces: The namespaces that are wanted, or None for all; one without overlay is not in the result.
            A file beside a folder is an error in every namespace, wanted or not.
        on_problem: Takes what is wrong with one namespace or one part instead of its being raised; that one
            is then left out. For `validate`, which lists everything.

    Returns:
        Namespaces in the order of their names, each with its parts in write order. The caller closes them.

    Raises:
        AmbiguousOverlay: A namespace is both a file and a folder that holds a part.
        OverlayUnreadable: A file is not a whole Parquet file (`OverlayVanished` where it was removed meanwhile).
        OverlayNotStamped: A file lacks the metadata of an overlay, or its key column.
        FileSystemError: A file can't be opened; too many of them, for one.
    """
    paths = overlay_paths(tree, on_problem=on_problem)
    wanted = [(ns, path) for ns, files in paths.items() if namespaces is None or ns in namespaces for path in files]
    found: dict[str, list[OverlayPart]] = {}
    for part in open_parts(tree, wanted, on_problem=on_problem):
        found.setdefault(part.namespace, []).append(part)
    return {ns: NamespaceOverlay(ns, in_write_order(parts)) for ns, parts in found.items()}


def in_write_order(parts: Iterable[OverlayPart]) -> tuple[OverlayPart, ...]:
    """Return parts of one namespace, oldest first."""
    return tuple(sorted(parts, key=lambda part: (part.created_at_us, part.name)))


def open_parts(
    tree: FileTree, wanted: Sequence[tuple[str, str]], *, on_problem: Callable[[UsrError], None] | None = None
) -> list[OverlayPart]:
    """Open overlay files (namespace, relative name) and read their footers; errors as `list_overlays`."""
    allow_descriptors(len(wanted))

    def attempt(item: tuple[str, str]) -> OverlayPart | UsrError:
        try:
            return _open_part(tree, *item)
        except UsrError as error:
            return error

    outcomes = _attempt_all(attempt, wanted)
    opened = [outcome for outcome in outcomes if isinstance(outcome, OverlayPart)]
    for outcome in outcomes:
        if isinstance(outcome, UsrError):
            if on_problem is None:
                for part in opened:
                    part.source.close()
                raise outcome
            on_problem(outcome)
    return opened


def newest_stamp(tree: FileTree, namespace: str) -> int | None:
    """Return the newest stamp among the parts of a namespace, None where it has none.

    Each footer is read once in a process: parts are never modified in place.

    Raises:
        UsrError: As `list_overlays`.
    """
    stamps = []
    for relative in overlay_paths(tree).get(namespace, ()):
        path = tree.path(relative)
        file = None if path is None else _identity(path)
        if file is None or file not in _STAMPS:
            part = _open_part(tree, namespace, relative)
            part.source.close()
            stamps.append(part.created_at_us)
            if file is not None:
                _STAMPS[file] = part.created_at_us
        else:
            stamps.append(_STAMPS[file])
    return max(stamps, default=None)


def _identity(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _attempt_all(
    attempt: Callable[[tuple[str, str]], OverlayPart | UsrError], wanted: Sequence[tuple[str, str]]
) -> list[OverlayPart | UsrError]:
    """Open all parts: one after the other where that is quick, on threads where each open waits for a server."""
    started = perf_counter()
    outcomes = [attempt(item) for item in wanted[:_FOOTER_SAMPLE]]
    if len(wanted) <= _FOOTER_SAMPLE or perf_counter() - started < _FOOTER_SAMPLE * _SLOW_FOOTER_SECONDS:
        # On a local disk threads would cost three times as much as they save: a footer is mostly Python.
        return outcomes + [attempt(item) for item in wanted[_FOOTER_SAMPLE:]]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_FOOTER_THREADS, "usr-footers") as pool:
        return outcomes + list(pool.map(attempt, wanted[_FOOTER_SAMPLE:], chunksize=16))


def _open_part(tree: FileTree, namespace: str, relative: str) -> OverlayPart:
    path = tree.path(relative)
    if path is None:
        raise OverlayVanished(file=relative, cause="it is gone")
    try:
        source = OpenParquet.open(path)
    except FileNotFoundError as error:
        raise OverlayVanished(file=relative, cause="it is gone") from error
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a name in the footer that is not UTF-8
        if isinstance(error, OSError) and error.errno is not None:
            raise file_system_error(error, path, f"read the overlay file {relative}") from error
        raise OverlayUnreadable(file=relative, cause=error) from error
    try:
        return _described(source, namespace, relative)
    except UsrError:
        source.close()
        raise


def _described(source: OpenParquet, namespace: str, relative: str) -> OverlayPart:
    metadata = {
        name.decode("utf-8", "replace"): value.decode("utf-8", "replace")
        for name, value in (source.schema.metadata or {}).items()
        if name.startswith(b"usr:")
    }
    key, created_at_us = read_stamp(metadata, source.schema.names, relative=relative)
    return OverlayPart(
        relative=relative,
        namespace=namespace,
        source=source,
        key=key,
        created_at_us=created_at_us,
        metadata=metadata,
        columns=tuple(field for field in source.schema if field.name != key),
    )
