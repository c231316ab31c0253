"""Errors of the file system in words."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from usr_core.fs.errors import file_system_error


class TestFileSystemError:
    @pytest.mark.parametrize(
        ("number", "kind"),
        [
            (errno.ENOSPC, "DiskFull"),
            (errno.EDQUOT, "DiskFull"),
            (errno.EROFS, "ReadOnlyPlace"),
            (errno.EACCES, "PermissionRefused"),
            (errno.EPERM, "PermissionRefused"),
            (errno.EMFILE, "TooManyOpenFiles"),
            (errno.ENFILE, "TooManyOpenFiles"),
            (errno.ELOOP, "LinkRefused"),
            (errno.EIO, "FileSystemError"),
        ],
    )
    def test_has_a_kind_for_each_cause(self, number: int, kind: str) -> None:
        """The kind, the number, the file and what was being done are told, with a way out."""
        error = file_system_error(OSError(number, "x"), Path("/x"), "write the part")

        assert (kind, number, "/x") == (type(error).__name__, error.errno, error.facts["file"])
        assert "write the part" in str(error)
        assert error.hint
