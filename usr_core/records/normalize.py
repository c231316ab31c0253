"""Normalization: the spelling under which a sequence is stored and hashed.

``sequence_norm`` is the input without surrounding white space, its case kept. White space is what
``str.strip`` removes (29 code points); Arrow's ``utf8_trim_whitespace`` removes exactly the same,
while the ``trim`` of SQL and the white space of regular expressions do not.
"""

from __future__ import annotations

__all__ = ["CASE_FOLD_ALPHABET", "normalize"]

CASE_FOLD_ALPHABET = "dna_4"
"""The only alphabet for which the key ``sequence_ci`` is defined."""


def normalize(sequence: str) -> str:
    """Return the stored form of `sequence`: stripped, case kept.

    It does not check which letters the sequence has.

    Example:
        >>> from usr_core.api.records import normalize
        >>> normalize("  TTGACAggct ")
        'TTGACAggct'
    """
    return sequence.strip()
