"""The rules of a record, each stated once: an import refuses the first row that breaks one, `validate` reports all.

A rule is an entry of the table here (what `validate` says, and the error that an import makes of it) and a line of
`RecordChunk.breaches`, which finds the rows. Nearly every chunk breaks none, so a few passes over its buffers ask
about all of it first; rows are looked for only where the answer is no.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.plugin.specs import Severity
from usr_core.records.alphabets import BIO_TYPES, OWN_ALPHABETS, Alphabet, KnownAlphabets
from usr_core.records.arrays import fixed_values, text_array
from usr_core.records.bulk_ids import IdHasher, string_parts
from usr_core.records.ids import DELIMITER, is_record_id
from usr_core.store.ids.row_numbers import row_numbers, true_rows, valid_mask
from usr_core.store.ids.texts import byte_values, texts_of
from usr_core.store.rules.columns import LETTER_BYTES, FewTexts
from usr_core.store.rules.errors import (
    AlphabetMismatch,
    BlankSequence,
    ColumnEmpty,
    ForgedId,
    ImportCellError,
    LengthDiffers,
    LetterOutsideAlphabet,
    SequenceTooLong,
    UnknownAlphabet,
    UnknownBioType,
)

__all__ = [
    "CHECKED_COLUMNS",
    "ID_REPEATED",
    "NULL_VALUE",
    "ROW_LIMIT",
    "SEQUENCE_LIMIT",
    "Breach",
    "LetterCase",
    "RecordChunk",
    "Rule",
    "check_option_kinds",
]

CHECKED_COLUMNS = ("id", "bio_type", "sequence", "alphabet", "length")
"""The columns that rules compare with each other: a row is judged where it has a value in each."""

# Below 2^31 by one: the position index numbers rows by int32 and hands out as many numbers as there are rows.
ROW_LIMIT = (1 << 31) - 1
"""Rows a dataset may have (format.md, section 8)."""

SEQUENCE_LIMIT = 256 << 20
"""Bytes a sequence may have (format.md, section 8)."""

_RESTORE = "Restore the base from `_snapshots/` or a remote copy (usr pull); its rows are never edited by hand."

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_Refusal = Callable[["Breach", dict[str, Any]], Exception]

_SHOWN_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Rule:
    """What is said of the rows that break a rule.

    Attributes:
        code, what, hint, severity: The finding of `validate`: its code, what it says of the column, what to do.
        column: The column that is wrong; empty where it can be any.
        told: What the finding tells of the first row.
        refused: The error of an import about the first row, made with its place; None where an import puts it right.
    """

    code: str
    what: str
    hint: str = _RESTORE
    severity: Severity = "error"
    column: str = ""
    told: Callable[[Breach], str] = lambda _: ""
    refused: _Refusal | None = None


@dataclass(frozen=True, slots=True)
class Breach:
    """Rows of a chunk that break a rule, at least one: their places from 0, ascending. What is told is of the first."""

    chunk: RecordChunk
    rule: Rule
    rows: Rows

    def told(self) -> str:
        """Return what a finding tells."""
        return self.rule.told(self)

    def refusal(self, label: str, first_row: int | None) -> Exception:
        """Return the error of an import; the chunk begins with row `first_row`, or is made of options (None)."""
        assert self.rule.refused is not None, f"an import puts right what breaks {self.rule.code}"
        return self.rule.refused(self, {"label": label, "row": None if first_row is None else first_row + self.first})

    @property
    def first(self) -> int:
        return int(self.rows[0])

    @property
    def given(self) -> str | None:
        """What the input has in the cell, as text; of a very long one the beginning."""
        cell = self.chunk.given[self.rule.column].slice(self.first, 1)
        if cell.null_count or not pa.types.is_string(cell.type):
            return None if cell.null_count else str(cell[0].as_py())
        return bytes(string_parts(cell)[1][:_SHOWN_BYTES]).decode("utf-8", "replace")

    @property
    def sequence(self) -> str:
        return texts_of(self.chunk.sequences.slice(self.first, 1))[0]

    @property
    def kinds(self) -> dict[str, Any]:
        return {"bio_type": self.chunk.bio_types.at(self.first), "alphabet": self.chunk.alphabets.at(self.first)}

    @property
    def letters(self) -> int:
        return int(self.chunk.letters[self.first])

    @property
    def alphabet(self) -> Alphabet:
        """The alphabet of the first row, which is known."""
        return next(each for each in self.chunk.known_here if each.name == self.kinds["alphabet"])

    @property
    def stranger(self) -> int:
        """The place of the first letter outside the alphabet, white space around the sequence left out."""
        return self.alphabet.first_stranger(self.sequence.strip()) or 0


def _cell(kind: type[ImportCellError], reason: Callable[[Breach], str], hint: str) -> _Refusal:
    return lambda row, at: kind(**at, column=row.rule.column, value=row.given, reason=reason(row), hint=hint)


def _unknown(
    kind: type[UnknownBioType | UnknownAlphabet], column: str, known: Callable[[Breach], tuple[str, ...]]
) -> _Refusal:
    empty = _cell(
        ColumnEmpty,
        lambda _: f"The column {column!r} is there, but this row has no value.",
        f"Fill {column!r} in every row, or remove the column and give --{column.replace('_', '-')}.",
    )

    def refused(row: Breach, at: dict[str, Any]) -> Exception:
        value = row.kinds[column]
        return empty(row, at) if not value and at["row"] else kind(**at, value=value, known=known(row))

    return refused


NULL_VALUE = Rule("USR-VALID-020", "is null")
BIO_TYPE_UNKNOWN = Rule(
    "USR-VALID-021",
    f"is not one of {', '.join(BIO_TYPES)}",
    column="bio_type",
    told=lambda row: repr(row.kinds["bio_type"]),
    refused=_unknown(UnknownBioType, "bio_type", lambda _: BIO_TYPES),
)
ALPHABET_UNKNOWN = Rule(
    "USR-VALID-022",
    "is not a known alphabet",
    column="alphabet",
    told=lambda row: repr(row.kinds["alphabet"]),
    refused=_unknown(UnknownAlphabet, "alphabet", lambda row: tuple(each.name for each in row.chunk.known.all())),
)
ALPHABET_MISFIT = Rule(
    "USR-VALID-023",
    "does not fit the bio_type",
    column="alphabet",
    told=lambda row: "{alphabet} of {bio_type}".format(**row.kinds),
    refused=lambda row, at: AlphabetMismatch(
        **at, **row.kinds, fitting=row.chunk.known.names_for(row.kinds["bio_type"])
    ),
)
SEQUENCE_EMPTY = Rule(
    "USR-VALID-024",
    "is empty",
    column="sequence",
    refused=_cell(
        BlankSequence,
        lambda row: f"The sequence is {'blank' if row.given else 'empty'}.",
        "Fill the cell, or remove the row.",
    ),
)
NOT_NORMALIZED = Rule(
    "USR-VALID-025", "has white space around it", column="sequence", told=lambda row: repr(row.sequence)
)
LETTER_FOREIGN = Rule(
    "USR-VALID-026",
    "has a letter outside its alphabet",
    column="sequence",
    told=lambda row: f"{row.sequence.strip()[row.stranger]!r} at letter {row.stranger + 1:,} ({row.kinds['alphabet']})",
    refused=lambda row, at: LetterOutsideAlphabet(
        **at,
        value=row.sequence,
        alphabet=row.alphabet,
        position=row.stranger,
        known=row.chunk.known,
    ),
)
LENGTH_DIFFERS = Rule(
    "USR-VALID-027",
    "is not the number of the sequence's letters",
    column="length",
    told=lambda row: f"{row.given} for {row.letters} letters",
    refused=_cell(
        LengthDiffers,
        lambda row: f"The given length is not the sequence's, which is {row.letters:,}.",
        "Correct the sequence, or remove the column 'length'; lengths are counted from the sequence.",
    ),
)
ID_DIFFERS = Rule(
    "USR-VALID-028",
    "is not the sha1 of bio_type|sequence",
    column="id",
    told=lambda row: (
        repr(row.given) + ("" if is_record_id(row.given or "") else ", which is not 40 lower-case hexadecimal digits")
    ),
    refused=_cell(
        ForgedId,
        lambda row: f"The given id is not the record's, which is {row.chunk.ids[row.first]}.",
        "Remove the column 'id'; ids are computed from bio_type and sequence.",
    ),
)
ID_REPEATED = Rule("USR-VALID-029", "is repeated", "Look at `usr maintenance dedupe --key id --dry-run`.", column="id")
SEQUENCE_TOO_LONG = Rule(
    "USR-VALID-030",
    f"is longer than {SEQUENCE_LIMIT >> 20} MiB",
    "Store it as several records.",
    column="sequence",
    refused=_cell(
        SequenceTooLong,
        lambda row: f"The sequence has {row.letters:,} bytes; at most {SEQUENCE_LIMIT:,} are allowed.",
        "Divide it into shorter records.",
    ),
)


@dataclass(slots=True)
class LetterCase:
    """Which cases the letters seen so far have."""

    upper: bool = False
    lower: bool = False

    @property
    def uniform(self) -> str | None:
        """``upper`` or ``lower`` where all letters are, else None; ``upper`` where there were none."""
        if self.upper and self.lower:
            return None
        return "lower" if self.lower else "upper"

    def note_fitting(self, content: bytes, alphabet: Alphabet) -> bool:
        """Tell whether all of `content` are letters of the alphabet, and note their cases."""
        rest = content.translate(None, alphabet.upper)
        self.upper |= len(rest) < len(content)
        strangers = rest.translate(None, alphabet.lower)
        self.lower |= len(strangers) < len(rest)
        return not strangers


class RecordChunk:
    """Some records, and the rules that they break.

    Args:
        given: Columns as the input has them, strings (``length`` may be numbers). A null in ``id`` or ``length``, or
            an empty length, claims nothing; without the column nothing is claimed.
        sequences: Strings without nulls, stripped where the input is not a base already; an empty one was none.
        bio_types, alphabets: Without nulls; an empty one was none.
        known: The alphabets that there are.

    Attributes:
        known_here: Those of them that a row has.
        letters: The number of letters of each sequence; bytes until `breaches` has passed the letters.
        ids: Those that the records have; set once `breaches` has passed the letters.
    """

    def __init__(
        self,
        *,
        given: Mapping[str, pa.Array],
        sequences: pa.Array,
        bio_types: FewTexts,
        alphabets: FewTexts,
        known: KnownAlphabets = OWN_ALPHABETS,
    ) -> None:
        self.given = given
        self.known: KnownAlphabets = known
        self.known_here = known.among(alphabets.values)
        self.sequences: pa.Array = sequences
        self.bio_types, self.alphabets = bio_types, alphabets
        self._offsets, self._content = string_parts(sequences)
        self.letters: npt.NDArray[Any] = np.diff(self._offsets)
        self.ids: pa.Array = None

    def breaches(self, hasher: IdHasher, case: LetterCase) -> Iterator[Breach]:
        """Find the rows that break a rule, rule after rule; of letters and ids only what fast engines can judge.

        A row whose bio_type or alphabet is not right is not told for its letters: there is nothing to judge them by.
        """
        yield from self._where(SEQUENCE_EMPTY, self.letters == 0)
        yield from self._where(SEQUENCE_TOO_LONG, self.letters > SEQUENCE_LIMIT)
        clean = True
        for breach in (*self.kinds(), *self._foreign_letters(case)):
            clean = False
            yield breach
        # Letters of an alphabet are ASCII: where all fit, bytes are letters.
        if not clean:
            self.letters = self.letters - self._continuation_bytes()
        self.ids = self._computed_ids(hasher, clean=clean)
        yield from self._where(ID_DIFFERS, self._other_ids())
        yield from self._where(LENGTH_DIFFERS, self._other_lengths())

    def kinds(self) -> Iterator[Breach]:
        """Find the rows whose bio_type or alphabet is not known, or that have two that do not fit."""
        bio_types, alphabets, fit = self._numbered
        yield from self._where(BIO_TYPE_UNKNOWN, bio_types < 0)
        yield from self._where(ALPHABET_UNKNOWN, alphabets < 0)
        yield from self._where(ALPHABET_MISFIT, (bio_types >= 0) & (alphabets >= 0) & ~fit)

    @cached_property
    def _numbered(self) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
        """The number of each row's bio_type and alphabet (-1: unknown), and whether they fit; one for all if it can."""
        bio_types = self.bio_types.numbers(BIO_TYPES)
        alphabets = self.alphabets.numbers(tuple(each.name for each in self.known_here))
        # The last one, which the number -1 of an unknown alphabet means, fits nothing.
        types = np.array([*(BIO_TYPES.index(each.bio_type) for each in self.known_here), -2])
        return bio_types, alphabets, (alphabets >= 0) & (types[alphabets] == bio_types)

    def _foreign_letters(self, case: LetterCase) -> Iterator[Breach]:
        padded, strange = np.zeros((2, len(self.sequences)), np.bool_)
        _, alphabets, fit = self._numbered
        for number, alphabet in enumerate(self.known_here):
            of_it = fit & (alphabets == number)
            if of_it.any():
                places = np.flatnonzero(np.broadcast_to(of_it, len(self.sequences)))
                some = self.sequences if of_it.all() else self.sequences.take(row_numbers(places))
                offsets, content = string_parts(some)
                if not case.note_fitting(bytes(content), alphabet):
                    padded[places], strange[places] = _unfit(offsets, content, alphabet)
        yield from self._where(NOT_NORMALIZED, padded)
        yield from self._where(LETTER_FOREIGN, strange)

    def _computed_ids(self, hasher: IdHasher, *, clean: bool) -> pa.Array:
        if clean:
            return hasher.ids(self.bio_types.only or self.bio_types.texts(), self.sequences)
        # What is not a known bio_type, or not text, does not go through the fast engine.
        return text_array(
            [
                hashlib.sha1(f"{self.bio_types.at(row)}{DELIMITER}".encode() + value).hexdigest()
                for row, value in enumerate(byte_values(self.sequences))
            ]
        )

    def _other_ids(self) -> Mask:
        given = self.given.get("id")
        if given is None or given.equals(self.ids):
            return np.zeros(1, np.bool_)
        import pyarrow.compute as pc

        return true_rows(pc.not_equal(given, self.ids))

    def _other_lengths(self) -> Mask:
        given = self.given.get("length")
        if given is None:
            return np.zeros(1, np.bool_)
        if pa.types.is_integer(given.type):
            return np.asarray((fixed_values(given) != self.letters) & valid_mask(given))
        pairs = zip(given.to_pylist(), self.letters.tolist(), strict=True)
        return np.array([not _is_length(claimed, counted) for claimed, counted in pairs])

    def _continuation_bytes(self) -> npt.NDArray[np.int64]:
        """Return for each sequence how many of its bytes do not begin a character of UTF-8."""
        inside = np.flatnonzero((np.frombuffer(self._content, np.uint8) & np.uint8(0xC0)) == np.uint8(0x80))
        owners = np.searchsorted(self._offsets, inside, side="right") - 1
        return np.bincount(owners, minlength=len(self.sequences))

    def _where(self, rule: Rule, broken: Mask) -> Iterator[Breach]:
        """Yield the rows that break a rule, if there are any; `broken` is one for each row, or one for all."""
        if broken.any():
            yield Breach(self, rule, np.flatnonzero(np.broadcast_to(broken, len(self.sequences))))


