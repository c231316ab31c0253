"""Errors of maintenance: compacting, removing and clearing overlays, removing duplicates, merging datasets."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.errors import ExitCode, UsrError

__all__ = [
    "CarriedContractDiffers",
    "IdsUnknown",
    "MergeColumnsDiffer",
    "MergeDuplicate",
    "MergeSameDataset",
    "MergeTypesDiffer",
    "SourceLengthDiffers",
    "UnknownChoice",
]


class UnknownChoice(UsrError, ValueError):
    """The value of an option is not one of the allowed values."""

    code = "USR-MAINTENANCE-002"
    exit_code = ExitCode.USAGE
    template = "{option} can't be {value:quoted}."
    hint_template = "Give one of: {allowed:join, }."
    shown = ("value={value:visible}",)


class IdsUnknown(UsrError, LookupError):
    """Some of the given ids are neither records nor keys of the overlay."""

    code = "USR-MAINTENANCE-021"
    exit_code = ExitCode.MISSING
    template = "{count:,} of the given ids belong to no record and to no row of {namespace}."
    hint_template = "Check the ids; `usr grep` and `usr get` find records."
    shown = ("value={value:visible}",)


class MergeSameDataset(UsrError, ValueError):
    """The source and the destination of a merge are the same dataset."""

    code = "USR-MAINTENANCE-030"
    exit_code = ExitCode.USAGE
    template = "The source and the destination are the same dataset."
    hint_template = "Name another dataset as the source; `usr maintenance dedupe` removes duplicates inside one."
    shown = ("file={path!s}",)


class MergeDuplicate(UsrError, ValueError):
    """A record of the source is in the destination already, and the merge was told to refuse that."""

    code = "USR-MAINTENANCE-031"
    template = "{count:counted record} of the source {count:is|are} in the destination already."
    hint_template = "Give --if-duplicate skip, prefer-src or prefer-dest."
    shown = ("file", "row", "column=id", "value={record_id:visible}")


class MergeColumnsDiffer(UsrError, ValueError):
    """The two bases have different columns, and the merge was told to refuse that."""

    code = "USR-MAINTENANCE-032"

    def __init__(self, *, only_source: Sequence[str], only_destination: Sequence[str]) -> None:
        sides = [
            f"only the {side} has {', '.join(names)}"
            for side, names in (("source", only_source), ("destination", only_destination))
            if names
        ]
        super().__init__(
            f"The datasets have different columns: {'; '.join(sides)}.",
            hint="Merge with --union-columns, or materialize the missing columns first.",
            facts={"column": (*only_source, *only_destination)[0]},
        )
        self.only_source, self.only_destination = tuple(only_source), tuple(only_destination)


class MergeTypesDiffer(UsrError, TypeError):
    """A column has another type in the source, and its values can't or must not be cast to that of the destination."""

    code = "USR-MAINTENANCE-033"
    template = "{column} is {source} in the source and {destination} in the destination; {why}."
    hint_template = (
        "Merge with --coerce-overlap to-dest and without --require-same-columns where every value survives a cast; "
        "else materialize the column under one type."
    )
    shown = ("file", "row", "column", "value")
    file: str | None = None
    row: int | None = None
    value: str | None = None


class CarriedContractDiffers(UsrError, ValueError):
    """A namespace to be carried along has another contract in the source's root."""

    code = "USR-MAINTENANCE-034"
    template = "The namespace {namespace!r} has other columns or types in the source's root."
    hint_template = "Compare `usr namespace show {namespace}` in both roots and register the same columns."
    shown = ("namespace",)


class SourceLengthDiffers(UsrError, ValueError):
    """The ``length`` of a source's record is not the length of its sequence."""

    code = "USR-MAINTENANCE-035"
    template = "The length of a record is {value}, and its sequence has {length} letters."
    hint_template = "Run `usr validate` to see what is wrong with the source; restore it from a snapshot."
    shown = ("file", "row", "column=length", "value")
