"""The rows of an attachment whose key matches no record, kept small enough to tell which of them repeat a key."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass

import numpy as np

__all__ = ["RepeatedKey", "UnmatchedRows"]

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
