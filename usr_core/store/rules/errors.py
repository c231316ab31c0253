"""Errors of an import: what is wrong with the input file, or with one of its cells."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from usr_core.errors import ExitCode, UsrError, near_names, visible
from usr_core.records.alphabets import OWN_ALPHABETS, Alphabet, KnownAlphabets

__all__ = [
    "AlphabetMismatch",
    "BlankSequence",
    "ColumnEmpty",
    "DuplicateRecord",
    "FileChanged",
    "ForgedId",
    "ImportCellError",
    "InvalidCreatedAt",
    "LengthDiffers",
    "LetterOutsideAlphabet",
    "MissingColumn",
    "NotAFile",
    "NotATable",
    "RecordsExpected",
    "RefusedByCheck",
    "RepeatedColumn",
    "RowWithoutSequence",
    "SequenceTooLong",
    "SourceFileError",
    "SourceMissing",
    "SourceNotPermitted",
    "SourceTruncated",
    "SourceUnreadable",
    "TooManyRows",
    "UnknownAlphabet",
    "UnknownBioType",
    "WrongColumnType",
]


class SourceFileError(UsrError, OSError):
    """A file that was given as input can't be used.

    Example:
        >>> from usr_core.api import SourceFileError
        >>> raise SourceFileError("The file has no header.", hint="Write the header.", facts={"file": "scan.out"})
        Traceback (most recent call last):
            ...
        usr_core.store.rules.errors.SourceFileError: The file has no header.
    """

    code = "USR-IMPORT-001"


class SourceMissing(SourceFileError, FileNotFoundError):
    """The input file does not exist."""

    code = "USR-IMPORT-002"
    exit_code = ExitCode.MISSING
    template = "There is no such file."
    hint_template = "{meant}Check the path; it is relative to the current folder."
    shown = ("file={path!s}",)
    path: Path

    @property
    def meant(self) -> str:
        """The files beside it that are called alike, as a question."""
        try:
            with os.scandir(self.path.parent) as found:
                names = [entry.name for entry in islice(found, 10_000) if not entry.name.startswith(".")]
        except OSError:
            return ""
        near = [shlex.quote(visible(str(self.path.with_name(name)))) for name in near_names(self.path.name, names)]
        return f"Did you mean {' or '.join(near)}? " if near else ""


class NotAFile(SourceFileError):
    """The path names a folder, a device or a pipe."""

    code = "USR-IMPORT-003"
    template = "A file is expected, but this is {kind}."
    hint_template = "Give the path of one regular file; write the output of a pipe to a file first."
    shown = ("file={path!s}",)


class SourceNotPermitted(SourceFileError, PermissionError):
    """The user running this may not read the file."""

    code = "USR-IMPORT-004"
    template = "You are not allowed to read this file."
    hint_template = "Ask its owner for read permission on the file and on the folders above it."
    shown = ("file={path!s}",)


class FileChanged(SourceFileError):
    """The input was modified or replaced while it was read; nothing of it was taken."""

    code = "USR-IMPORT-005"
    template = "The file changed while it was read."
    hint_template = "Wait until nothing writes to it any more, then run the command again."
    shown = ("file={path!s}", "before", "after")


class SourceTruncated(SourceFileError):
    r"""The file ends too early: a compressed stream, a quoted cell or a footer is cut off.

    Example:
        >>> import gzip
        >>> size = (tmp_path / "motifs.csv.gz").write_bytes(gzip.compress(b"sequence\nTTGACA\n")[:-8])
        >>> dataset.import_file("motifs.csv.gz")
        Traceback (most recent call last):
            ...
        usr_core.store.rules.errors.SourceTruncated: The file is cut off: the gzip stream ends too early.
    """

    code = "USR-IMPORT-006"

    def __init__(
        self,
        path: Path,
        reason: str,
        *,
        hint: str = "Copy or download it again, and compare its size with the original's.",
        row: int | None = None,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        super().__init__(
            f"The file is cut off: {reason}.",
            hint=hint,
            facts={
                "file": str(path),
                "row": row,
                "line": line,
                "column": column,
                "value": None if value is None else visible(value),
            },
        )


class SourceUnreadable(SourceFileError, ValueError):
    r"""The content is not of the expected format, or one of its rows is not.

    Example:
        >>> size = (tmp_path / "broken.jsonl").write_text('{"sequence": "TTGACA"}\n{"sequence": TATAAT}\n')
        >>> dataset.import_file("broken.jsonl")
        Traceback (most recent call last):
            ...
        usr_core.store.rules.errors.SourceUnreadable: The line is not valid JSON: letter 14 can't stand there.
    """

    code = "USR-IMPORT-007"

    def __init__(
        self,
        path: Path,
        reason: str,
        *,
        hint: str,
        row: int | None = None,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        super().__init__(
            reason,
            hint=hint,
            facts={
                "file": str(path),
                "row": row,
                "line": line,
                "column": column,
                "value": None if value is None else visible(value),
            },
        )
        self.row, self.line, self.column, self.value = row, line, column, value


class RepeatedColumn(SourceFileError, ValueError):
    r"""A column that is wanted occurs twice in the header.

    Example:
        >>> size = (tmp_path / "twice.csv").write_text("sequence,sequence\nTTGACA,TATAAT\n")
        >>> dataset.import_file("twice.csv")
        Traceback (most recent call last):
            ...
        usr_core.store.rules.errors.RepeatedColumn: The column 'sequence' occurs more than once, so its values ...
    """

    code = "USR-IMPORT-008"

    def __init__(self, path: Path, column: str) -> None:
        super().__init__(
            f"The column {visible(column)!r} occurs more than once, so its values are ambiguous.",
            hint="Rename or remove all but one of them.",
            facts={"file": str(path), "column": column},
        )


class MissingColumn(UsrError, ValueError):
    """The input lacks a column that is needed.

    Attributes:
        column: Its name.
        present: The columns that there are.
    """

    code = "USR-IMPORT-010"

    def __init__(self, label: str, *, column: str, present: Sequence[str]) -> None:
        listed = ", ".join(visible(name, limit=40) for name in present[:20]) or "none"
        more = f", and {len(present) - 20} more" if len(present) > 20 else ""
        super().__init__(
            f"There is no column {column!r} among the records.",
            hint=f"{_advice(column, present)} Columns found: {listed}{more}.",
            facts={"file": label, "column": column},
        )
        self.column, self.present = column, tuple(present)


def _advice(column: str, present: Sequence[str]) -> str:
    from usr_core.records.base_schema import BASE_COLUMNS

    if column not in BASE_COLUMNS:  # it was named, as in --sequence-column or --map
        meant = [visible(name) for name in near_names(column, present)]
        return f"Did you mean {' or '.join(meant)}?" if meant else "Name a column that is there."
    near = [name for name in present if name.strip().casefold() == column]
    if near:
        option = "--sequence-column " if column == "sequence" else f"--map {column}="
        return f"Give {option}{shlex.quote(visible(near[0]))}, or rename {visible(near[0])!r} to {column!r}."
    if len(present) == 1 and any(mark in present[0] for mark in ";\t|"):
        return "The file does not seem to have commas between its cells; save it with commas."
    option = "--sequence-column" if column == "sequence" else f"--map {column}=NAME"
    return f"Name the column that holds it with {option}, or rename it to {column!r}."


class WrongColumnType(UsrError, TypeError):
    """A column's type can't hold what it should."""

    code = "USR-IMPORT-011"
    template = "The column {column!r} is {found}; {expected} is expected."
    hint_template = "Write the column as {expected}."
    shown = ("file={label}", "column", "value={found}")


class ImportCellError(UsrError, ValueError):
    """One cell of the input breaks a rule of the base table.

    Attributes:
        row: 1 is the first record after the header, counted over the whole file.
        column: The column's name.
        value: The cell as text, or None where it is null.
    """

    code = "USR-IMPORT-020"
    template = "{reason}"
    shown = ("file={label}", "row", "column", "value={value:cell}")
    row: int
    column: str
    value: str | None


class BlankSequence(ImportCellError):
    """A sequence is empty, blank or null."""

    code = "USR-IMPORT-021"


class LetterOutsideAlphabet(ImportCellError):
    """A sequence holds a letter that its alphabet does not have."""

    code = "USR-IMPORT-022"

    def __init__(
        self,
        label: str,
        *,
        row: int,
        value: str,
        alphabet: Alphabet,
        position: int,
        known: KnownAlphabets = OWN_ALPHABETS,
    ) -> None:
        letter = value[position]
        super().__init__(
            label=label,
            reason=f"The letter {visible(letter)!r} (U+{ord(letter):04X}) at position {position + 1} is not in "
            f"{alphabet.name}, which has {alphabet.letters} in either case.",
            hint=_hint_of_letters(value, alphabet, known),
            row=row,
            column="sequence",
            value=value,
        )
        self.letter, self.position, self.alphabet = letter, position + 1, alphabet.name


def _hint_of_letters(sequence: str, asked: Alphabet, known: KnownAlphabets) -> str:
    fitting = known.narrowest(sequence, asked.bio_type)
    if fitting is None:
        return "Correct the sequence; no alphabet has all of its letters."
    bio_type = "" if asked.bio_type == fitting.bio_type else f"--bio-type {fitting.bio_type} "
    wanted = f"{bio_type}--alphabet {fitting.name}"
    return f"Correct the sequence, or import it under an alphabet that has its letters: {wanted}"


class ColumnEmpty(ImportCellError):
    """A column ``bio_type`` or ``alphabet`` is there but not filled in every row."""

    code = "USR-IMPORT-023"


class ForgedId(ImportCellError):
    """A given id is not the one that bio_type and sequence have."""

    code = "USR-IMPORT-024"


class InvalidCreatedAt(ImportCellError):
    """A ``created_at`` is not a point in time in UTC microseconds."""

    code = "USR-IMPORT-025"


class SequenceTooLong(ImportCellError):
    """A sequence is longer than 256 MiB."""

    code = "USR-IMPORT-026"


class LengthDiffers(ImportCellError):
    """A given length is not the number of the sequence's letters."""

    code = "USR-IMPORT-190"


