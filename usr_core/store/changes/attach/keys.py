"""Resolving an attachment's keys to base positions, with every error that a key can have.

The rows whose key matches no record are kept small enough to tell which of them repeat a key.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.bulk_ids import string_parts, trimmed
from usr_core.store.changes.attach.errors import AttachKeyAmbiguous, DuplicateAttachKey, EmptyAttachKey, UnmatchedKeys
from usr_core.store.changes.attach.key_lookup import Lookup
from usr_core.store.ids.row_numbers import all_distinct, valid_mask
from usr_core.store.parts.files import KEYS

__all__ = [
    "KeyCounts",
    "KeyResolver",
    "RepeatedKey",
    "UnmatchedRows",
]

_DIGEST_BYTES = 16
_VALUES_KEPT = 100_000
_VALUE_LETTERS = 240
"""More than an error shows, so that it can tell that it cut the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedKey:
    """The first row that repeats a key.

    Attributes:
        row, earlier: It, and the row that has the key first.
        value: The beginning of its key, or None where that was not kept.
        count: Rows that repeat an earlier one's key.
    """

    row: int
    earlier: int
    value: str | None
    count: int


class UnmatchedRows:
    """A digest and the number of each row: 24 bytes a row, and about three times that for a moment in `repeated`.

    Args:
        limit: Rows that are kept; what comes after them is counted only. None keeps all.
    """

    def __init__(self, *, limit: int | None) -> None:
        self._limit = limit
        self._digests = bytearray()
        self._rows = array("q")
        self._values: list[str] = []
        self.count = 0

    def add(self, key: str, value: str, row: int) -> None:
        """Take the next row.

        Args:
            key: Equal for equal keys.
            value: The key as it is written, for an error; the first 100,000 are kept.
            row: Its number, above that of the row before.
        """
        self.count += 1
        if self._limit is not None and self.count > self._limit:
            return
        # 128 bits: two of 2^31 keys share a digest by accident once in 10^20 files.
        self._digests += hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
        self._rows.append(row)
        if len(self._values) < _VALUES_KEPT:
            self._values.append(value[:_VALUE_LETTERS])

    def repeated(self) -> RepeatedKey | None:
        """Return the first row, in the file's order, whose key an earlier row has; None where all are unique."""
        if not self._rows:
            return None
        words = np.frombuffer(self._digests, dtype=np.uint64).reshape(-1, 2)
        order = np.lexsort((words[:, 1], words[:, 0]))  # stable: equal keys stay in the file's order
        same = np.flatnonzero(np.all(words[order[1:]] == words[order[:-1]], axis=1))
        if not len(same):
            return None
        where = same[np.argmin(order[same + 1])]
        index = int(order[where + 1])
        return RepeatedKey(
            row=self._rows[index],
            earlier=self._rows[int(order[where])],
            value=self._values[index] if index < len(self._values) else None,
            count=len(same),
        )


Positions = npt.NDArray[np.int64]

_REFUSED_ROWS_KEPT = 1_000_000
"""Unmatched rows that are searched for repeats where the file is refused in any case."""


class KeyCounts:
    """Counts of an attachment's rows: read, matched and left out."""

    __slots__ = ("matched", "missing", "rows")

    def __init__(self) -> None:
        self.rows = self.matched = self.missing = 0


