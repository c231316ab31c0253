"""Alphabets: which letters a sequence may hold, and which biological type an alphabet belongs to.

Letters count in either case, and every alphabet is ASCII; that is why the length of a valid sequence
in characters equals its length in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALPHABETS", "AUTO", "BIO_TYPES", "Alphabet", "alphabets_for", "default_alphabet", "narrowest_alphabet"]

_AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
_AMBIGUITY = "RYSWKMBDHVN"

AUTO = "auto"
"""Asks an import for the narrowest alphabet that has every letter of the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alphabet:
    """The letters of one alphabet.

    Attributes:
        name: As stored in the column ``alphabet``, for example ``dna_4``.
        bio_type: The only biological type that it fits.
        letters: The letters in upper case.
        upper: The same as ASCII bytes.
        lower: The lower-case letters as ASCII bytes.
    """

    name: str
    bio_type: str
    letters: str

    @property
    def upper(self) -> bytes:
        return self.letters.encode("ascii")

    @property
    def lower(self) -> bytes:
        return self.letters.lower().encode("ascii")

    def first_stranger(self, sequence: str) -> int | None:
        """Return the position (0 is the first character) of the first letter outside the alphabet, else None."""
        known = frozenset(self.letters + self.letters.lower())
        return next((place for place, letter in enumerate(sequence) if letter not in known), None)


ALPHABETS: dict[str, Alphabet] = {
    alphabet.name: alphabet
    for alphabet in (
        Alphabet(name="dna_4", bio_type="dna", letters="ACGT"),
        Alphabet(name="dna_5", bio_type="dna", letters="ACGTN"),
        Alphabet(name="dna_15", bio_type="dna", letters="ACGT" + _AMBIGUITY),
        Alphabet(name="rna_4", bio_type="rna", letters="ACGU"),
        Alphabet(name="rna_5", bio_type="rna", letters="ACGUN"),
        Alphabet(name="rna_15", bio_type="rna", letters="ACGU" + _AMBIGUITY),
        Alphabet(name="protein_20", bio_type="protein", letters=_AMINO_ACIDS),
        Alphabet(name="protein_21", bio_type="protein", letters=_AMINO_ACIDS + "X"),
        Alphabet(name="protein_26", bio_type="protein", letters=_AMINO_ACIDS + "BJOUXZ"),
        Alphabet(name="protein_27", bio_type="protein", letters=_AMINO_ACIDS + "BJOUXZ*"),
    )
}

BIO_TYPES: tuple[str, ...] = ("dna", "rna", "protein")


def default_alphabet(bio_type: str) -> str:
    """Return the narrowest alphabet of `bio_type`; ``dna_4`` for one that is unknown and will be refused.

    Example:
        >>> from usr_core.api.records import default_alphabet
        >>> default_alphabet("dna"), default_alphabet("protein")
        ('dna_4', 'protein_20')
    """
    return next(iter(alphabets_for(bio_type)), "dna_4")


def alphabets_for(bio_type: str) -> tuple[str, ...]:
    """Return the names of the alphabets that fit `bio_type`, the narrowest first."""
    return tuple(name for name, alphabet in ALPHABETS.items() if alphabet.bio_type == bio_type)


def narrowest_alphabet(letters: str, bio_type: str | None = None) -> Alphabet | None:
    """Return the alphabet with the fewest letters that has all of `letters`, or None where no alphabet has.

    One of `bio_type` comes before those of other types, however many letters it has.
    """
    fitting = [alphabet for alphabet in ALPHABETS.values() if alphabet.first_stranger(letters) is None]
    return min(fitting, key=lambda alphabet: (alphabet.bio_type != bio_type, len(alphabet.letters)), default=None)