class RefusedByCheck(UsrError, ValueError):
    """A plugin's check found an error in the rows of an import."""

    code = "USR-IMPORT-260"
    template = "{reason}"
    shown = ("file={label}", "row", "rows", "check", "plugin", "finding")


class _NameUnknown(UsrError, ValueError):
    """A name in a cell, or in an option that stands in for the column, is not one that USR knows."""

    column = ""
    row: int | None

    def __init__(self, label: str, *, value: str, known: Sequence[str], row: int | None = None) -> None:
        place: dict[str, object] = {"file": label, "row": row, "column": self.column}
        if row is None:
            self.exit_code = ExitCode.USAGE
            place = {"option": f"--{self.column.replace('_', '-')}"}
        super().__init__(facts=place | {"value": visible(value)}, value=value, known=known, row=row)


class UnknownBioType(_NameUnknown):
    """A bio_type is not one that USR knows."""

    code = "USR-IMPORT-027"
    column = "bio_type"
    template = "There is no bio_type {value:quoted}."
    hint_template = "Use one of: {known:join, } (lower case)."


class UnknownAlphabet(_NameUnknown):
    """An alphabet is not one that USR knows."""

    code = "USR-IMPORT-028"
    column = "alphabet"
    template = "There is no alphabet {value:quoted}."
    hint_template = "Use one of: {known:join, }."


