"""Alphabets: which letters a sequence may hold, and which biological type an alphabet belongs to.

Letters count in either case, and every alphabet is ASCII; that is why the length of a valid sequence
in characters equals its length in bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "ALPHABETS",
    "AUTO",
    "BIO_TYPES",
    "META_ALPHABETS",
    "OWN_ALPHABETS",
    "Alphabet",
    "KnownAlphabets",
    "MoreAlphabets",
    "alphabets_for",
    "alphabets_noted",
    "default_alphabet",
    "with_alphabets",
]

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
        plugin: The id of the plugin that it comes from; None for those of USR.
        upper: The same as ASCII bytes.
        lower: The lower-case letters as ASCII bytes.
    """

    name: str
    bio_type: str
    letters: str
    plugin: str | None = None

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


class MoreAlphabets(Protocol):
    """Where alphabets come from that are not USR's: the plugin host."""

    def alphabet(self, name: str) -> Alphabet | None:
        """Return the alphabet of that name, or None where no plugin claims to have it."""
        ...

    def alphabets(self) -> Sequence[Alphabet]:
        """Return all of them."""
        ...


@dataclass(frozen=True, slots=True)
class KnownAlphabets:
    """The alphabets that sequences are judged by: USR's, and those of `more`, which is asked only where USR's fail."""

    more: MoreAlphabets | None = None

    def find(self, name: str) -> Alphabet | None:
        """Return the alphabet of that name, or None."""
        if name in ALPHABETS or self.more is None:
            return ALPHABETS.get(name)
        return self.more.alphabet(name)

    def among(self, names: Iterable[str]) -> tuple[Alphabet, ...]:
        """Return the alphabets that have one of these names."""
        return tuple(found for name in dict.fromkeys(names) if (found := self.find(name)) is not None)

    def all(self) -> tuple[Alphabet, ...]:
        """Return every one, USR's first."""
        return (*ALPHABETS.values(), *(() if self.more is None else self.more.alphabets()))

    def names_for(self, bio_type: str) -> tuple[str, ...]:
        """Return the names of those that fit a bio_type, USR's first."""
        return tuple(alphabet.name for alphabet in self.all() if alphabet.bio_type == bio_type)

    def narrowest(self, letters: str, bio_type: str | None = None) -> Alphabet | None:
        """Return the one with the fewest letters that has all of `letters`, or None where no alphabet has.

        One of `bio_type` comes before those of other types, and one of USR before those of plugins.
        """
        ours = _narrowest(ALPHABETS.values(), letters, bio_type)
        if self.more is None or (ours is not None and bio_type in (None, ours.bio_type)):
            return ours
        return _narrowest(self.all(), letters, bio_type)


OWN_ALPHABETS = KnownAlphabets()
"""Those of USR alone."""


def _narrowest(alphabets: Iterable[Alphabet], letters: str, bio_type: str | None) -> Alphabet | None:
    fitting = [alphabet for alphabet in alphabets if alphabet.first_stranger(letters) is None]
    return min(
        fitting,
        key=lambda alphabet: (alphabet.bio_type != bio_type, alphabet.plugin is not None, len(alphabet.letters)),
        default=None,
    )


META_ALPHABETS = "usr:alphabets"
"""The alphabets of plugins that records have, or had, and the id of each one's plugin, as JSON."""


def with_alphabets(metadata: Mapping[str, str], used: Mapping[str, str]) -> dict[str, str]:
    """Return `metadata` with a note of the plugins that alphabets of records come from, by the alphabet's name."""
    known = alphabets_noted(metadata) | dict(used)
    return {**metadata, META_ALPHABETS: json.dumps(known, sort_keys=True)} if known else dict(metadata)


def alphabets_noted(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what `with_alphabets` has noted; nothing where it can't be read."""
    try:
        noted = json.loads(metadata.get(META_ALPHABETS, "{}"))
    except ValueError:
        return {}
    return {str(name): str(plugin) for name, plugin in noted.items()} if isinstance(noted, dict) else {}
