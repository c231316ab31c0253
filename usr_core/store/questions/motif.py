"""Motifs: what ``TTGACAN{17}TATAAT`` means, letter by letter, for DNA, RNA and proteins.

A motif is written in the letters of IUPAC. A letter stands for a set of residues, and it matches a letter of a sequence
that stands for no other residue: R matches A, G and R, and N matches anything; but A does not match N, which may be
something else. T and U are the same in DNA and RNA, and either case is.

``A{6}`` is six of a letter. The letter for anything, N in DNA and RNA and X in proteins, makes gaps: ``N{17}`` of one
length, ``N{15,19}`` of several. Only what is not a gap may be mismatched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from usr_core.errors import visible
from usr_core.store.questions.errors import MotifInvalid, MotifMismatches, MotifStrands

__all__ = ["FOLD", "MOST_MISMATCHES", "Spacing", "motif_pattern", "other_strand", "parse_motif", "spacings"]

MOST_MISMATCHES = 3
FOLD = 0xDF
"""What a byte is masked with, so that either case of a letter is one letter."""

_MOST_FIXED = 1_000
_MOST_WIDTH = 100_000
_MOST_SPACINGS = 200

_DNA = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT",
    "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG",
}  # fmt: skip
_PROTEIN = {letter: letter for letter in "ACDEFGHIKLMNOPQRSTUVWY*"} | {"B": "DN", "Z": "EQ", "J": "IL"}
_LETTERS: Mapping[str, Mapping[str, str]] = {"dna": _DNA, "rna": _DNA, "protein": _PROTEIN}
_ANYTHING = {"dna": "N", "rna": "N", "protein": "X"}
_OTHER_STRAND = str.maketrans("ACGTURYSWKMBDHV", "TGCAAYRSWMKVHDB")

_ELEMENT = re.compile(r"([A-Za-z*])(?:\{([0-9]{1,7})(?:,([0-9]{1,7}))?\})?")


@dataclass(frozen=True, slots=True)
class Spacing:
    """One strand of a motif with one length for each of its gaps.

    Attributes:
        strand: ``+``, or ``-`` for the reverse complement.
        width: How many letters a hit has.
        places: Where the fixed letters stand in it, ascending.
        letters: The fixed letters.
        accepted: Of each fixed letter, which bytes match it; the bytes are masked with `FOLD` before.
    """

    strand: str
    width: int
    places: tuple[int, ...]
    letters: str
    accepted: tuple[npt.NDArray[np.bool_], ...]


@dataclass(frozen=True, slots=True)
class _Element:
    letter: str  # "" for a gap
    least: int
    most: int


def parse_motif(motif: str) -> Mapping[str, tuple[_Element, ...]]:
    """Return what a motif means for each bio type in whose letters it is written.

    Raises:
        MotifInvalid: It is not a motif in any.
    """
    found: dict[str, tuple[_Element, ...]] = {}
    refused: MotifInvalid | None = None
    for bio_type in _LETTERS:
        try:
            found[bio_type] = _elements(motif, bio_type)
        except MotifInvalid as error:
            refused = refused or error
    if not found and refused is not None:
        raise refused
    return MappingProxyType(found)


def spacings(motif: str, bio_type: str, *, mismatches: int = 0, both_strands: bool | None = None) -> list[Spacing]:
    """Return what is to be looked for in sequences of a bio type.

    Args:
        motif: The motif.
        bio_type: ``dna``, ``rna`` or ``protein``.
        mismatches: How many fixed letters may differ, up to `MOST_MISMATCHES`.
        both_strands: Look for the reverse complement too; None where there is another strand.

    Raises:
        MotifInvalid: It is not a motif in the letters of `bio_type`.
        MotifMismatches: So many mismatches are not looked for, or would let everything match.
        MotifStrands: `both_strands` is set, and a protein has one strand.
    """
    if both_strands and bio_type == "protein":
        raise MotifStrands(motif=motif)
    elements = _elements(motif, bio_type)
    fixed = sum(one.least for one in elements if one.letter)
    if not 0 <= mismatches <= MOST_MISMATCHES or mismatches >= fixed:
        raise MotifMismatches(motif=motif, mismatches=mismatches, most=min(MOST_MISMATCHES, fixed - 1))
    accepted = {letter: _accepted(letter, bio_type) for letter in _LETTERS[bio_type]}
    letters = "".join(one.letter * one.least for one in elements)
    found = []
    for lengths in product(*(range(one.least, one.most + 1) for one in elements)):
        places: list[int] = []
        width = 0
        for element, length in zip(elements, lengths, strict=True):
            places += range(width, width + length) if element.letter else ()
            width += length
        found.append(Spacing("+", width, tuple(places), letters, tuple(accepted[one] for one in letters)))
    if both_strands or (both_strands is None and bio_type != "protein"):
        other = letters.translate(_OTHER_STRAND)[::-1]
        tables = tuple(accepted[one] for one in other)
        found += [
            Spacing("-", one.width, tuple(one.width - 1 - place for place in reversed(one.places)), other, tables)
            for one in found
        ]
    return found


def motif_pattern(motif: str, bio_types: Sequence[str]) -> str:
    """Return a motif as a regular expression, of RE2 and of Python: for both strands, or for the one of proteins.

    Args:
        motif: The motif.
        bio_types: Those that the sequences have: where all are DNA, no letter of RNA is in the pattern, and vice versa.

    Raises:
        MotifInvalid: It is not a motif in their letters.

    Example:
        >>> from usr_core.api.records import motif_pattern
        >>> motif_pattern("TTGACAN{17}TATAAT", ["dna"])
        '(?i)TTGACA.{17}TATAAT|ATTATA.{17}TGTCAA'
    """
    bio_type = "protein" if "protein" in bio_types else next(iter(bio_types), "dna")
    elements = _elements(motif, bio_type)
    if bio_type == "protein":
        return "(?i)" + "".join(_pattern_of(one, bio_type, "") for one in elements)
    # Where every record is of one kind, T is T, or U, which is easier to read.
    unwanted = "U" if list(bio_types) == ["dna"] else "T" if list(bio_types) == ["rna"] else ""
    other = [replace(one, letter=one.letter.translate(_OTHER_STRAND)) for one in reversed(elements)]
    texts = ["".join(_pattern_of(one, bio_type, unwanted) for one in strand) for strand in (elements, other)]
    return "(?i)" + "|".join(dict.fromkeys(texts))


def _pattern_of(element: _Element, bio_type: str, unwanted: str) -> str:
    least, most = element.least, element.most
    count = "" if least == most == 1 else f"{{{least}}}" if least == most else f"{{{least},{most}}}"
    if not element.letter:
        return f".{count}"
    letters = "".join(one for one in _matching(element.letter, bio_type) if one != unwanted)
    return (re.escape(letters) if len(letters) == 1 else f"[{letters}]") + count


def other_strand(bio_type: str) -> npt.NDArray[np.uint8]:
    """Return what each byte of a sequence is on the other strand, case kept."""
    table = np.arange(256, dtype=np.uint8)
    for letter, other in _OTHER_STRAND.items():
        base = "U" if chr(other) == "T" and bio_type == "rna" else chr(other)
        table[letter], table[letter | 32] = ord(base), ord(base.lower())
    return table


def _elements(motif: str, bio_type: str) -> tuple[_Element, ...]:
    known, anything = _LETTERS[bio_type], _ANYTHING[bio_type]
    found: list[_Element] = []
    place = 0
    while place < len(motif):
        match = _ELEMENT.match(motif, place)
        if match is None:
            raise MotifInvalid(_bad_letter(motif, place, bio_type), motif=motif, place=place)
        letter, least = match[1].upper(), int(match[2] or 1)
        most = int(match[3] or least)
        if letter != anything and letter not in known:
            raise MotifInvalid(_bad_letter(motif, place, bio_type), motif=motif, place=place)
        if letter != anything and match[3] is not None:
            reason = f"{match[0]} has two lengths, which only gaps have, such as {anything}{{15,19}}"
            raise MotifInvalid(reason, motif=motif, place=place)
        if most < least or (letter != anything and least < 1):
            raise MotifInvalid(f"{match[0]} has no such length", motif=motif, place=place)
        found.append(_Element("" if letter == anything else letter, least, most))
        place = match.end()
    _check_size(motif, found, anything)
    return tuple(found)


def _check_size(motif: str, elements: list[_Element], anything: str) -> None:
    fixed = sum(one.least for one in elements if one.letter)
    if not fixed:
        reason = f"it has no letter but {anything}, which matches anything" if elements else "it is empty"
        raise MotifInvalid(reason, motif=motif)
    if fixed > _MOST_FIXED:
        raise MotifInvalid(f"it has {fixed:,} letters, more than {_MOST_FIXED:,}", motif=motif)
    if sum(one.most for one in elements) > _MOST_WIDTH:
        raise MotifInvalid(f"it is wider than {_MOST_WIDTH:,} letters", motif=motif)
    if prod(one.most - one.least + 1 for one in elements) > _MOST_SPACINGS:
        raise MotifInvalid(f"its gaps have more than {_MOST_SPACINGS:,} combinations of lengths", motif=motif)


def _bad_letter(motif: str, place: int, bio_type: str) -> str:
    shown = visible(motif[place])
    if shown.isalpha():
        return f"{shown!r} is not a letter for {bio_type} in IUPAC's code"
    return f"{shown!r} does not belong there"


def _accepted(letter: str, bio_type: str) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    for other in _matching(letter, bio_type):
        table[ord(other) & FOLD] = True
    return table


def _matching(letter: str, bio_type: str) -> list[str]:
    """Return the letters of a sequence that a letter of a motif matches: those that stand for no other residue."""
    known = _LETTERS[bio_type]
    return [other for other, residues in known.items() if set(residues) <= set(known[letter])]
