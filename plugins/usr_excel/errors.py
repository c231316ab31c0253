"""Errors of reading workbooks."""

from __future__ import annotations

from usr_core.api import ExitCode, UsrError

__all__ = ["CalamineMissing"]


class CalamineMissing(UsrError, ImportError):
    """A workbook is to be read, and python-calamine, which reads it, is not installed."""

    code = "USR-EXCEL-101"
    exit_code = ExitCode.PLUGIN
    template = "A workbook is read by python-calamine, which is not installed."
    hint_template = "pip install 'universal-sequence-record[excel]'"
    shown = ("file={file!s}",)
