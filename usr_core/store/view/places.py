"""Where everything in a view stands: key indexes, placed parts, deleted rows; each found once and kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrow_calls import taken
from usr_core.records.masks import true_rows, valid_mask
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import BaseUnreadable
from usr_core.store.ids.keys import KeyIndex, base_index, one_bio_type, open_key_index
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.parts.errors import OverlayUnreadable
from usr_core.store.parts.files import NamespaceOverlay, OverlayKey, OverlayPart

if TYPE_CHECKING:
    from usr_core.store.view.placement import Placement

__all__ = ["ViewPlaces"]

_THREADS = 2
_DELETED = "usr__deleted"


class ViewPlaces:
    """Positions of overlay rows among the rows of one base; for one thread, which uses others itself."""

    def __init__(self, base: OpenParquet) -> None:
        self._base = base
        self._ids: BaseIndex | None = None
        self._keys: dict[OverlayKey, KeyIndex] = {}
        self._placed: dict[str, Placement] = {}
        self._covering: dict[str, bool] = {}
        self._bio_type: str | None = None

    def placements(self, parts: Iterable[OverlayPart]) -> list[Placement]:
        """Return where `parts` stand, in their order; keys are read on two threads, once a part.

        Those that are known to cover the base need no index.

        Raises:
            KeyNeedsOneBioType, KeyNeedsDna4, BaseKeysNotUnique: A part's kind of key does not suit the base.
            OverlayUnreadable, BaseUnreadable: A page is damaged.
        """
        from usr_core.store.view.placement import Placement

        wanted = list(parts)
        for part in wanted:
            if part.relative not in self._placed and self.covers(part):
                self._placed[part.relative] = Placement(part=part, start=0)
        new = [part for part in wanted if part.relative not in self._placed]
        if new:
            for key in dict.fromkeys(part.key for part in new):
                self._index(key)
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(_THREADS, "usr-place") as pool:
                for placed in pool.map(self._place, new):
                    self._placed[placed.part.relative] = placed
        return [self._placed[part.relative] for part in wanted]

    def covers(self, part: OverlayPart) -> bool:
        """Tell whether the rows of `part` are the base's, row for row; it is found out once."""
        if part.relative not in self._covering:
            from usr_core.store.view.aligned import covers_base

            self._covering[part.relative] = covers_base(part, self._base)
        return self._covering[part.relative]

    def deleted(self, tombstones: NamespaceOverlay | None) -> npt.NDArray[np.int32]:
        """Return the rows whose newest ``usr__deleted`` is true, ascending.

        Raises:
            OverlayKeyFault: A file has a record in several rows.
        """
        positions: list[npt.NDArray[np.int32]] = []
        flags: list[npt.NDArray[np.bool_]] = []
        parts = [] if tombstones is None else tombstones.parts
        for placed in self.placements(part for part in parts if _DELETED in part.source.schema.names):
            placed.refuse_repeats()
            try:
                read = placed.part.source.reader().read([_DELETED], use_threads=False).column(0)
            except (pa.ArrowException, OSError) as error:
                raise OverlayUnreadable(file=placed.part.relative, cause=error) from error
            column = read.combine_chunks()
            known, value = valid_mask(column), true_rows(column)
            if placed.rows is not None:
                known, value = known[placed.rows], value[placed.rows]
            where = placed.positions
            if where is None:
                first = placed.start or 0
                where = np.arange(first, first + placed.part.rows, dtype=np.int32)
            positions.append(where[known])
            flags.append(value[known])
        if not positions:
            return np.empty(0, np.int32)
        rows, deleted = np.concatenate(positions), np.concatenate(flags)
        order = np.argsort(rows, kind="stable")  # write order among equal rows: the last one counts
        rows, deleted = rows[order], deleted[order]
        last = np.ones(len(rows), np.bool_)
        last[:-1] = rows[1:] != rows[:-1]
        return rows[last & deleted]

    def unmatched(self, overlay: NamespaceOverlay) -> int:
        """Return how many different keys of `overlay` match no record."""
        missing = [placed for placed in self.placements(overlay.parts) if placed.unmatched]
        if len(missing) < 2:
            return sum(placed.unmatched for placed in missing)
        keys: set[tuple[str, str | None]] = set()
        for placed in missing:
            for batch in placed.part.source.reader().iter_batches(columns=[placed.part.key], use_threads=False):
                column = batch.column(0)
                absent = np.flatnonzero(self._index(placed.part.key).positions(column) < 0)
                keys.update((placed.part.key, value) for value in taken(column, absent).to_pylist())
        return len(keys)

    def bio_type(self, key: OverlayKey) -> str:
        """Return the bio_type of all records.

        Raises:
            KeyNeedsOneBioType: The records have several.
        """
        if self._bio_type is None:
            self._bio_type = one_bio_type(self._base.reader(), key)
        return self._bio_type

    def _place(self, part: OverlayPart) -> Placement:
        from usr_core.store.view.placement import place_part

        index = self._keys[part.key]
        try:
            return place_part(part, index, index.index.duplicates())
        except (pa.ArrowException, OSError) as error:
            raise OverlayUnreadable(file=part.relative, cause=error) from error

    def _index(self, key: OverlayKey) -> KeyIndex:
        if key not in self._keys:
            ids = self._id_index()
            try:
                # A base with repeated ids, which only a hand can make, is still shown: each row gets the values.
                self._keys[key] = (
                    KeyIndex(key, ids) if key == "id" else open_key_index(self._base.reader(), key, ids=ids)
                )
            except (pa.ArrowException, OSError) as error:
                raise BaseUnreadable(self._base.path, error) from error
        return self._keys[key]

    def _id_index(self) -> BaseIndex:
        if self._ids is None:
            try:
                self._ids = base_index(self._base)
            except (pa.ArrowException, OSError) as error:
                raise BaseUnreadable(self._base.path, error) from error
        return self._ids
