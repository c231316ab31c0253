"""Errors of overlays: reading them beside the base, and matching their keys with records."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.errors import ExitCode, UsrError, visible

__all__ = [
    "AmbiguousOverlay",
    "BaseKeysNotUnique",
    "KeyNeedsDna4",
    "KeyNeedsOneBioType",
    "NoSuchOverlay",
    "OverlayKeyFault",
    "OverlayKeysUnresolved",
    "OverlayNotStamped",
    "OverlayTypeNotRegistered",
    "OverlayTypesDiffer",
    "OverlayUnreadable",
    "OverlayVanished",
]


class AmbiguousOverlay(UsrError):
    """A namespace exists both as one file and as a folder of parts; no rule says which one counts."""

    code = "USR-OVERLAY-001"
    template = "Overlay {namespace!r} exists twice: as the file {file} and as the folder {folder}/."
    hint_template = "Move {file} into {folder}/ under a name like part-….parquet, or remove the one that is stale."
    shown = ("file", "folder")


class OverlayUnreadable(UsrError):
    """An overlay file is truncated, damaged, or not a Parquet file."""

    code = "USR-OVERLAY-002"
    template = "The overlay file {file} can't be read."
    hint_template = "Restore it from a copy (usr pull, a backup), or move it out of _derived/."
    shown = ("file", "cause={cause!s:visible}")
    file: str


class OverlayVanished(OverlayUnreadable, FileNotFoundError):
    """An overlay file that had been listed was gone when it was opened: a writer was at work."""

    code = "USR-OVERLAY-003"


class OverlayNotStamped(UsrError):
    """An overlay file lacks the metadata, or the key column, that says how to merge it."""

    code = "USR-OVERLAY-004"
    template = "The overlay file {file} was not written by USR: {missing}."
    hint_template = "Move it out of _derived/ and attach its values with `usr attach`."
    shown = ("file", "value={value:visible}")
    value: str | None = None


class OverlayKeyFault(UsrError, ValueError):
    """A key of an overlay part is null, or occurs there more than once."""

    code = "USR-MAINTENANCE-011"

    def __init__(self, part: str, *, key: str, fault: str, count: int, values: Sequence[str] = ()) -> None:
        super().__init__(
            f"{part}: {fault} (rows concerned: {count:,}). Each row of a part needs a key of its own.",
            hint="Run `usr validate` to see the rows; nothing says which is right. Move the part out of _derived/, "
            "leave one row for each key, and attach its values again.",
            facts={
                "file": part,
                "column": key,
                "value": ", ".join(visible(value, limit=80) for value in values) or None,
            },
        )
        self.part, self.key, self.count, self.values = part, key, count, tuple(values)


class OverlayTypesDiffer(UsrError):
    """Two files hold one column with types that can't be merged."""

    code = "USR-OVERLAY-005"
    template = "Column {column} is {types[0]} in {files[0]} and {types[1]} in {files[1]}."
    hint_template = "Run `usr validate` to see which one differs from the registry; take it out and attach it again."
    shown = ("file={files[1]}", "column", "value={types[1]}", "other_file={files[0]}", "expected={types[0]}")


class KeyNeedsOneBioType(UsrError, ValueError):
    """A sequence identifies a record only where all records are of one bio_type."""

    code = "USR-OVERLAY-006"

    def __init__(self, key: str, *, bio_types: Sequence[str]) -> None:
        found = ", ".join(visible(name, limit=40) for name in bio_types[:5])
        super().__init__(
            f"The key {key} needs a dataset of one bio_type; this one holds {found}.",
            hint="Use the key id.",
            facts={"column": "bio_type", "value": found},
        )
        self.key, self.bio_types = key, tuple(bio_types)


class KeyNeedsDna4(UsrError, ValueError):
    """The key ``sequence_ci`` was asked for where not every record is ``dna_4``."""

    code = "USR-OVERLAY-007"
    template = "The key sequence_ci is for datasets whose records are all dna_4."
    hint_template = "Use the key sequence_norm or id."
    shown = ("row", "column=alphabet", "value={alphabet:visible}")


class BaseKeysNotUnique(UsrError, ValueError):
    """Two records share a key, so the key does not say which of them is meant."""

    code = "USR-OVERLAY-008"
    template = "The key {key} is not unique among the records: {count} of them repeat an earlier one."
    hint_template = "Use the key id, or look at `usr maintenance dedupe --key {key} --dry-run`."
    shown = ("row={rows[1]}", "column={key}", "value={value:visible}", "first_row={rows[0]}")


class NoSuchOverlay(UsrError, LookupError):
    """A namespace has no overlay in this dataset."""

    code = "USR-OVERLAY-102"
    exit_code = ExitCode.MISSING

    def __init__(self, namespace: str, *, present: Sequence[str]) -> None:
        super().__init__(
            f"Namespace {namespace!r} has no overlay in this dataset.",
            hint=f"Use one of: {', '.join(present)}." if present else "Attach values first; there are no overlays.",
            facts={"namespace": namespace},
        )
        self.namespace = namespace


class OverlayTypeNotRegistered(UsrError, TypeError):
    """An overlay's column has another type than the registry says."""

    code = "USR-OVERLAY-103"
    template = "{part}: {column} is {found}, but {registered} is registered."
    hint_template = "Attach the column again with the registered type, or validate with --registry-mode frozen."
    shown = ("file={part}", "column")


class OverlayKeysUnresolved(UsrError, ValueError):
    """Keys of an overlay part match no record and do not say which id they mean."""

    code = "USR-MAINTENANCE-010"
    template = "{part}: {count:,} of its keys ({key}) match no record, and their ids can't be known: {reason}."
    hint_template = "Import the records they belong to, or take those rows out of the part."
    shown = ("file={part}", "column={key}")
