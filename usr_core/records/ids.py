"""Record ids: ``sha1(utf8(bio_type + "|" + sequence_norm))`` in lower-case hexadecimal.

The same letters under the same biological type have the same id in every dataset and on every
machine. This module knows single ids and needs nothing but Python; columns of ids are computed by
`usr_core.records.bulk_ids`.
"""

from __future__ import annotations

__all__ = ["DELIMITER", "ID_HASH", "ID_LENGTH", "is_record_id", "record_id"]

DELIMITER = "|"
ID_HASH = "sha1_utf8_pipe"
ID_LENGTH = 40

_HEX = frozenset("0123456789abcdef")


def record_id(bio_type: str, sequence: str) -> str:
    """Return the id of one record; `sequence` is already normalized.

    It is the SHA-1 (FIPS 180-4) of ``<bio_type>|<sequence>`` in UTF-8: 40 lower-case hexadecimal digits. The case of
    letters counts.

    Example:
        >>> from usr_core.api.records import record_id
        >>> record_id("dna", "TTGACAGGCT")
        'b91edeec4e5924b5b6e5c886ff5e6146300b53e7'
        >>> record_id("dna", "ttgacaggct") == record_id("dna", "TTGACAGGCT")
        False
    """
    import hashlib  # which loads OpenSSL

    content = f"{bio_type}{DELIMITER}{sequence}".encode()
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def is_record_id(text: str) -> bool:
    """Tell whether `text` has the form of an id: 40 lower-case hexadecimal digits."""
    return len(text) == ID_LENGTH and _HEX.issuperset(text)
