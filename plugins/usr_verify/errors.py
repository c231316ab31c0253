"""Errors of looking at a copy."""

from __future__ import annotations

from usr_core.api import UsrError

__all__ = ["CopyMissing", "NoParquetFile"]


class CopyMissing(UsrError, FileNotFoundError):
    """A file that is to be compared has gone."""

    code = "USR-VERIFY-101"
    template = "{path.name} is to be compared, but does not exist."
    hint_template = "Something removed it meanwhile; run the command again."
    shown = ("file={path!s}",)


class NoParquetFile(UsrError, ValueError):
    """A file is to be compared by its Parquet footer, and has none."""

    code = "USR-VERIFY-102"
    template = "{path.name} can't be compared by its footer: it is not a whole Parquet file."
    hint_template = "Compare with `--verify hash` or `--verify size`, or restore the file from a copy."
    shown = ("file={path!s}", "cause={cause!s}")
