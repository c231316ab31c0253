"""Texts as bytes, and ids of any form with the length that the words of ids have."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.bulk_ids import string_parts

__all__ = ["byte_values", "comparable_ids", "texts_of"]


_ID_BYTES = 40


def comparable_ids(ids: pa.Array) -> pa.Array:
    """Return `ids` (no nulls) with each value that is not 40 bytes long replaced by its own sha1.

    Equal values stay equal and different ones different, and all have the length that `id_words` takes.
    """
    offsets, content = string_parts(ids)
    if len(content) == _ID_BYTES * len(ids) and bool((np.diff(offsets) == _ID_BYTES).all()):
        return ids
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


def _bounds(offsets: npt.NDArray[np.int32]) -> Iterator[tuple[int, int]]:
    return pairwise(offsets.tolist())
