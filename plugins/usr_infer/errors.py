"""Errors of model outputs: names, registration, files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.api import ExitCode, UsrError, counted, visible

__all__ = [
    "InferArrayUnfit",
    "InferColumnDiffers",
    "InferFileUnreadable",
    "InferIdsCount",
    "InferIdsMissing",
    "InferNameUnsafe",
    "InferOptionInvalid",
    "InferOutputUnknown",
]


class InferNameUnsafe(UsrError, ValueError):
    """A model, job or output can't be part of a column's name."""

    code = "USR-INFER-101"
    exit_code = ExitCode.USAGE

    def __init__(self, name: str, *, what: str, suggestion: str) -> None:
        super().__init__(
            f"The {what} {visible(name)!r} can't be part of a column's name.",
            hint="Begin with a letter; then letters, digits and single '_' between them"
            + (f", as in {suggestion!r}." if suggestion else "."),
            facts={what: name},
        )
        self.name = name


class InferColumnDiffers(UsrError, ValueError):
    """A column is registered with another type."""

    code = "USR-INFER-102"
    template = "{column} is registered as {registered}, not {wanted}."
    hint_template = (
        "Give the model columns of its own with --model and --job, or change the type with `usr namespace register "
        "infer --columns … --overwrite`."
    )
    shown = ("column", "registered", "wanted")


class InferOptionInvalid(UsrError, ValueError):
    """Options contradict each other, or one has a value that it can't have."""

    code = "USR-INFER-103"
    exit_code = ExitCode.USAGE


class InferFileUnreadable(UsrError, ValueError):
    """A file of model outputs is damaged, or of a kind that is not read."""

    code = "USR-INFER-104"
    template = "{file.name:visible}: {reason}."
    shown = ("file={file!s}", "array", "row")
    row: int | None = None
    array: str | None = None


class InferArrayUnfit(UsrError, ValueError):
    """An array has another shape or kind of value than its column."""

    code = "USR-INFER-105"
    template = "{file.name:visible}: the array {array:quoted} does not fit {column}: {reason}."
    shown = ("file={file!s}", "array", "column", "shape={shape:joinx|a number}")


class InferIdsMissing(UsrError, LookupError):
    """It is not known which record a row belongs to."""

    code = "USR-INFER-106"
    template = "{file.name:visible}: {reason}."
    shown = ("file={file!s}",)


class InferIdsCount(UsrError, ValueError):
    """There are more ids than rows, or fewer."""

    code = "USR-INFER-107"

    def __init__(self, file: Path, *, source: str, ids: int, rows: int) -> None:
        super().__init__(
            f"{visible(file.name)}: it has {counted(rows, 'row')}, and {source} has {counted(ids, 'id')}.",
            hint="Give one id for each row, in the rows' order, with --ids FILE; the file may be of another run.",
            facts={"file": str(file), "ids": source, "row": min(ids, rows) + 1},
        )
        self.ids, self.rows = ids, rows


class InferOutputUnknown(UsrError, LookupError):
    """No output of a file has a registered column."""

    code = "USR-INFER-108"

    def __init__(self, file: Path, *, outputs: Sequence[str], registered: Sequence[str]) -> None:
        shown = ", ".join(visible(name, limit=80) for name in outputs[:20])
        super().__init__(
            f"{visible(file.name)}: {f'no column is registered for {shown}' if shown else 'it holds no output'}.",
            hint="Register columns with `usr infer register`, or name the array's column with "
            f"--writer-option column=NAME. Registered are: {', '.join(registered[:20]) or 'none'}.",
            facts={"file": str(file), "outputs": shown or None},
        )
