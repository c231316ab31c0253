"""Errors of the doctor itself; what it finds are findings."""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError

__all__ = ["FolderMissing"]


class FolderMissing(UsrError, NotADirectoryError):
    """The folder to be tested does not exist, or is not a folder."""

    code = "USR-DOCTOR-101"
    exit_code = ExitCode.MISSING
    template = "There is no folder {path}."
    hint_template = "Give an existing folder."
    shown = ("file={path!s}",)
