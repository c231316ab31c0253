"""Errors about what a reading command is to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.errors import ExitCode, UsrError, visible

__all__ = ["GlobInvalid", "NoParquetFile", "SeveralParquetFiles"]

_SHOWN = 50


class NoParquetFile(UsrError, FileNotFoundError):
    """A folder that is not a dataset holds no Parquet file, or none that a glob selects."""

    code = "USR-ROOTS-101"
    exit_code = ExitCode.MISSING

    def __init__(self, folder: Path, *, glob: str | None) -> None:
        which = f" that matches {visible(glob)!r}" if glob else ""
        super().__init__(
            f"There is no Parquet file{which} in {visible(str(folder))}.",
            hint="Name a dataset, a Parquet file, or a folder that holds one.",
            facts={"folder": folder, "glob": glob},
        )
        self.folder, self.glob = folder, glob

    def __str__(self) -> str:
        return self.message


class SeveralParquetFiles(UsrError, LookupError):
    """A folder holds several Parquet files, and there is no terminal to ask which one is meant."""

    code = "USR-ROOTS-102"
    exit_code = ExitCode.USAGE

    def __init__(self, folder: Path, *, names: Sequence[str]) -> None:
        more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        super().__init__(
            f"There are {len(names)} Parquet files in {visible(str(folder))}.",
            hint="Name one of them, or select it with --glob 'PATTERN'.",
            facts={"folder": folder, "files": ", ".join(visible(name) for name in names[:_SHOWN]) + more},
        )
        self.folder, self.names = folder, tuple(names)


class GlobInvalid(UsrError, ValueError):
    """A glob can't be used here."""

    code = "USR-ROOTS-103"
    exit_code = ExitCode.USAGE

    def __init__(self, glob: str, *, reason: str) -> None:
        super().__init__(
            f"--glob {visible(glob)!r} can't be used: {reason}.",
            hint="Give a pattern for file names inside one folder, such as 'events*.parquet'.",
            facts={"value": visible(glob)},
        )
        self.glob = glob
