"""Texts as bytes, and ids of any form with the length that the words of ids have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.bulk_ids import string_parts

__all__ = ["FEW_IDS", "byte_values", "comparable_ids", "places_of_few", "texts_of"]

FEW_IDS = 64
"""Up to so many ids, searching for their letters costs less than making numbers of all that they are looked for in."""

_ID_BYTES = 40


def comparable_ids(ids: pa.Array) -> pa.Array:
    """Return `ids` (no nulls) with each value that is not 40 bytes long replaced by its own sha1.

    Equal values stay equal and different ones different, and all have the length that `id_words` takes.
    """
    offsets, content = string_parts(ids)
    if len(content) == _ID_BYTES * len(ids) and bool((np.diff(offsets) == _ID_BYTES).all()):
        return ids
    import hashlib  # which loads OpenSSL

    values = [bytes(content[i:j]) for i, j in _bounds(offsets)]
    fixed = b"".join(v if len(v) == _ID_BYTES else hashlib.sha1(v).hexdigest().encode("ascii") for v in values)
    ends = np.arange(len(ids) + 1, dtype=np.int32) * np.int32(_ID_BYTES)
    return pa.Array.from_buffers(pa.string(), len(ids), [None, pa.py_buffer(ends), pa.py_buffer(fixed)])


def texts_of(array: pa.Array) -> list[str]:
    """Return the values of a string array without nulls; what is not UTF-8 is replaced."""
    return [value.decode("utf-8", "replace") for value in byte_values(array)]


def byte_values(texts: pa.Array) -> list[bytes]:
    offsets, content = string_parts(texts)
    return [bytes(content[i:j]) for i, j in _bounds(offsets)]


def places_of_few(ids: Mapping[bytes, int], among: pa.StringArray) -> npt.NDArray[np.int32]:
    """Return, for each text in `among`, what `ids` has for it, -1 where that is nothing; a null is nothing.

    Args:
        ids: Texts of 40 bytes with their numbers, `FEW_IDS` at most.
        among: Texts of any length.
    """
    found = np.full(len(among), -1, np.int32)
    offsets, content = string_parts(among)
    letters = bytes(content)
    for text, number in ids.items():
        at = letters.find(text)
        while at >= 0:
            row = int(np.searchsorted(offsets, at, side="right")) - 1
            if offsets[row] == at and offsets[row + 1] - at == len(text) and among[row].is_valid:
                found[row] = number
            at = letters.find(text, at + 1)
    return found


def _bounds(offsets: npt.NDArray[np.int32]) -> Iterator[tuple[int, int]]:
    return pairwise(offsets.tolist())
