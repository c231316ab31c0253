"""One namespace's overlay as a single table: a row for each key, the newest value of each column.

Keys become ids. Rows of records come first, in the base's order, then keys that match no record, in the
order of their first appearance (older parts first). Values are merged by the algorithm of the view, a window
at a time; parts that are out of order are put in order on disk first, so memory does not grow with values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array, fixed_values, text_array
from usr_core.store.ids.keys import KeyIndex, base_index, keys_from_sequences, one_bio_type, open_key_index
from usr_core.store.ids.position_index import NO_DUPLICATES
from usr_core.store.ids.row_numbers import row_numbers, valid_mask
from usr_core.store.ids.words import ids_at_rows
from usr_core.store.overlay.open_namespace import OpenNamespace
from usr_core.store.overlay.ordered_part import part_in_order
from usr_core.store.parts.errors import OverlayKeyFault, OverlayKeysUnresolved, OverlayUnreadable
from usr_core.store.parts.files import OverlayPart
from usr_core.store.view.base_windows import WINDOW_BYTES, WINDOW_ROWS, base_windows, merged_windows
from usr_core.store.view.last_writer_wins import NamespaceMerge, bytes_per_row
from usr_core.store.view.placement import KEYS_NAMED, Placement, place_part

__all__ = ["FoldedRows", "OverlayFold"]

_THREADS = 2
_ORDERED_IN_MEMORY = 64 << 20
"""Parts out of order that decode to at most this many bytes are sorted in memory."""


@dataclass(frozen=True, slots=True)
class FoldedRows:
    """Some rows of the fold.

    Attributes:
        positions: Their places, ascending: base rows, then ``base rows + n`` for the n-th unmatched key.
        ids: Their keys.
        columns: Their values, one array for each column.
    """

    positions: npt.NDArray[np.int64]
    ids: pa.Array
    columns: tuple[pa.Array, ...]


class OverlayFold:
    """The merged rows of one overlay; use as a context manager, on one thread.

    Args:
        opened: The base and the overlay.
        kinds: The columns to merge, with their plain types.
        scratch: A folder that does not exist yet, for parts that have to be put in order first; removed at the end.
        with_unmatched: Whether keys that match no record are wanted.

    Attributes:
        matched: Keys that belong to records.
        unmatched: Ids that belong to none, in order.

    Raises:
        OverlayKeysUnresolved: Keys match no record and do not tell an id.
        OverlayKeyFault: A key is null or repeated inside a part.
        KeyNeedsOneBioType, KeyNeedsDna4, BaseKeysNotUnique: A part's kind of key does not suit the base.
        OverlayUnreadable, BaseUnreadable: A page is damaged.

    Memory: 29 bytes a base row, 4 an overlay row, about 60 an unmatched key.
    """

    def __init__(
        self,
        opened: OpenNamespace,
        kinds: Mapping[str, pa.DataType],
        *,
        scratch: Path,
        with_unmatched: bool = True,
    ) -> None:
        self._base, self._parts = opened.base, [part for part in opened.overlay.parts if part.rows]
        self._kinds = dict(kinds)
        self._scratch = scratch
        self._ordered: list[OverlayPart] = []
        self._ids = base_index(self._base)
        self._present = np.zeros(self._base.rows, np.bool_)
        placements = self._place()
        for placed in placements:
            _mark(self._present, placed)
        self.matched = int(np.count_nonzero(self._present))
        self.unmatched = text_array([])
        self._codes: list[npt.NDArray[np.int32]] = []
        self._lost = [_lost_rows(placed) for placed in placements]
        if with_unmatched and any(len(lost) for lost in self._lost):
            self._resolve_unmatched(placements)
        self._placements = placements

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in self._ordered:
            part.source.close()
            part.path.unlink(missing_ok=True)
        if self._scratch.is_dir():
            self._scratch.rmdir()

    @property
    def rows(self) -> int:
        """Rows of the fold: each key once."""
        return self.matched + len(self.unmatched)

    def find(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        """Return the place of each id, in the order asked; -1 where neither base nor overlay has it."""
        import pyarrow.compute as pc

        places = self._ids.positions(ids).astype(np.int64)
        if len(self.unmatched):
            among = pc.index_in(ids, value_set=self.unmatched)
            found = (places < 0) & valid_mask(among)
            places[found] = among.filter(boolean_array(found)).to_numpy() + self._base.rows
        return places

    def batches(self, progress: Callable[[int], None] | None = None) -> Iterator[FoldedRows]:
        """Yield all rows in order of their places, once; `progress` is called with the number of rows done."""
        for rows in self._batches():
            yield rows
            if progress is not None:
                progress(len(rows.ids))

    def _batches(self) -> Iterator[FoldedRows]:
        placements = [self._readable(placed) for placed in self._placements]
        width = max((bytes_per_row(part, self._kinds) for part in self._parts), default=1)
        windows = base_windows(self._base, [], overlay_width=width)
        for window in merged_windows(windows, [NamespaceMerge(placements, self._kinds)], [()]):
            kept = np.flatnonzero(self._present[window.start : window.stop])
            if not len(kept):
                continue
            columns = [window.columns[name] for name in self._kinds]
            if len(kept) < window.stop - window.start:
                numbers = row_numbers(kept)
                columns = [column.take(numbers) for column in columns]
            positions = kept + window.start
            yield FoldedRows(positions, ids_at_rows(self._ids.words, positions), tuple(columns))
        if len(self.unmatched):
            yield from self._unmatched_batches(width)

    # ------------------------------------------------------------- keys

    def _place(self) -> list[Placement]:
        indexes = {
            key: KeyIndex(key, self._ids) if key == "id" else open_key_index(self._base.reader(), key, ids=self._ids)
            for key in dict.fromkeys(part.key for part in self._parts)
        }

        def place(part: OverlayPart) -> Placement:
            try:
                return place_part(part, indexes[part.key], NO_DUPLICATES)
            except (pa.ArrowException, OSError) as error:
                raise OverlayUnreadable(file=part.relative, cause=error) from error

        with ThreadPoolExecutor(_THREADS, "usr-place") as pool:
            placements = list(pool.map(place, self._parts))
        for placed in placements:
            placed.refuse_repeats()
        return placements

    def _resolve_unmatched(self, placements: Sequence[Placement]) -> None:
        """Give each key that matches no record a number, in the order of first appearance."""
        found = [self._ids_of(placed.part, lost) for placed, lost in zip(placements, self._lost, strict=True)]
        numbered = pa.concat_arrays(found).dictionary_encode()
        self.unmatched = numbered.dictionary
        codes = fixed_values(numbered.indices).astype(np.int32)
        ends = np.cumsum([len(ids) for ids in found])
        self._codes = list(np.split(codes, ends[:-1]))
        for placed, ids, mine in zip(placements, found, self._codes, strict=True):
            _, first, counts = np.unique(mine, return_index=True, return_counts=True)
            if (counts > 1).any():
                raise OverlayKeyFault(
                    placed.part.relative,
                    key=placed.part.key,
                    fault="a key occurs more than once",
                    count=int((counts[counts > 1] - 1).sum()),
                    values=[str(ids[int(at)]) for at in np.sort(first[counts > 1])[:KEYS_NAMED]],
                )

    def _ids_of(self, part: OverlayPart, lost: npt.NDArray[np.int64]) -> pa.Array:
        """Return the ids that the keys in these rows stand for."""
        if not len(lost):
            return text_array([])
        if part.key == "sequence_ci":
            reason = "the case of their letters is not known"
            raise OverlayKeysUnresolved(part=part.relative, key=part.key, count=len(lost), reason=reason)
        if part.key != "id" and not self._base.rows:
            reason = "a dataset without records has no bio_type"
            raise OverlayKeysUnresolved(part=part.relative, key=part.key, count=len(lost), reason=reason)
        keys = [batch.column(0) for batch in _rows_of(part, [part.key], lost)]
        column = pa.concat_arrays([key.cast(pa.string()) for key in keys])
        if column.null_count:
            raise OverlayKeyFault(part.relative, key=part.key, fault="a key is null", count=column.null_count)
        if part.key == "id":
            return column
        return keys_from_sequences(column, bio_type=one_bio_type(self._base.reader(), part.key), upper=False)

    # ------------------------------------------------------------- values

    def _readable(self, placed: Placement) -> Placement:
        """Return a placement that can be read forwards without holding the part."""
        size = placed.part.source.column_bytes(frozenset(self._names(placed.part)))
        if placed.ordered or size <= _ORDERED_IN_MEMORY:
            return placed
        assert placed.positions is not None
        assert placed.rows is not None
        places = np.full(placed.part.rows, -1, np.int64)
        places[placed.rows] = placed.positions
        return self._in_order(placed.part, places)

    def _unmatched_batches(self, width: int) -> Iterator[FoldedRows]:
        placements = []
        for part, lost, codes in zip(self._parts, self._lost, self._codes, strict=True):
            if len(lost) and self._names(part):
                places = np.full(part.rows, -1, np.int64)
                places[lost] = codes
                placements.append(self._in_order(part, places))
        merge = NamespaceMerge(placements, self._kinds)
        step = max(1, min(WINDOW_ROWS, WINDOW_BYTES // width))
        for start in range(0, len(self.unmatched), step):
            stop = min(start + step, len(self.unmatched))
            columns = merge.window(start, stop, {})
            positions = np.arange(start, stop, dtype=np.int64) + self._base.rows
            yield FoldedRows(
                positions, self.unmatched.slice(start, stop - start), tuple(columns[name] for name in self._kinds)
            )

    def _in_order(self, part: OverlayPart, places: npt.NDArray[np.int64]) -> Placement:
        self._scratch.mkdir(exist_ok=True)
        path = self._scratch / f"{len(self._ordered)}.parquet"
        placed = part_in_order(part, self._names(part), places, path)
        self._ordered.append(placed.part)
        return placed

    def _names(self, part: OverlayPart) -> list[str]:
        return [field.name for field in part.columns if field.name in self._kinds]


def _mark(present: npt.NDArray[np.bool_], placed: Placement) -> None:
    if placed.positions is not None:
        present[placed.positions] = True
    else:
        start = placed.start or 0
        present[start : start + placed.part.rows] = True


def _lost_rows(placed: Placement) -> npt.NDArray[np.int64]:
    """Return the rows of a part whose keys match no record."""
    if not placed.unmatched:
        return np.empty(0, np.int64)
    lost = np.ones(placed.part.rows, np.bool_)
    if placed.rows is not None:
        lost[placed.rows] = False
    return np.flatnonzero(lost)


def _rows_of(part: OverlayPart, columns: Sequence[str], rows: npt.NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """Yield the given rows (ascending) of some columns of a part, streamed."""
    start = 0
    for batch in part.source.reader().iter_batches(columns=list(columns), use_threads=False):
        low, high = np.searchsorted(rows, (start, start + batch.num_rows))
        yield batch.take(row_numbers(rows[low:high] - start))
        start += batch.num_rows