def check_option_kinds(label: str, *, bio_type: str, alphabet: str, known: KnownAlphabets = OWN_ALPHABETS) -> None:
    """Refuse options that name no known bio_type or alphabet, or two that do not fit.

    `label` is what the error calls the source of the two, such as a file's name.

    Raises:
        UnknownBioType, UnknownAlphabet, AlphabetMismatch: An option is unknown, or the two do not fit. The facts
            name no row.

    Example:
        >>> from usr_core.api.records import check_option_kinds
        >>> check_option_kinds("promoters.csv", bio_type="dna", alphabet="dna_4")
        >>> check_option_kinds("promoters.csv", bio_type="dna", alphabet="protein_20")
        Traceback (most recent call last):
            ...
        usr_core.store.rules.errors.AlphabetMismatch: The alphabet protein_20 does not fit the bio_type dna.
    """
    options = RecordChunk(
        given={},
        sequences=text_array([""]),
        bio_types=FewTexts.constant(bio_type, 1),
        alphabets=FewTexts.constant(alphabet, 1),
        known=known,
    )
    for breach in options.kinds():
        raise breach.refusal(label, None)


def _unfit(offsets: npt.NDArray[np.int32], content: memoryview, alphabet: Alphabet) -> tuple[Mask, Mask]:
    """Tell which rows have white space around them, and which another letter outside the alphabet."""
    values, foreign = np.frombuffer(content, np.uint8), np.ones(256, np.bool_)
    foreign[list(alphabet.upper + alphabet.lower)] = False
    padded, strange = np.zeros((2, len(offsets) - 1), np.bool_)
    filled = np.flatnonzero(np.diff(offsets))
    # Not by the places of the strangers: where a file has another alphabet, these take eight times its bytes.
    strange[filled] = np.logical_or.reduceat(foreign[values], offsets[filled])
    suspects = np.flatnonzero(strange)
    between = LETTER_BYTES[values[offsets[suspects]]] & LETTER_BYTES[values[offsets[suspects + 1] - 1]]
    for row in suspects[~between].tolist():
        text = bytes(content[offsets[row] : offsets[row + 1]]).decode("utf-8", "replace")
        padded[row] = text != text.strip()
        strange[row] = alphabet.first_stranger(text.strip()) is not None
    return padded, strange


def _is_length(given: object, length: int) -> bool:
    """Tell whether a given length is the right one, however the number is written; null and "" say nothing."""
    if given is None or given == "":
        return True
    try:
        return float(str(given)) == length
    except ValueError:
        return False
