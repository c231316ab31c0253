"""Values that were kept for records which are not there: new records of these ids take them up again.

Dropping rows leaves the values of other namespaces on disk. Whoever adds records says how many of them get such values,
because nothing in the file that was imported told of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.registry.document import TOMBSTONE_NAMESPACE
from usr_core.store.ids.keys import keys_from_sequences
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.row_numbers import any_valid
from usr_core.store.parts.bloom import BloomFilter, hash_ids
from usr_core.store.parts.files import NamespaceOverlay, OverlayPart, list_overlays
from usr_core.store.parts.present import overlay_paths

__all__ = ["count_kept_values", "count_values"]

_MOST_FILES = 64
_MOST_ROWS = 1_000_000
"""Overlays up to so many files and rows are always looked at; larger ones where rows were dropped."""
_ROWS = 32_768


def count_kept_values(
    tree: FileTree, new_ids: Callable[[], Iterator[pa.Array]], *, bio_type: str | None, dropped: bool
) -> int:
    """Return how many new records have a value in an overlay, or a state, already.

    A part that can't be read is passed over, because it does not concern the one who adds records.

    Args:
        tree: The files before the change.
        new_ids: Opens the ids of the new records, each once.
        bio_type: Of all records, for parts keyed by sequence; None where there are several.
        dropped: Whether the base tells that rows were dropped from it. Without that, large overlays are not looked at,
            because only another writer's can hold such values.

    Memory: 33 bytes a new record where there are overlays that count.
    """
    files = sum(len(paths) for name, paths in overlay_paths(tree).items() if name != TOMBSTONE_NAMESPACE)
    if not files or (files > _MOST_FILES and not dropped):
        return 0
    overlays = list_overlays(tree, on_problem=lambda _: None)
    try:
        parts = [part for name, one in overlays.items() if name != TOMBSTONE_NAMESPACE for part in one.parts]
        if not dropped and sum(part.rows for part in parts) > _MOST_ROWS:
            return 0
        return _count({"": parts}, new_ids, bio_type)[""]
    finally:
        for overlay in overlays.values():
            overlay.close()


def count_values(overlays: Mapping[str, NamespaceOverlay], ids: pa.Array, *, bio_type: str | None) -> dict[str, int]:
    """Return for each namespace how many of `ids` have a value in it; those without any are left out.

    A part that can't be read is passed over, as in `count_kept_values`.

    Args:
        overlays: The open overlays.
        ids: Ids, each once.
        bio_type: Of all records, for parts keyed by sequence; None where there are several.
    """
    parts = {name: overlay.parts for name, overlay in overlays.items()}
    return {name: count for name, count in _count(parts, lambda: iter([ids]), bio_type).items() if count}


def _count(
    groups: Mapping[str, Sequence[OverlayPart]], ids: Callable[[], Iterator[pa.Array]], bio_type: str | None
) -> dict[str, int]:
    """Return for each group of parts how many of the ids have a value in it."""
    index = BaseIndex.from_ids(ids())
    if not index.rows:
        return dict.fromkeys(groups, 0)
    hashes = np.concatenate([_hashes(some) for some in ids()])
    counts = {}
    for name, parts in groups.items():
        has = np.zeros(index.rows, np.bool_)
        for part in parts:
            try:
                _mark(part, index, hashes, has, bio_type)
            except (pa.ArrowException, OSError):
                continue
        counts[name] = int(np.count_nonzero(has))
    return counts


def _mark(
    part: OverlayPart,
    index: BaseIndex,
    hashes: npt.NDArray[np.uint64],
    has: npt.NDArray[np.bool_],
    bio_type: str | None,
) -> None:
    """Mark the new records for which `part` has a value."""
    if part.key == "sequence_ci" or (part.key != "id" and bio_type is None):
        return
    metadata = part.source.file.metadata
    leaf = next(at for at in range(metadata.num_columns) if metadata.schema.column(at).path == part.key)
    for group in range(metadata.num_row_groups):
        if part.key == "id":
            bloom = BloomFilter.of(part.source.handle, metadata.row_group(group).column(leaf))
            if bloom is not None and not bloom.may_hold(hashes).any():
                continue
        found = [_positions(keys, part, index, bio_type) for keys in _batches(part, group, [part.key])]
        if not any((positions >= 0).any() for positions in found):
            continue
        columns = [field.name for field in part.columns]
        for positions, values in zip(found, _batches(part, group, columns), strict=True):
            valued = any_valid(values.columns)
            has[positions[(positions >= 0) & valued]] = True


def _positions(
    keys: pa.RecordBatch, part: OverlayPart, index: BaseIndex, bio_type: str | None
) -> npt.NDArray[np.int32]:
    column = keys.column(0)
    if part.key != "id" and bio_type is not None:
        column = keys_from_sequences(column, bio_type=bio_type, upper=False)
    return index.positions(column)


def _batches(part: OverlayPart, group: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
    reader = part.source.reader()
    return iter(reader.iter_batches(_ROWS, row_groups=[group], columns=columns, use_threads=False))


def _hashes(ids: pa.Array) -> npt.NDArray[np.uint64]:
    content = b"".join(text.encode("utf-8") for text in ids.to_pylist())
    return hash_ids(np.frombuffer(content, np.uint8).reshape(-1, 40))
