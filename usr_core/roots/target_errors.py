"""Errors about what a reading command is to read."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.errors import ExitCode, UsrError, visible

__all__ = ["GlobInvalid", "NoParquetFile", "SeveralParquetFiles"]

_SHOWN = 50


class NoParquetFile(UsrError, FileNotFoundError):
    """A folder that is not a dataset holds no Parquet file, or none that a glob selects."""

    code = "USR-ROOTS-101"
    exit_code = ExitCode.MISSING
    template = "There is no Parquet file{which} in {folder!s:visible}."
    hint_template = "Name a dataset, a Parquet file, or a folder that holds one."
    shown = ("folder", "glob")
    glob: str | None

    @property
    def which(self) -> str:
        """What the files have to match, as the end of a phrase."""
        return f" that matches {visible(self.glob)!r}" if self.glob else ""


class SeveralParquetFiles(UsrError, LookupError):
    """A folder holds several Parquet files, and there is no terminal to ask which one is meant."""

    code = "USR-ROOTS-102"
    exit_code = ExitCode.USAGE
    template = "There are {number} Parquet files in {folder!s:visible}."
    hint_template = "Name one of them, or select it with --glob 'PATTERN'."
    shown = ("folder", "files={first}")
    names: Sequence[str]

    @property
    def number(self) -> int:
        """How many files there are."""
        return len(self.names)

    @property
    def first(self) -> str:
        """The first of their names, and how many more there are."""
        more = f", and {self.number - _SHOWN} more" if self.number > _SHOWN else ""
        return ", ".join(visible(name) for name in self.names[:_SHOWN]) + more


class GlobInvalid(UsrError, ValueError):
    """A glob can't be used here."""

    code = "USR-ROOTS-103"
    exit_code = ExitCode.USAGE
    template = "--glob {glob:quoted} can't be used: {reason}."
    hint_template = "Give a pattern for file names inside one folder, such as 'events*.parquet'."
    shown = ("value={glob:visible}",)
