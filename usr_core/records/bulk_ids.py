"""Columns of record ids, and the 64-bit words that stand for them while uniqueness is checked.

Two engines give the same ids. Python's hashlib starts at once; DuckDB hashes short sequences about
twice as fast and without the interpreter's lock, but costs 0.1 s to import. So the first rows, and
all long sequences (where hashlib uses the processor's SHA instructions), go through hashlib.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.interrupts import native_calls
from usr_core.records.arrow_calls import call_arrow
from usr_core.records.duckdb_sources import open_database, unnamed_source
from usr_core.records.ids import DELIMITER, ID_LENGTH

if TYPE_CHECKING:
    import duckdb

__all__ = ["IdHasher", "hashing_connection", "id_words", "record_ids", "string_parts", "trimmed"]

_DUCKDB_FROM_ROWS = 262_144
_DUCKDB_UP_TO_BYTES = 200
"""Mean sequence length above which hashlib is faster (measured: equal at about 280 bytes)."""
_VISIBLE = np.zeros(256, dtype=np.bool_)
_VISIBLE[0x21:0x7F] = True
"""ASCII that is seen: what begins and ends with it has no white space around it."""


def string_parts(column: pa.Array) -> tuple[npt.NDArray[np.int32], memoryview]:
    """Return the offsets (rows + 1, from 0) and the value bytes of a string array, without copying the values.

    Null slots keep whatever length their offsets give; callers check for nulls first.

    `column` is of type string (offsets of 32 bits), not large_string or string_view.

    Example:
        >>> from usr_core.api.arrow import string_parts, text_array
        >>> offsets, content = string_parts(text_array(["TTGACA", "TATAAT", ""]))
        >>> offsets.tolist(), bytes(content)
        ([0, 6, 12, 12], b'TTGACATATAAT')
    """
    _, offsets, values = column.buffers()
    if len(column) == 0 or offsets is None:
        return np.zeros(1, dtype=np.int32), memoryview(b"")
    bounds = np.frombuffer(offsets, dtype=np.int32, count=len(column) + 1, offset=4 * column.offset)
    start, stop = int(bounds[0]), int(bounds[-1])
    content = memoryview(values)[start:stop] if values is not None else memoryview(b"")
    return (bounds if start == 0 else bounds - bounds[0]), content


def trimmed(texts: pa.Array) -> pa.Array:
    """Return texts without white space around them, as `str.strip` removes it; null stays null.

    The very array comes back where each text begins and ends with a visible letter of ASCII, as nearly all do.
    """
    offsets, values = string_parts(texts)
    content = np.frombuffer(values, dtype=np.uint8)
    filled = np.flatnonzero(offsets[1:] > offsets[:-1])
    if _VISIBLE[content[offsets[filled]]].all() and _VISIBLE[content[offsets[filled + 1] - 1]].all():
        return texts
    return call_arrow("utf8_trim_whitespace", texts)


def id_words(ids: pa.Array, *, word: int = 0) -> npt.NDArray[np.uint64]:
    """Return 64 of the 160 bits of each id as one integer; equal ids have equal words.

    Args:
        ids: A string array without nulls; each value has 40 hexadecimal digits.
        word: 0 and 1 take digits 0-15 and 16-31; 2 takes digits 24-39, so that the three cover all digits.

    Raises:
        ValueError: A value is not 40 bytes long.

    Example:
        >>> from usr_core.api.arrow import id_words, text_array
        >>> from usr_core.api.records import record_id
        >>> [f"{word:016x}" for word in id_words(text_array([record_id("dna", "TTGACAGGCT")]))]
        ['c5ebe4d2e9159eb4']
    """
    offsets, values = string_parts(ids)
    if len(values) != ID_LENGTH * len(ids) or not np.array_equal(
        offsets, np.arange(len(ids) + 1, dtype=np.int32) * np.int32(ID_LENGTH)
    ):
        raise ValueError("ids must be 40 characters each")
    if not len(ids):
        return np.zeros(0, dtype=np.uint64)
    digits = np.frombuffer(values, dtype=np.uint64).reshape(len(ids), ID_LENGTH // 8)
    first = (0, 2, 3)[word]
    words: npt.NDArray[np.uint64] = (_nibbles(digits[:, first]) << np.uint64(4)) | _nibbles(digits[:, first + 1])
    return words


class IdHasher:
    """Computes the ids of one column, chunk after chunk, and picks the engine by what it has seen.

    Args:
        threads: Threads that DuckDB may use. An importer that encodes beside it leaves it one.
        expected_rows: How many rows will come, where that is known; DuckDB is then used from the start or not at all.

    Example:
        >>> from usr_core.api.arrow import IdHasher, text_array
        >>> with IdHasher() as hasher:
        ...     found = hasher.ids("dna", text_array(["TTGACAGGCT", "GATTACAGAT"]))
        >>> found.to_pylist()
        ['b91edeec4e5924b5b6e5c886ff5e6146300b53e7', '02ae674651957e305d0139c421147354afbe5410']
    """

    def __init__(self, *, threads: int = 1, expected_rows: int = 0) -> None:
        self._threads = threads
        self._rows = expected_rows
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ids(self, bio_types: str | pa.Array, sequences: pa.Array) -> pa.Array:
        """Return the ids of a chunk, in order, as a string array without nulls.

        Args:
            bio_types: One type for all rows, or a string array without nulls of the same length.
            sequences: Normalized sequences: a string array without nulls, below 2 GiB of text.
        """
        self._rows += len(sequences)
        offsets, values = string_parts(sequences)
        short = len(values) <= _DUCKDB_UP_TO_BYTES * len(sequences)
        if self._rows > _DUCKDB_FROM_ROWS and short:
            return self._by_duckdb(bio_types, sequences)
        if isinstance(bio_types, str):
            prefixes: bytes | list[bytes] = f"{bio_types}{DELIMITER}".encode()
        else:
            prefixes = [f"{name}{DELIMITER}".encode() for name in bio_types.to_pylist()]
        return _by_hashlib(prefixes, offsets, bytes(values))

    def _by_duckdb(self, bio_types: str | pa.Array, sequences: pa.Array) -> pa.Array:
        if self._connection is None:
            self._connection = hashing_connection(self._threads)
        if isinstance(bio_types, str):
            chunk = pa.table({"s": sequences})
            expression = f"'{bio_types}{DELIMITER}' || s"
        else:
            chunk = pa.table({"b": bio_types, "s": sequences})
            expression = f"b || '{DELIMITER}' || s"
        with native_calls():
            # As a relation: a name for each chunk and a statement about it would take 4 ms more.
            hashed = unnamed_source(self._connection, chunk).project(f"sha1({expression}) AS id").to_arrow_table()
        column = hashed.column(0)
        return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def record_ids(bio_types: str | pa.Array, sequences: pa.Array) -> pa.Array:
    """Return the ids of a column of sequences, in order.

    Args:
        bio_types: One type for all rows, or a string array of the same length without nulls.
        sequences: Normalized sequences, string, no nulls.

    Returns:
        A string array without nulls. Choose `IdHasher` for many chunks of one column.
    """
    with IdHasher() as hasher:
        return hasher.ids(bio_types, sequences)


def _by_hashlib(prefixes: bytes | list[bytes], offsets: npt.NDArray[np.int32], values: bytes) -> pa.Array:
    bounds = offsets.tolist()
    sha1 = hashlib.sha1
    if isinstance(prefixes, bytes):
        digests = [sha1(prefixes + values[i:j]).digest() for i, j in pairwise(bounds)]
    else:
        digests = [
            sha1(prefix + values[i:j]).digest() for prefix, (i, j) in zip(prefixes, pairwise(bounds), strict=True)
        ]
    text = b"".join(digests).hex().encode("ascii")
    ends = np.arange(len(digests) + 1, dtype=np.int32) * np.int32(ID_LENGTH)
    return pa.Array.from_buffers(pa.string(), len(digests), [None, pa.py_buffer(ends), pa.py_buffer(text)])


def _nibbles(digits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return eight hexadecimal characters (one a byte) as eight values of 0 to 15, each in its byte."""
    low = digits & np.uint64(0x0F0F0F0F0F0F0F0F)
    letters = (digits >> np.uint64(6)) & np.uint64(0x0101010101010101)
    nibbles: npt.NDArray[np.uint64] = low + letters * np.uint64(9)
    return nibbles


def hashing_connection(threads: int) -> Any:
    """Return a DuckDB connection that only computes: in memory, 256 MB at most, nothing on disk, no extensions."""
    return open_database(memory_limit="256MB", threads=threads)
