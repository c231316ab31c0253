"""The merged values of a few base rows, without an index of the base.

Each part is asked whether it may hold the rows' ids (Bloom filter), and only then are its ids read, a
page at a time, until those are found. Of a part that another writer made they are read to the end, because it
may have one of them twice; whether it has others twice is not looked for here. Parts are visited from the newest;
one is passed over when nothing it could say is still open. The cost depends on the number of parts, not on the
base's size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import conform
from usr_core.store.base.pages import FilePages
from usr_core.store.ids.keys import keys_from_sequences
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.row_numbers import valid_rows
from usr_core.store.ids.texts import FEW_IDS, places_of_few
from usr_core.store.parts.bloom import BloomFilter, hash_ids
from usr_core.store.parts.errors import OverlayKeyFault, OverlayUnreadable
from usr_core.store.parts.files import NamespaceOverlay, OverlayPart
from usr_core.store.view.contributions import Contribution, merge_column

__all__ = ["PointRows", "merge_points"]

_BUFFERED = 64 << 10
_BATCH = 1_024
_MANY = 8_192
"""Keys of a batch where a few ids are looked for, which takes no longer than reading it does."""
_ID = re.compile(rb"[0-9a-f]{40}")
_Rows = npt.NDArray[np.int32]


class PointRows:
    """A few base rows, by their ids in row order.

    Args:
        ids: String array.
        bio_type: Of all records of the dataset; needed only where a part is keyed by sequence.
    """

    def __init__(self, ids: pa.Array, *, bio_type: str | None = None) -> None:
        self.ids = ids
        self.bio_type = bio_type
        self.index = BaseIndex.from_ids([ids])

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """Bloom hashes of those ids that are ids; nothing else matches anything."""
        return hash_ids(np.frombuffer(b"".join(text for text, _ in self.texts), np.uint8).reshape(-1, 40))

    @cached_property
    def texts(self) -> list[tuple[bytes, int]]:
        """The letters of those ids that are ids, each with its point, in the order of `hashes`."""
        texts = [(text.encode("utf-8"), at) for at, text in enumerate(self.ids.to_pylist()) if text is not None]
        return [(text, at) for text, at in texts if _ID.fullmatch(text)]


@dataclass(frozen=True, slots=True)
class _Found:
    group: int
    inside: _Rows  # rows of the row group, ascending
    points: _Rows  # for each the point it belongs to


def merge_points(
    overlay: NamespaceOverlay, kinds: Mapping[str, pa.DataType], points: PointRows, below: Mapping[str, pa.Array]
) -> dict[str, pa.Array]:
    """Return the newest value of each column of one namespace for each point.

    Args:
        overlay: The namespace; its parts are keyed by id, sequence or sequence_norm.
        kinds: Name and plain type of the columns.
        points: The rows.
        below: Materialized columns of the same rows.

    Raises:
        OverlayKeyFault: A part that is looked at has several rows for one of the points.
    """
    found: dict[str, list[Contribution]] = {name: [] for name in kinds}
    open_ = {name: np.ones(len(points), np.bool_) for name in kinds}
    worth = (
        np.ones(len(overlay.parts), np.bool_) if overlay.filters is None else overlay.filters.may_hold(points.hashes)
    )
    for number in np.flatnonzero(worth)[::-1].tolist():
        part = overlay.parts[number]
        names = [field.name for field in part.columns if field.name in kinds and open_[field.name].any()]
        if not names or not part.rows:
            continue
        for rows, picked, batch in _read(part, points, names):
            for name in names:
                values = conform(batch.column(name), kinds[name])
                found[name].append(Contribution(rows, values, picked))
                valid = valid_rows(values)
                open_[name][rows if valid is None else rows[valid[picked]]] = False
    for name, values in below.items():
        found[name].append(Contribution(slice(0, len(points)), values))
    return {name: merge_column(kinds[name], len(points), found[name][::-1]) for name in kinds}


def _read(part: OverlayPart, points: PointRows, names: list[str]) -> Iterator[tuple[_Rows, _Rows, pa.RecordBatch]]:
    try:
        for one in _find(part, points):
            yield from _values(part, one, names)
    except (pa.ArrowException, OSError) as error:
        raise OverlayUnreadable(file=part.relative, cause=error) from error


def _find(part: OverlayPart, points: PointRows) -> Iterator[_Found]:
    """Yield where the points stand in `part`, row group by row group."""
    metadata = part.source.file.metadata
    leaf = next(i for i in range(metadata.num_columns) if metadata.schema.column(i).path == part.key)
    sought, unique = len(points), part.keys_are_unique
    seen = np.zeros(len(points), np.bool_)
    for group in range(metadata.num_row_groups):
        most, likely = sought, points.texts
        if part.key == "id":
            bloom = BloomFilter.of(part.source.handle, metadata.row_group(group).column(leaf))
            if bloom is not None:
                maybe = bloom.may_hold(points.hashes)
                most = min(most, int(np.count_nonzero(maybe)))
                likely = [likely[at] for at in np.flatnonzero(maybe).tolist()]
        if most <= 0:
            continue
        inside, at = _scan(part, group, points, likely, most if unique else metadata.row_group(group).num_rows)
        if not len(inside):
            continue
        if unique:
            sought -= len(inside)
        else:
            _refuse_repeats(part, points, at, seen)
        repeats = points.index.duplicates()
        for row, first in zip(repeats.rows, repeats.firsts, strict=True):
            again = inside[at == first]
            inside, at = np.append(inside, again), np.append(at, np.full(len(again), row, np.int32))
        order = np.argsort(inside, kind="stable")
        yield _Found(group, inside[order], at[order])


def _refuse_repeats(part: OverlayPart, points: PointRows, at: _Rows, seen: npt.NDArray[np.bool_]) -> None:
    """Refuse a second row for a point; `seen` says which of them earlier row groups have, and is brought up to date."""
    counts = np.bincount(at, minlength=len(points))
    again = np.flatnonzero(counts + seen > 1)
    if len(again):
        from usr_core.store.view.placement import KEYS_NAMED

        raise OverlayKeyFault(
            part.relative,
            key=part.key,
            fault="a key occurs more than once",
            count=int((counts + seen)[again].sum()) - len(again),
            values=[str(points.ids[int(row)]) for row in again[:KEYS_NAMED]],
        )
    seen[at] = True


def _scan(
    part: OverlayPart, group: int, points: PointRows, likely: list[tuple[bytes, int]], most: int
) -> tuple[_Rows, _Rows]:
    """Read the keys of one row group until `most` points are found; none but those of `likely` can be there."""
    few = dict(reversed(likely))  # of points with one id the first
    if part.key == "id":
        places = FilePages(part.source).find(group, "id", list(few), most=most)
        if places is not None:
            return places[0].astype(np.int32), np.array(list(few.values()), np.int32)[places[1]]
    inside: list[_Rows] = []
    at: list[_Rows] = []
    done = found = 0
    reader = part.source.reader(buffered=_BUFFERED)
    rows = _MANY if len(few) <= FEW_IDS else _BATCH
    for batch in reader.iter_batches(rows, row_groups=[group], columns=[part.key], use_threads=False):
        keys = batch.column(0)
        if part.key != "id":
            assert points.bio_type is not None
            keys = keys_from_sequences(keys, bio_type=points.bio_type, upper=False)
        if len(few) <= FEW_IDS and pa.types.is_string(keys.type):
            positions = places_of_few(few, keys)
        else:
            positions = points.index.positions(keys)
        hits = np.flatnonzero(positions >= 0).astype(np.int32)
        if len(hits):
            inside.append(hits + np.int32(done))
            at.append(positions[hits])
            found += len(hits)
            if found >= most:
                break
        done += len(batch)
    none = np.empty(0, np.int32)
    return (np.concatenate(inside), np.concatenate(at)) if inside else (none, none)


def _values(part: OverlayPart, found: _Found, names: list[str]) -> Iterator[tuple[_Rows, _Rows, pa.RecordBatch]]:
    """Yield for each batch that holds some of the points: the points, their rows in the batch, the batch."""
    whole = _by_page(part, found, names)
    if whole is not None:
        yield found.points, np.arange(len(found.points), dtype=np.int32), whole
        return
    done, left = 0, 0
    reader = part.source.reader(buffered=_BUFFERED)
    for batch in reader.iter_batches(_BATCH, row_groups=[found.group], columns=names, use_threads=False):
        right = int(np.searchsorted(found.inside, done + len(batch)))
        if right > left:
            yield found.points[left:right], found.inside[left:right] - np.int32(done), batch
        done, left = done + len(batch), right
        if left == len(found.inside):
            return


def _by_page(part: OverlayPart, found: _Found, names: list[str]) -> pa.RecordBatch | None:
    """Return the values of the points from single pages, or None where that is not possible."""
    kinds = {name: part.source.schema.field(name).type for name in names}
    values = FilePages(part.source).rows(found.group, found.inside.astype(np.int64), kinds)
    return None if values is None else pa.RecordBatch.from_arrays(list(values.values()), names=names)
