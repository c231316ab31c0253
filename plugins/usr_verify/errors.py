"""Errors of looking at a copy."""

from __future__ import annotations

from pathlib import Path

from usr_core.api import UsrError

__all__ = ["CopyMissing", "NoParquetFile"]


class CopyMissing(UsrError, FileNotFoundError):
    """A file that is to be compared has gone."""

    code = "USR-VERIFY-101"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path.name} is to be compared, but does not exist.",
            hint="Something removed it meanwhile; run the command again.",
            facts={"file": str(path)},
        )
        self.path = path


class NoParquetFile(UsrError, ValueError):
    """A file is to be compared by its Parquet footer, and has none."""

    code = "USR-VERIFY-102"

    def __init__(self, path: Path, *, cause: Exception) -> None:
        super().__init__(
            f"{path.name} can't be compared by its footer: it is not a whole Parquet file.",
            hint="Compare with `--verify hash` or `--verify size`, or restore the file from a copy.",
            facts={"file": str(path), "cause": str(cause)},
        )
        self.path = path
