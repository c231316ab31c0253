"""Rows of a base by id, from what is remembered of it; remembering a base, and what an append adds to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.id_stream import FoundRows, digits_of_words
from usr_core.store.ids.position_cache.catalogue import (
    BaseIdentity,
    new_segment,
    note_question,
    positions_folder,
    read_list,
    was_asked,
    write_list,
)
from usr_core.store.ids.position_cache.segment import NotBelieved, Segment, SegmentWriter
from usr_core.store.ids.words import IdWords, words_of_ids
from usr_core.store.parts.bloom import BloomFilter, hash_ids

__all__ = ["CachedRows", "extend_cache", "open_cache"]

Rows = npt.NDArray[np.int64]

_CACHED_FROM_ROWS = 262_144
"""The ids of a smaller base are read in less time than it takes to look here."""
_SEGMENT_ROWS, _JOINED_ROWS = 1 << 21, 1 << 20
"""Of a base that is remembered the first time, and of what appends add to it, at most."""
_BATCH_ROWS = 32_768
_CHECKED_ROWS = 16
"""Found rows that are held against the base at most, evenly spread: of another base's one in a thousand would pass."""
_THREADS = 2


class CachedRows:
    """The rows of one base, by id."""

    def __init__(self, base: OpenParquet, segments: Sequence[Segment], *, listed: Path) -> None:
        self._base, self._segments, self._listed = base, segments, listed

    def find(self, words: IdWords) -> FoundRows | None:
        """Return where these ids stand, or None where the base has to be asked.

        That is where one stands in several rows, and where the cache is not what it should be, which goes then. Some of
        what is found is held against the Bloom filters of the base's own row groups. Exact, whatever the ids are; none
        of them may be bad.
        """
        order = np.argsort(words.prefixes())
        sought = words.at(order)
        prefixes = sought.prefixes()
        found, start = np.full(len(words), -1, np.int64), 0
        try:
            for segment in self._segments:
                rows, repeated = segment.find(sought, prefixes)
                hit = np.flatnonzero(rows >= 0)
                if repeated or (found[hit] >= 0).any():
                    return None
                found[hit] = rows[hit] + start
                start += segment.rows
            found[found >= self._base.rows] = -1  # of the same file, but not of an earlier version that is asked
            self._refuse_foreign(sought, found)
        except NotBelieved:
            with contextlib.suppress(OSError):
                self._listed.unlink()
            return None
        rows = np.empty(len(words), np.int64)
        rows[order] = found
        return FoundRows(rows, False)

    def _refuse_foreign(self, words: IdWords, rows: Rows) -> None:
        """Refuse rows in whose row group the base has no such id; a cache of another base has no other.

        Raises:
            NotBelieved: One of those looked at is such a row.
        """
        hit = np.flatnonzero(rows >= 0)
        if not len(hit):
            return
        hit = hit[:: -(-len(hit) // _CHECKED_ROWS)]
        hashes = hash_ids(digits_of_words(words.at(hit)))
        metadata = self._base.file.metadata
        leaf = next(at for at in range(metadata.num_columns) if metadata.schema.column(at).path == "id")
        stop = 0
        for group in range(metadata.num_row_groups):
            facts = metadata.row_group(group)
            start, stop = stop, stop + facts.num_rows
            inside = (rows[hit] >= start) & (rows[hit] < stop)
            if inside.any():
                bloom = BloomFilter.of(self._base.handle, facts.column(leaf))
                if bloom is not None and not bloom.may_hold(hashes[inside]).all():
                    raise NotBelieved(self._base.path)


def open_cache(base: OpenParquet, *, make: bool, later: bool = False) -> CachedRows | None:
    """Return what is remembered of a base, or None where nothing is: use its ids then.

    Args:
        base: The base, which stays open meanwhile.
        make: Read its ids and remember them where nothing is known yet; not for a base of which only some rows count.
        later: The first time note only that the base was asked about: its ids, read once, answer in half the time
            that remembering them takes.

    Raises:
        pa.ArrowException, OSError: A page of the base is damaged or can't be read.

    Memory: 60 MiB while a base is remembered, whatever its size.
    """
    folder = _folder_for(base)
    if folder is None:
        return None
    identity = BaseIdentity.of(base)
    segments: list[Segment] | None = None
    with contextlib.suppress(NotBelieved):
        segments = read_list(folder, identity)
    make = make and base.cut_from is None
    if segments is None and make and later and not was_asked(folder, identity):
        note_question(folder, identity)
        return None
    if segments is None and make:
        segments = _remember(folder, identity, base, 0)
    return CachedRows(base, segments, listed=folder / identity.name) if segments else None


def extend_cache(before: OpenParquet, appended: Path) -> None:
    """Remember the base that an append made, where the one before it is remembered: only the new rows are read.

    What was only noted of the one before is noted of the new one.

    Args:
        before: The base before; its rows are the first ones of the new one, in the same order.
        appended: The new one, which is opened where there is something to add to.

    Raises:
        pa.ArrowException, OSError: A page of the base is damaged or can't be read.
    """
    folder = _folder_for(before)
    if folder is None:
        return
    segments: list[Segment] | None = None
    identity = BaseIdentity.of(before)
    with contextlib.suppress(NotBelieved):
        segments = read_list(folder, identity)
    if segments or (segments is None and was_asked(folder, identity)):
        with contextlib.closing(OpenParquet.open(appended)) as base:
            if segments:
                _remember(folder, BaseIdentity.of(base), base, before.rows, known=segments)
            else:
                note_question(folder, BaseIdentity.of(base))


def _folder_for(base: OpenParquet) -> Path | None:
    """Return where a base is remembered; None where it is not, without a look at the disk for a small one."""
    rows = base.rows if base.cut_from is None else base.cut_from
    return None if rows < _CACHED_FROM_ROWS else positions_folder()


def _remember(
    folder: Path, identity: BaseIdentity, base: OpenParquet, first_row: int, *, known: Sequence[Segment] = ()
) -> list[Segment] | None:
    """Write the ids from `first_row` on behind the `known` segments; None where they can't be kept.

    Without rows to find it is [].
    """
    kept = list(known)
    try:
        for groups in _runs_of_groups(base, first_row):
            rows, joined = sum(count for _, count in groups), list[Segment]()
            while kept and kept[-1].rows <= 2 * rows and kept[-1].rows + rows <= _JOINED_ROWS:
                joined.insert(0, kept.pop())
                rows += joined[0].rows
            path, token = new_segment(folder)
            with SegmentWriter(path, rows, token=token) as writer:
                start = 0
                for segment in joined:
                    writer.put(start, segment.words())
                    start += segment.rows
                if not _put_groups(writer, start, base, groups):
                    kept = []
                    break
                writer.finish()
            kept.append(Segment(path, token=token, rows=rows))
        write_list(folder, identity, [(segment.token, segment.rows) for segment in kept])
    except (NotBelieved, OSError):  # a full disk, no access: it works without
        return None
    return kept


def _runs_of_groups(base: OpenParquet, first_row: int) -> Iterator[list[tuple[int, int]]]:
    """Yield the row groups with rows from `first_row` on, and of each how many of its last rows these are, in runs."""
    metadata = base.file.metadata
    groups: list[tuple[int, int]] = []
    stop = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        stop += rows
        wanted = min(rows, stop - first_row)
        if wanted > 0:
            if groups and sum(count for _, count in groups) + wanted > _SEGMENT_ROWS:
                yield groups
                groups = []
            groups.append((group, wanted))
    if groups:
        yield groups


def _put_groups(writer: SegmentWriter, start: int, base: OpenParquet, groups: Sequence[tuple[int, int]]) -> bool:
    """Put the last so many ids of each row group, from `start` on; False where one is no id, and some are missing."""
    good = True

    def put(start: int, group: int, skipped: int) -> None:
        nonlocal good
        at = start - skipped
        for batch in base.reader().iter_batches(_BATCH_ROWS, row_groups=[group], columns=["id"], use_threads=False):
            ids: pa.Array = batch.column(0).slice(max(0, start - at))
            words = words_of_ids(ids)
            good &= not len(words.bad)
            if not good:
                return
            writer.put(max(at, start), words)
            at += batch.num_rows

    with ThreadPoolExecutor(_THREADS, "usr-remember") as pool:
        waiting = []
        for group, count in groups:
            waiting.append(pool.submit(put, start, group, base.file.metadata.row_group(group).num_rows - count))
            start += count
        for one in waiting:
            one.result()
    return good
