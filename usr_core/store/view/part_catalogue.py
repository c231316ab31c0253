"""What is remembered of the parts of a dataset, so that thousands of them are not opened for a few rows (ADR 0027).

One file in the user's cache for each dataset: for every part its size, inode and times, what its footer says, and the
Bloom filters of its keys. A part is known where its file has that size, inode and times; it is opened only if one of
the rows may be in it, and its footer is held against a digest then. A file that is missing, damaged, foreign or of
another state of the dataset tells nothing of parts that it does not name, and those are opened as they always were.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.commit.file_tree import FileTree
from usr_core.store.base.parquet import OpenParquet, footer_bytes
from usr_core.store.parts.bloom import BloomFilter, any_held
from usr_core.store.parts.files import NamespaceOverlay, OverlayPart, in_write_order, list_overlays, open_parts
from usr_core.store.parts.present import overlay_paths
from usr_core.store.parts.stamps import META_CREATED_AT, OverlayKey

__all__ = ["Overtaken", "list_remembered"]

_FEWEST = 32
"""Fewer parts are opened in less time than it takes to look here."""
_WORTH_WRITING = 8
_MAGIC = b"USRPART1"
_DIGEST_BYTES = 16
_INLINE_BLOCKS, _ALL_BLOCKS = 256, 1 << 20
"""Blocks of 32 bytes: of one filter that is kept here, and of all; larger ones are asked in the part itself."""
_SETTLED_NS = 20_000_000
"""A file that was changed a moment ago could be changed again within one tick of the file system's clock."""
_WIDTHS = (8, 4, 8)
"""Numbers of a part (identity, rows, time, schema, notes), of a row group (part, place and blocks of its filter, where
these are here or -1), and of a block."""

Numbers = npt.NDArray[np.int64]
Blocks = npt.NDArray[np.uint32]


class Overtaken(Exception):
    """A part that was listed a moment ago is gone, or is another file."""


