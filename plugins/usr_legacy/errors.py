"""Errors of converting old exports."""

from __future__ import annotations

from usr_core.api import ExitCode, UsrError

__all__ = ["DuplicateLegacyRecord", "LegacyFileInvalid", "LegacyHoldsCode", "LegacyRowInvalid", "TorchMissing"]


class LegacyFileInvalid(UsrError, ValueError):
    """A file is not an export that can be converted."""

    code = "USR-LEGACY-101"
    template = "{reason}"
    hint_template = "Give a .csv, or a .pt with a list of dicts."
    shown = ("file={path!s}",)


class LegacyHoldsCode(UsrError, ValueError):
    """A file would run code when it is loaded; it was not loaded."""

    code = "USR-LEGACY-102"
    template = "The file asks for code to be run when it is loaded; nothing of it was loaded."
    hint_template = "Do not load it with anything else either. Ask its author for a .csv, or a list of plain dicts."
    shown = ("file={path!s}", "value={name:visible}")


class TorchMissing(UsrError, ImportError):
    """A file holds tensors, and torch, which reads them, is not installed."""

    code = "USR-LEGACY-103"
    exit_code = ExitCode.PLUGIN
    template = "The file holds tensors, which only torch can read, and torch is not installed."
    hint_template = "pip install 'universal-sequence-record[legacy]'"
    shown = ("file={file!s}", "value={name:visible}")


class LegacyRowInvalid(UsrError, ValueError):
    """A row of an export can't become a record."""

    code = "USR-LEGACY-104"
    template = "{reason}"
    hint_template = "Correct the row in a copy of the file; nothing was converted."
    shown = ("file={path!s}", "row", "column", "value={value:visible}")
    column: str | None = None
    value: object = None


class DuplicateLegacyRecord(LegacyRowInvalid):
    """A record occurs twice in the files, or is in the dataset already."""

    code = "USR-LEGACY-105"
