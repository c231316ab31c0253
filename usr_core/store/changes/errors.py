"""Errors of maintenance: compacting, removing and clearing overlays, removing duplicates, merging datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.errors import ExitCode, UsrError, counted, visible

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

    def __init__(self, option: str, *, value: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{option} can't be {visible(value)!r}.",
            hint=f"Give one of: {', '.join(allowed)}.",
            facts={"value": visible(value)},
        )
        self.option, self.value, self.allowed = option, value, tuple(allowed)


class IdsUnknown(UsrError, LookupError):
    """Some of the given ids are neither records nor keys of the overlay."""

    code = "USR-MAINTENANCE-021"
    exit_code = ExitCode.MISSING

    def __init__(self, value: str, *, namespace: str, count: int) -> None:
        super().__init__(
            f"{count:,} of the given ids belong to no record and to no row of {namespace}.",
            hint="Check the ids; `usr grep` and `usr get` find records.",
            facts={"value": visible(value)},
        )
        self.value, self.count = value, count


class MergeSameDataset(UsrError, ValueError):
    """The source and the destination of a merge are the same dataset."""

    code = "USR-MAINTENANCE-030"
    exit_code = ExitCode.USAGE

    def __init__(self, path: Path) -> None:
        super().__init__(
            "The source and the destination are the same dataset.",
            hint="Name another dataset as the source; `usr maintenance dedupe` removes duplicates inside one.",
            facts={"file": str(path)},
        )
        self.path = path


class MergeDuplicate(UsrError, ValueError):
    """A record of the source is in the destination already, and the merge was told to refuse that."""

    code = "USR-MAINTENANCE-031"

    def __init__(self, file: str, *, row: int, record_id: str, count: int) -> None:
        super().__init__(
            f"{counted(count, 'record')} of the source {'is' if count == 1 else 'are'} in the destination already.",
            hint="Give --if-duplicate skip, prefer-src or prefer-dest.",
            facts={"file": file, "row": row, "column": "id", "value": visible(record_id)},
        )
        self.row, self.record_id, self.count = row, record_id, count


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

    def __init__(
        self,
        column: str,
        *,
        source: str,
        destination: str,
        why: str,
        file: str | None = None,
        row: int | None = None,
        value: str | None = None,
    ) -> None:
        super().__init__(
            f"{column} is {source} in the source and {destination} in the destination; {why}.",
            hint="Merge with --coerce-overlap to-dest and without --require-same-columns where every value survives a "
            "cast; else materialize the column under one type.",
            facts={"file": file, "row": row, "column": column, "value": value},
        )
        self.column, self.source, self.destination, self.row = column, source, destination, row


class CarriedContractDiffers(UsrError, ValueError):
    """A namespace to be carried along has another contract in the source's root."""

    code = "USR-MAINTENANCE-034"

    def __init__(self, namespace: str) -> None:
        super().__init__(
            f"The namespace {namespace!r} has other columns or types in the source's root.",
            hint=f"Compare `usr namespace show {namespace}` in both roots and register the same columns.",
            facts={"namespace": namespace},
        )
        self.namespace = namespace


class SourceLengthDiffers(UsrError, ValueError):
    """The ``length`` of a source's record is not the length of its sequence."""

    code = "USR-MAINTENANCE-035"

    def __init__(self, file: str, *, row: int, value: int, length: int) -> None:
        super().__init__(
            f"The length of a record is {value}, and its sequence has {length} letters.",
            hint="Run `usr validate` to see what is wrong with the source; restore it from a snapshot.",
            facts={"file": file, "row": row, "column": "length", "value": value},
        )
        self.row, self.value, self.length = row, value, length