class _Identity(NamedTuple):
    """What tells a file from every other one, and from itself before a change in place."""

    size: int
    inode: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Identity:
        return cls(status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


class _LateParquet(OpenParquet):
    """A Parquet file that is opened when something is read of it; its size, rows and schema are known before.

    Raises:
        Overtaken: From everything that opens it, where it is another file now.
    """

    __slots__ = ("_file", "_footer", "_handle", "_identity", "_name", "_rows")

    _file: pq.ParquetFile | None
    _footer: str
    _handle: pa.OSFile | None
    _identity: _Identity
    _name: str
    _rows: int

    def __init__(self, name: str, schema: pa.Schema, *, rows: int, identity: _Identity, footer: str) -> None:
        put = object.__setattr__  # the class that this is made from is frozen
        put(self, "schema", schema)
        put(self, "cut_from", None)
        put(self, "_name", name)
        put(self, "_rows", rows)
        put(self, "_identity", identity)
        put(self, "_footer", footer)
        put(self, "_handle", None)
        put(self, "_file", None)

    @property
    def path(self) -> Path:
        return Path(self._name)  # made where it is asked for: thousands take longer than all else here

    @property
    def handle(self) -> pa.OSFile:
        if self._handle is None:
            try:
                handle = pa.OSFile(self._name, "rb")
            except OSError as error:
                raise Overtaken from error
            if _Identity.of(os.fstat(handle.fileno())) != self._identity:
                handle.close()
                raise Overtaken
            object.__setattr__(self, "_handle", handle)
        return self._handle

    @property
    def file(self) -> pq.ParquetFile:
        if self._file is None:
            if _footer_digest(self.handle) != self._footer:
                raise Overtaken
            object.__setattr__(self, "_file", self.whole(self.handle))
        return self._file

    @property
    def rows(self) -> int:
        return self._rows

    @property
    def size_bytes(self) -> int:
        return self._identity.size

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()


class _Schema(NamedTuple):
    """What parts of one kind have in common."""

    key: str
    schema: pa.Schema
    columns: tuple[pa.Field, ...]


class _Catalogue:
    """The parts of one dataset.

    Attributes:
        places: Name of each part, and its place in the rest.
    """

    def __init__(self, texts: Mapping[str, Any], numbers: Numbers, groups: Numbers, blocks: Blocks) -> None:
        self._texts, self._numbers, self.groups, self.blocks = texts, numbers, groups, blocks
        self.places = {name: at for at, name in enumerate(texts["names"])}
        self._facts = [tuple(one) for one in numbers.tolist()]
        self._schemas = [_schema(key, base64.b64decode(text)) for key, text in texts["schemas"]]

    @classmethod
    def read(cls, place: Path) -> _Catalogue:
        """Return what a file says; nothing where it is not a whole one."""
        try:
            content = memoryview(place.read_bytes())
            os.utime(place)  # used now
            start = len(_MAGIC) + _DIGEST_BYTES
            if content[: len(_MAGIC)] != _MAGIC or content[len(_MAGIC) : start] != _digest(content[start:]):
                return cls.empty()
            end = start + 8 + int.from_bytes(content[start : start + 8], "little")
            texts = json.loads(bytes(content[start + 8 : end]))
            arrays = []
            for count, width, kind in zip(texts["counts"], _WIDTHS, ("<i8", "<i8", "<u4"), strict=True):
                array = np.frombuffer(content, kind, count=count * width, offset=end).reshape(count, width)
                arrays.append(array)
                end += array.nbytes
            return cls(texts, *arrays)
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            return cls.empty()

    @classmethod
    def empty(cls) -> _Catalogue:
        """Return a catalogue that says nothing."""
        arrays = [np.empty((0, width), kind) for width, kind in zip(_WIDTHS, ("<i8", "<i8", "<u4"), strict=True)]
        return cls({"names": [], "created": [], "footers": [], "schemas": [], "notes": []}, *arrays)

    def part(self, namespace: str, relative: str, path: str) -> OverlayPart | None:
        """Return a part that is as it was when it was remembered, closed; None where it is not, or not known."""
        at = self.places.get(relative)
        if at is None:
            return None
        *identity, rows, created_at_us, schema, notes = self._facts[at]
        try:
            found = _Identity.of(os.stat(path))  # noqa: PTH116 - for each of thousands
        except OSError:
            return None
        if found != tuple(identity):
            return None
        kind = self._schemas[schema]
        footer = self._texts["footers"][at]
        return OverlayPart(
            relative=relative,
            namespace=namespace,
            source=_LateParquet(path, kind.schema, rows=rows, identity=found, footer=footer),
            key=cast("OverlayKey", kind.key),
            created_at_us=created_at_us,
            metadata={**self._texts["notes"][notes], META_CREATED_AT: self._texts["created"][at]},
            columns=kind.columns,
        )

    def extend(self, place: Path, parts: Sequence[OverlayPart], *, kept: Collection[str]) -> None:
        """Write a catalogue of these open parts, and of those here whose names are `kept`.

        Raises:
            OSError: The file can't be written.
        """
        mine = {part.relative for part in parts}
        stay = [at for name, at in self.places.items() if name in kept and name not in mine]
        new = np.full(len(self.places), -1, np.int64)
        new[stay] = np.arange(len(stay))
        old_groups = self.groups[new[self.groups[:, 0]] >= 0]
        made = _Making({name: [self._texts[name][at] for at in stay] for name in ("names", "created", "footers")})
        made.texts |= {name: list(self._texts[name]) for name in ("schemas", "notes")}
        made.numbers += [list(self._facts[at]) for at in stay]
        for part, start, count, inline in old_groups.tolist():
            made.add_group(int(new[part]), start, count, self.blocks[inline : inline + count] if inline >= 0 else None)
        for part in parts:
            made.add(part)
        made.write(place)


class _Making:
    """A catalogue that is put together."""

    def __init__(self, texts: dict[str, list[Any]]) -> None:
        self.texts = texts
        self.numbers: list[list[int]] = []
        self._groups: list[tuple[int, int, int, int]] = []
        self._blocks: list[Blocks] = []
        self._block_count = 0

    def add(self, part: OverlayPart) -> None:
        """Add an open part, unless its file was changed a moment ago."""
        source = part.source
        identity = _Identity.of(os.fstat(source.handle.fileno()))
        if time.time_ns() - max(identity.mtime_ns, identity.ctime_ns) < _SETTLED_NS:
            return
        number = len(self.numbers)
        schema = [part.key, base64.b64encode(source.schema.remove_metadata().serialize().to_pybytes()).decode()]
        notes = {name: value for name, value in part.metadata.items() if name != META_CREATED_AT}
        places = [_place_in(self.texts["schemas"], schema), _place_in(self.texts["notes"], notes)]
        self.numbers.append([*identity, part.rows, part.created_at_us, *places])
        self.texts["names"].append(part.relative)
        self.texts["created"].append(part.created_at)
        self.texts["footers"].append(_footer_digest(source.handle))
        metadata = source.file.metadata
        leaf = next(at for at in range(metadata.num_columns) if metadata.schema.column(at).path == part.key)
        for group in range(metadata.num_row_groups):
            bloom = BloomFilter.of(source.handle, metadata.row_group(group).column(leaf))
            if bloom is None or part.key != "id":
                self.add_group(number, 0, 0, None)
            else:
                here = bloom.blocks <= _INLINE_BLOCKS
                self.add_group(number, bloom.offset, bloom.blocks, bloom.content() if here else None)

    def add_group(self, part: int, start: int, count: int, blocks: Blocks | None) -> None:
        """Add the filter of one row group: its place in the part, its blocks, and these where they are kept here."""
        inline = -1
        if blocks is not None and self._block_count + count <= _ALL_BLOCKS:
            inline = self._block_count
            self._blocks.append(blocks)
            self._block_count += count
        self._groups.append((part, start, count, inline))

    def write(self, place: Path) -> None:
        from usr_core.store.ids.position_cache.catalogue import write_whole

        arrays = [
            np.array(self.numbers, "<i8").reshape(-1, _WIDTHS[0]),
            np.array(self._groups, "<i8").reshape(-1, _WIDTHS[1]),
            np.concatenate([np.empty((0, _WIDTHS[2]), "<u4"), *self._blocks]),
        ]
        texts = json.dumps(self.texts | {"counts": [len(one) for one in arrays]}).encode()
        body = b"".join([len(texts).to_bytes(8, "little"), texts, *(one.tobytes() for one in arrays)])
        write_whole(place, _MAGIC + _digest(body) + body)


class _Filters:
    """The Bloom filters of one namespace's ids, asked at once: of those parts in `late`, which are remembered."""

    def __init__(self, catalogue: _Catalogue, parts: Sequence[OverlayPart], late: Collection[str]) -> None:
        self._catalogue = catalogue
        self._parts = [(part, catalogue.places[part.relative] if part.relative in late else -1) for part in parts]

    def may_hold(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Return for each part whether one of the ids with these hashes may be in it."""
        blocks = self._catalogue.blocks
        part, start, count, inline = self._catalogue.groups.T
        kept = inline >= 0
        some = np.zeros(len(self._catalogue.places), np.bool_)
        some[part[kept][any_held(blocks, inline[kept], count[kept], hashes)]] = True
        some[part[count == 0]] = True
        asked: dict[int, list[tuple[int, int]]] = {}
        for at in np.flatnonzero(~kept & (count > 0)).tolist():
            asked.setdefault(int(part[at]), []).append((int(start[at]), int(count[at])))

        def may(one: OverlayPart, at: int) -> bool:
            if at < 0 or some[at]:
                return True
            filters = (BloomFilter(one.source.handle, *place) for place in asked.get(at, ()))
            return any(bool(bloom.may_hold(hashes).any()) for bloom in filters)

        return np.array([may(one, at) for one, at in self._parts], np.bool_)


def list_remembered(tree: FileTree, *, namespaces: Collection[str] | None = None) -> dict[str, NamespaceOverlay]:
    """List overlays as `list_overlays` does, for a few rows: parts that are remembered are opened when they are read.

    What is opened in vain is remembered from now on. The caller starts again with `list_overlays` on `Overtaken`.

    Raises:
        AmbiguousOverlay, OverlayUnreadable, OverlayNotStamped, FileSystemError: As `list_overlays`.
    """
    paths = overlay_paths(tree)
    wanted = [(ns, path) for ns, files in paths.items() if namespaces is None or ns in namespaces for path in files]
    place = _place(tree.folder) if len(wanted) >= _FEWEST else None
    if place is None:
        return list_overlays(tree, namespaces=namespaces)
    catalogue = _Catalogue.read(place)
    parts: dict[str, OverlayPart] = {}
    for namespace, relative in wanted:
        path = _path(tree, relative)
        part = None if path is None else catalogue.part(namespace, relative, path)
        if part is not None:
            parts[relative] = part
    late = set(parts)
    missing = [item for item in wanted if item[1] not in parts]
    opened = open_parts(tree, missing)
    parts.update((part.relative, part) for part in opened)
    if len(missing) >= _WORTH_WRITING:
        with contextlib.suppress(OSError):
            catalogue.extend(place, opened, kept={relative for files in paths.values() for relative in files})
    found = {}
    for namespace, files in paths.items():
        if namespaces is None or namespace in namespaces:
            mine = in_write_order(parts[relative] for relative in files)
            found[namespace] = NamespaceOverlay(namespace, mine, _Filters(catalogue, mine, late))
    return found


def _path(tree: FileTree, relative: str) -> str | None:
    if not tree.moved and not tree.absent:
        return f"{tree.folder}/{relative}"
    path = tree.path(relative)
    return None if path is None else str(path)


def _place(folder: Path) -> Path | None:
    from usr_core.store.ids.position_cache.catalogue import parts_file

    return parts_file(os.fsencode(os.path.realpath(folder)))


def _footer_digest(handle: pa.NativeFile) -> str:
    return _digest(footer_bytes(handle)).hex()


def _digest(content: bytes | memoryview) -> bytes:
    import hashlib  # which loads OpenSSL: not for a few parts

    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _schema(key: str, content: bytes) -> _Schema:
    schema = pa.ipc.read_schema(pa.py_buffer(content))
    return _Schema(key, schema, tuple(field for field in schema if field.name != key))


def _place_in(values: list[Any], value: object) -> int:
    if value not in values[-_WORTH_WRITING:]:
        values.append(value)
    return len(values) - 1 - values[::-1].index(value)
