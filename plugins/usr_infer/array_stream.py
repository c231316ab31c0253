"""One array of a ``.npy`` file or of a member of a ``.npz`` file, a run of rows at a time.

The header is read as NumPy writes it; nothing is unpickled. Rows are read as they lie in the file, so memory does
not grow with them; only an array in Fortran order, whose rows lie scattered, is held whole.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.api.arrow import boolean_array, fixed_array, text_array
from usr_infer.errors import InferFileUnreadable

__all__ = ["READ_ERRORS", "ArrayStream"]

READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
"""What reading a member of a damaged, encrypted or oddly packed archive may raise."""

_COPY_AGAIN = "Copy the file again, or write it again with numpy.save or numpy.savez."
_PLAIN = "Save plain numbers or texts, such as numpy.asarray(values, dtype='float32') or numpy.asarray(ids, dtype=str)."


class ArrayStream:
    """An array that is read once, from its first row to its last.

    Args:
        file: Its bytes, from the header on.
        path: The file, for errors.
        name: The array's.

    Attributes:
        shape: Rows first; empty for a single number.
        dtype: Of its items.

    Raises:
        InferFileUnreadable: The content is not an array, or an array of Python objects, records or complex numbers.
    """

    def __init__(self, file: IO[bytes], *, path: Path, name: str) -> None:
        self._file, self._path, self.name = file, path, name
        self.shape, self.dtype, by_column = self._header()
        self._done = 0
        self._whole: npt.NDArray[Any] | None = None
        self._by_column = by_column and len(self.shape) > 1

    @property
    def rows(self) -> int:
        """The length of the first dimension; 0 for a single number."""
        return self.shape[0] if self.shape else 0

    @property
    def is_text(self) -> bool:
        """Whether it holds texts."""
        return self.dtype.kind in "US"

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return max(1, self.dtype.itemsize * math.prod(self.shape[1:]))

    def read(self, rows: int) -> npt.NDArray[Any]:
        """Return the next `rows` rows, which must be there, in the machine's byte order.

        Raises:
            InferFileUnreadable: The file ends before, or is damaged.
        """
        if self._by_column:
            if self._whole is None:
                flat = self._items(self.rows)
                self._whole = flat.reshape(self.shape, order="F")
            taken = np.ascontiguousarray(self._whole[self._done : self._done + rows])
        else:
            taken = self._items(rows).reshape(rows, *self.shape[1:])
        self._done += rows
        return taken.astype(self.dtype.newbyteorder("="), copy=False)

    def read_arrow(self, rows: int) -> pa.Array:
        """Return the next rows as Arrow has them: vectors as fixed-size lists over one buffer, text as strings.

        Raises:
            InferFileUnreadable: See `read`; or a text is not UTF-8.
        """
        values = self.read(rows)
        if self.dtype.kind == "U":
            return text_array(values.tolist())
        if self.dtype.kind == "S":
            return self._decoded(values)
        flat = values.reshape(-1)
        items = boolean_array(flat) if self.dtype.kind == "b" else fixed_array(flat, pa.from_numpy_dtype(flat.dtype))
        return items if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(items, self.shape[1])

    def _items(self, rows: int) -> npt.NDArray[Any]:
        size = rows * self.dtype.itemsize * math.prod(self.shape[1:])
        # What the header claims takes no memory before it is there.
        content = bytearray()
        try:
            while len(content) < size:
                block = self._file.read(min(size - len(content), 1 << 24))
                if not block:
                    break
                content += block
        except READ_ERRORS as error:
            raise self._unreadable(f"the array {self.name!r} is damaged: {error}") from error
        if len(content) < size:
            row = None if self._by_column else self._done + len(content) // self.row_bytes + 1
            raise self._unreadable(f"the array {self.name!r} is cut off", row=row)
        return np.frombuffer(content, dtype=self.dtype)

    def _header(self) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
        try:
            version = np.lib.format.read_magic(self._file)
            reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in reader:
                raise self._unreadable(f"the array {self.name!r} is of format {version[0]}.{version[1]}", hint=_PLAIN)
            shape, by_column, dtype = reader[version](self._file)
        except (ValueError, SyntaxError, *READ_ERRORS) as error:
            if isinstance(error, InferFileUnreadable):
                raise
            raise self._unreadable(f"{self.name!r} is not a NumPy array: {str(error).splitlines()[0]}") from error
        if dtype.kind not in "biufUS" or (dtype.kind == "f" and dtype.itemsize > 8):
            kind = "Python objects" if dtype.hasobject else str(dtype)
            raise self._unreadable(f"the array {self.name!r} holds {kind}, which are not read", hint=_PLAIN)
        return tuple(int(size) for size in shape), dtype, bool(by_column)

    def _decoded(self, values: npt.NDArray[Any]) -> pa.Array:
        try:
            return text_array([value.decode("utf-8") for value in values.tolist()])
        except UnicodeDecodeError as error:
            raise self._unreadable(f"the array {self.name!r} holds bytes that are not UTF-8", hint=_PLAIN) from error

    def _unreadable(self, reason: str, *, hint: str = _COPY_AGAIN, row: int | None = None) -> InferFileUnreadable:
        return InferFileUnreadable(file=self._path, reason=reason, hint=hint, row=row, array=self.name)
