"""Errors of the doctor itself; what it finds are findings."""

from __future__ import annotations

from pathlib import Path

from usr_core.errors import ExitCode, UsrError

__all__ = ["FolderMissing"]


class FolderMissing(UsrError, NotADirectoryError):
    """The folder to be tested does not exist, or is not a folder."""

    code = "USR-DOCTOR-101"
    exit_code = ExitCode.MISSING

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no folder {path}.", hint="Give an existing folder.", facts={"file": str(path)})
        self.path = path
