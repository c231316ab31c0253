"""The errors of this plugin."""

from __future__ import annotations

from usr_core.api import UsrError

__all__ = ["BadFastq", "BadMotif", "BadMotifTable"]


class BadFastq(UsrError, ValueError):
    """A file is not FASTQ, or one of its records is malformed."""

    code = "USR-EXAMPLE-101"
    template = "{reason}"
    hint_template = "Give a FASTQ file with four lines a record: @name, sequence, +, quality."
    shown = ("file={path}", "row")
    row: int | None = None


class BadMotifTable(UsrError, ValueError):
    """A table was not written by `usr example find`."""

    code = "USR-EXAMPLE-102"
    template = "{reason}"
    hint_template = "Write it again with `usr example find`."
    shown = ("file={path}", "row")
    row: int | None = None


class BadMotif(UsrError, ValueError):
    """A motif can't be looked for."""

    code = "USR-EXAMPLE-103"
    template = "{motif!r} is not a motif."
    hint_template = "Give letters, for example TATAAT."