class AlphabetMismatch(UsrError, ValueError):
    """The alphabet belongs to another bio_type."""

    code = "USR-IMPORT-029"
    template = "The alphabet {alphabet} does not fit the bio_type {bio_type}."
    hint_template = "For {bio_type} use one of: {fitting:join, } (--alphabet, or a column 'alphabet')."
    shown = ("file={label}", "row", "column=alphabet", "value={alphabet}")
    row: int | None = None


class DuplicateRecord(ImportCellError):
    """A record occurs twice in the file, or is in the dataset already.

    Attributes:
        record_id: Its id.
        first_row: The earlier row of the file, or None where the dataset has the record.
        first_file: The file of that row where it is another one.
        name, first_name: What the two rows are called, where the file names its records.
        count: Rows of the file that are duplicates in this sense.
        deleted: Whether the dataset has the record as a deleted one.
    """

    code = "USR-IMPORT-030"

    def __init__(
        self,
        label: str,
        *,
        row: int,
        sequence: str,
        record_id: str,
        first_row: int | None,
        count: int,
        deleted: bool = False,
        first_file: str | None = None,
        name: str | None = None,
        first_name: str | None = None,
    ) -> None:
        of_file = f" of {first_file}" if first_file else ""
        first = f"row {first_row}{of_file}{_called(first_name)}"
        where = "the dataset already has this record" if first_row is None else f"{first} is the same record"
        where += ", which is deleted" if deleted else ""
        more = f" ({count} such rows in all)" if count > 1 else ""
        super().__init__(
            label=label,
            reason=f"Row {row}{_called(name)} is a duplicate: {where}{more}.",
            hint=(f"Bring the record back with `usr restore --id {record_id}`. " if deleted else "")
            + "Remove the duplicates, or skip and count them: --on-duplicate skip.",
            row=row,
            column="sequence",
            value=sequence,
        )
        self.record_id, self.first_row, self.count, self.deleted = record_id, first_row, count, deleted
        self.first_file, self.name, self.first_name = first_file, name, first_name
        more_facts = {"id": record_id, "first_row": first_row, "name": name, "first_name": first_name}
        self.facts |= {key: value for key, value in more_facts.items() if value is not None}


def _called(name: str | None) -> str:
    """Return a record's name in parentheses, or nothing."""
    return f" ({visible(name, limit=60)})" if name else ""


class TooManyRows(UsrError, ValueError):
    """The dataset would have more than 2^31 - 1 rows."""

    code = "USR-IMPORT-031"
    template = "The dataset would have more than {limit:,} rows."
    hint_template = "Divide the records among several datasets."
    shown = ("file={label}",)


class NotATable(UsrError, TypeError):
    """A value is not a table that USR can read."""

    code = "USR-TABLE-001"
    template = "A {kind} is not a table."
    hint_template = "Pass an Arrow table, batch or reader, or a pandas or Polars frame, or a DuckDB relation."
    shown = ("value={kind}",)


class RowWithoutSequence(UsrError, ValueError):
    """A record given as a mapping has no sequence, or a value that is not text."""

    code = "USR-TABLE-002"
    template = "{label}: a record's {column} {reason}."
    hint_template = "Give each record as a mapping with a text under 'sequence'."
    shown = ("file={label}", "row", "column", "value={value!r}")


class RecordsExpected(UsrError, TypeError):
    """Something else than a list of mappings was given as records."""

    code = "USR-TABLE-003"

    def __init__(self, reason: str, *, hint: str, row: int | None = None, value: object = None) -> None:
        super().__init__(
            f"Records are given as a list of mappings, and {reason}.",
            hint=hint,
            facts={"row": row, "value": None if value is None else repr(value)[:200]},
        )
        self.row = row
