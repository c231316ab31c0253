"""The other strand of a sequence."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from usr_core.api.arrow import IdHasher, string_parts
from usr_features.letters import letters_of

__all__ = ["reverse_complement_id"]

_PAIRS = {
    "dna": bytes.maketrans(b"ACGTRYSWKMBDHVNacgtryswkmbdhvn", b"TGCAYRSWMKVHDBNtgcayrswmkvhdbn"),
    "rna": bytes.maketrans(b"ACGURYSWKMBDHVNacguryswkmbdhvn", b"UGCAYRSWMKVHDBNugcayrswmkvhdbn"),
}


def reverse_complement_id(batch: pa.RecordBatch) -> pa.Array:
    """Return the id that the reverse complement of a sequence has as a record (string), of DNA and RNA.

    Two records are each other's strands where one's value is the other's id. Ambiguous letters have complements (R and
    Y, N and N); the case of letters stays, as it is part of an id.

    Raises:
        FeatureSequenceUnfit: A record is neither DNA nor RNA.
    """
    letters = letters_of(batch, function="reverse_complement_id", bio_types=tuple(_PAIRS))
    _, content = string_parts(batch.column("sequence").cast(pa.string()))
    flat = np.frombuffer(content, dtype=np.uint8)
    types = batch.column("bio_type")
    rna = np.repeat(np.asarray(types.to_numpy(zero_copy_only=False) == "rna"), letters.lengths)
    dna_table, rna_table = (np.frombuffer(_PAIRS[kind], dtype=np.uint8) for kind in ("dna", "rna"))
    paired = np.where(rna, rna_table[flat], dna_table[flat])
    mirrored = (letters.bounds[:-1] + letters.bounds[1:] - 1)[letters.row_of] - np.arange(len(flat))
    turned = pa.Array.from_buffers(
        pa.string(), letters.rows, [None, pa.py_buffer(letters.bounds.astype(np.int32)), pa.py_buffer(paired[mirrored])]
    )
    with IdHasher() as hasher:
        return hasher.ids(types.cast(pa.string()), turned)
