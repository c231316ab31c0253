"""Record ids: ``sha1(utf8(bio_type + "|" + sequence_norm))`` in lower-case hexadecimal.

The same letters under the same biological type have the same id in every dataset and on every
machine. This module knows single ids and needs nothing but Python; columns of ids are computed by
`usr_core.records.bulk_ids`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DELIMITER", "ID_HASH", "ID_LENGTH", "is_record_id", "record_id", "record_ids"]

DELIMITER = "|"
ID_HASH = "sha1_utf8_pipe"
ID_LENGTH = 40

_HEX = frozenset("0123456789abcdef")


def record_id(bio_type: str, sequence: str) -> str:
    """Return the id of one record; `sequence` is already normalized."""
    content = f"{bio_type}{DELIMITER}{sequence}".encode()
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def record_ids(bio_types: str | pa.Array, sequences: pa.Array) -> pa.Array:
    """Return the ids of a column of sequences, in order.

    Args:
        bio_types: One type for all rows, or a string array of the same length without nulls.
        sequences: Normalized sequences, string, no nulls.

    Returns:
        A string array without nulls. Choose `usr_core.records.bulk_ids.IdHasher` for many chunks of one column.
    """
    from usr_core.records.bulk_ids import IdHasher

    with IdHasher() as hasher:
        return hasher.ids(bio_types, sequences)


def is_record_id(text: str) -> bool:
    """Tell whether `text` has the form of an id: 40 lower-case hexadecimal digits."""
    return len(text) == ID_LENGTH and _HEX.issuperset(text)
