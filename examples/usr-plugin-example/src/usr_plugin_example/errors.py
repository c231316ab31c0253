"""The errors of this plugin."""

from __future__ import annotations

from pathlib import Path

from usr_core.api import UsrError

__all__ = ["BadFastq", "BadMotif", "BadMotifTable"]


class BadFastq(UsrError, ValueError):
    """A file is not FASTQ, or one of its records is malformed."""

    code = "USR-EXAMPLE-101"

    def __init__(self, path: Path, reason: str, *, row: int | None = None) -> None:
        super().__init__(
            reason,
            hint="Give a FASTQ file with four lines a record: @name, sequence, +, quality.",
            facts={"file": path, "row": row},
        )


class BadMotifTable(UsrError, ValueError):
    """A table was not written by `usr example find`."""

    code = "USR-EXAMPLE-102"

    def __init__(self, path: Path, reason: str, *, row: int | None = None) -> None:
        super().__init__(reason, hint="Write it again with `usr example find`.", facts={"file": path, "row": row})


class BadMotif(UsrError, ValueError):
    """A motif can't be looked for."""

    code = "USR-EXAMPLE-103"

    def __init__(self, motif: str) -> None:
        super().__init__(f"{motif!r} is not a motif.", hint="Give letters, for example TATAAT.")
