"""Reserving bytes at the end of a file without changing its size."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

__all__ = ["reserve_bytes"]

_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE, linux/falloc.h
_UNSUPPORTED = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


def reserve_bytes(descriptor: int, offset: int, length: int) -> bool:
    """Allocate the blocks for ``[offset, offset + length)`` while the file's size stays as it is.

    Python's ``posix_fallocate`` would grow the file, which readers take for an event.

    Returns:
        True if reserved; False where the platform or the file system can't, which is not an error.

    Raises:
        OSError: There is no space or no quota left, or the file can't be written.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    call = library.fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    while call(descriptor, _KEEP_SIZE, offset, length) != 0:
        number = ctypes.get_errno()
        if number in _UNSUPPORTED:
            return False
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
    return True
