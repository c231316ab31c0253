"""Errors of DenseGen's plugin."""

from __future__ import annotations

from pathlib import Path

from usr_core.api import ExitCode, UsrError

__all__ = [
    "ArraysInvalid",
    "ArtifactDamaged",
    "ColumnUnfit",
    "NamespaceIncomplete",
    "NothingChosen",
    "OutputCellInvalid",
    "OutputUnreadable",
    "SiteMalformed",
]


class OutputCellInvalid(UsrError, ValueError):
    """A cell of DenseGen's output can't become a value of its column."""

    code = "USR-DENSEGEN-101"
    template = "{path.name}: {column} can't be read: {reason}."
    hint_template = "Correct the cell, or leave the column out with --columns."
    shown = ("file={path!s}", "row", "column", "value={value!r:visible}")


class OutputUnreadable(UsrError, ValueError):
    """A file that was named as DenseGen's output is not a Parquet file, or is not there."""

    code = "USR-DENSEGEN-102"

    def __init__(self, path: Path, *, reason: str) -> None:
        told = reason.splitlines()[0] if reason else "no reason given"
        super().__init__(
            f"{path.name} can't be read as DenseGen's output: {told}",
            hint="Give the Parquet file that DenseGen wrote.",
            facts={"file": str(path)},
        )
        self.path = path


class ColumnUnfit(UsrError, ValueError):
    """A rule of repair needs a column that the dataset does not have, or has with another type."""

    code = "USR-DENSEGEN-103"

    def __init__(self, column: str, *, rule: str, dataset: str, kind: str | None = None) -> None:
        reason = "is not in the dataset" if kind is None else f"is {kind}"
        super().__init__(
            f"{rule} looks at {column}, which {reason}.",
            hint="Attach DenseGen's output first (usr attach --writer densegen --path FILE), or leave the rule out.",
            facts={"dataset": dataset, "column": column},
        )
        self.column, self.rule = column, rule


class SiteMalformed(UsrError, ValueError):
    """A binding site in a record is not written ``tf:motif``."""

    code = "USR-DENSEGEN-104"
    template = "{column} holds a binding site that is not tf:motif."
    hint_template = "Attach the column again with corrected values (usr attach --allow-overwrite)."
    shown = ("row", "column", "value={value:cell}")


class NothingChosen(UsrError, ValueError):
    """Repair was asked for without saying what to repair."""

    code = "USR-DENSEGEN-105"
    exit_code = ExitCode.USAGE
    template = "Nothing was chosen to be repaired."
    hint_template = (
        "Give --dedupe, --filter-single-tf, --drop-single-tf, --drop-id-seq-only or --drop-missing-used-tfbs."
    )


class NamespaceIncomplete(UsrError, LookupError):
    """The registered namespace lacks columns that the record writer fills."""

    code = "USR-DENSEGEN-106"
    template = "The namespace densegen is registered without {missing:join, }."
    hint_template = "Register its columns: usr namespace register --from-plugin densegen."
    shown = ("column={missing[0]}",)


class ArraysInvalid(UsrError, ValueError):
    """Arrays of a record can't be kept as a file."""

    code = "USR-DENSEGEN-107"
    template = "The arrays of a record can't be kept: {reason}."
    hint_template = "Give a mapping of names to arrays of numbers, truth values or text of fixed width."
    shown = ("field",)
    field: str | None = None


class ArtifactDamaged(UsrError, ValueError):
    """The file that a record's arrays are in is missing, or is not the one that was written."""

    code = "USR-DENSEGEN-108"
    template = "{path.name}: {reason}."
    hint_template = "Fetch the file again from a copy of the dataset (usr pull)."
    shown = ("file={path!s}",)
