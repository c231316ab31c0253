"""The ids of given base rows, out of the position index, which keeps all twenty bytes of each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.ids.words import IdWords

__all__ = ["ids_at_rows"]

_DIGEST = np.dtype([("k", "<u8"), ("h", "<u8"), ("l", "<u4")])
_HEX_LENGTH = 2 * _DIGEST.itemsize


def ids_at_rows(words: IdWords, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Return the ids in these rows, in this order; rows that hold no proper id must not be asked for."""
    digests = np.empty(len(rows), _DIGEST)
    digests["k"], digests["h"], digests["l"] = words.k[rows], words.h[rows], words.l[rows]
    text = digests.tobytes().hex().encode("ascii")
    ends = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(_HEX_LENGTH)
    return pa.Array.from_buffers(pa.string(), len(rows), [None, pa.py_buffer(ends), pa.py_buffer(text)])