class KeyResolver:
    """Resolves batches of keys and remembers what it needs to tell a repeated one.

    That is 8 bytes a row, and 24 more for a row that matches nothing (for the first 1,000,000 of them, where such
    rows are not allowed); `finish` takes a few times as much for a moment.

    Args:
        lookup: Finds records by the keys.
        label: The first file, for errors.
        key: The kind of key, for errors.
        column: The file's key column, for errors.
        allow_missing: Whether rows whose key matches nothing are left out instead of refused; with a text column of
            the dataset as the key, rows without one too, such as the blank wells of a plate. An empty id or sequence is
            a fault of the file.
        allow_repeats: Whether a key may be in several rows.
    """

    def __init__(
        self,
        lookup: Lookup,
        *,
        label: str,
        key: str,
        column: str,
        allow_missing: bool,
        allow_repeats: bool = False,
    ) -> None:
        self._lookup, self._key, self._column = lookup, key, column
        self._allow_missing, self._allow_repeats = allow_missing, allow_repeats
        self._allow_empty = allow_missing and key not in KEYS
        self._positions: list[Positions] = []
        self._unmatched = UnmatchedRows(limit=None if allow_missing else _REFUSED_ROWS_KEPT)
        self._first_missing: tuple[int, str] | None = None
        self._first_empty: int | None = None
        self._empty = 0
        self._files = [(0, label)]
        self._first_ambiguous: tuple[int, int, int] | None = None
        self._ambiguous = 0
        self.counts = KeyCounts()

    def begin(self, label: str) -> None:
        """Say that the next rows are those of another file, for errors."""
        rows = self.counts.rows
        self._files = [*(one for one in self._files if one[0] < rows), (rows, label)]

    def place(self, row: int) -> tuple[str, int]:
        """Return the file of a row of the input, and its number there; both count from 1."""
        start, label = self._files[bisect_left(self._files, row, key=lambda one: one[0]) - 1]
        return label, row - start

    @property
    def among(self) -> str | None:
        """What an error that counts rows of several files says of them; None of a single one."""
        return None if len(self._files) == 1 else f"{len(self._files)} files"

    def resolve(self, keys: pa.Array) -> Positions:
        """Return the base position of each key, -1 for those to be left out."""
        first_row = self.counts.rows + 1
        self.counts.rows += len(keys)
        self._note_empty(keys, first_row)
        positions = self._lookup.positions(keys)
        self._positions.append(positions)
        self._note_ambiguous(positions, first_row)
        lost = np.flatnonzero(positions < 0)
        self.counts.matched += len(keys) - len(lost)
        for index in lost.tolist():
            value = keys[index].as_py()
            if value is not None and value.strip():
                self._note_unmatched(value, first_row + index)
        return positions

    def positions(self) -> Positions:
        """Return the base position of each row so far, -1 for those that are left out."""
        return np.concatenate(self._positions) if self._positions else np.empty(0, np.int64)

    def finish(self) -> None:
        """Judge the whole file.

        Raises:
            EmptyAttachKey, AttachKeyAmbiguous, DuplicateAttachKey, UnmatchedKeys: In this order; the first such row
                is named.
        """
        if self._first_empty is not None and not self._allow_empty:
            label, row = self.place(self._first_empty)
            way_out = "drop these rows from the file"
            if self._key not in KEYS:
                way_out = "leave such rows (blank wells) out and count them: --allow-missing"
            raise EmptyAttachKey(
                label=label, among=self.among, row=row, column=self._column, count=self._empty, way_out=way_out
            )
        if self._first_ambiguous is not None:
            place, *records = self._first_ambiguous
            label, row = self.place(place)
            raise AttachKeyAmbiguous(
                label=label,
                among=self.among,
                row=row,
                column=self._column,
                value=self._lookup.key_at(records[0]),
                key=self._key,
                count=self._ambiguous,
                ids=tuple(self._lookup.ids_at(np.array(records, np.int64)).to_pylist()),
            )
        if not self._allow_repeats:
            self._refuse_repeats()
        if self._first_missing is not None and not self._allow_missing:
            place, value = self._first_missing
            label, row = self.place(place)
            raise UnmatchedKeys(
                label=label,
                among=self.among,
                row=row,
                column=self._column,
                value=value,
                count=self.counts.missing,
                key=self._key,
            )

    def _note_empty(self, keys: pa.Array, first_row: int) -> None:
        blank = _blank_rows(keys)
        if blank:
            self._empty += len(blank)
            if self._allow_empty:
                self.counts.missing += len(blank)
            if self._first_empty is None:
                self._first_empty = first_row + blank[0]

    def _note_ambiguous(self, positions: Positions, first_row: int) -> None:
        others = self._lookup.others(positions)
        rows = np.flatnonzero(others >= 0)
        self._ambiguous += len(rows)
        if self._first_ambiguous is None and len(rows):
            at = int(rows[0])
            self._first_ambiguous = (first_row + at, int(positions[at]), int(others[at]))

    def _note_unmatched(self, value: str, row: int) -> None:
        self.counts.missing += 1
        if self._first_missing is None:
            self._first_missing = (row, value)
        if not self._allow_repeats:
            self._unmatched.add(self._lookup.normalize(value), value, row)

    def _repeated_match(self) -> RepeatedKey | None:
        positions = self.positions()
        rows = np.flatnonzero(positions >= 0)
        if all_distinct(positions[rows]):
            return None
        order = rows[np.argsort(positions[rows], kind="stable")]
        repeats = np.flatnonzero(positions[order][1:] == positions[order][:-1])
        # Told in the file's order: the first row that repeats an earlier one.
        where = repeats[np.argmin(order[repeats + 1])]
        row, earlier = int(order[where + 1]) + 1, int(order[where]) + 1
        value = self._lookup.key_at(int(positions[row - 1]))
        return RepeatedKey(row=row, earlier=earlier, value=value, count=len(repeats))

    def _refuse_repeats(self) -> None:
        repeats = [found for found in (self._repeated_match(), self._unmatched.repeated()) if found is not None]
        if not repeats:
            return
        first = min(repeats, key=lambda found: found.row)
        label, row = self.place(first.row)
        earlier_file, earlier = self.place(first.earlier)
        raise DuplicateAttachKey(
            label=label,
            among=self.among,
            row=row,
            earlier=earlier,
            earlier_file=None if earlier_file == label else earlier_file,
            column=self._column,
            value=first.value,
            count=sum(found.count for found in repeats),
        )


def _blank_rows(keys: pa.Array) -> list[int]:
    empty = np.diff(string_parts(trimmed(keys))[0]) == 0
    return np.flatnonzero(empty | ~valid_mask(keys)).tolist()
