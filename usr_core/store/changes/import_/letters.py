"""Which alphabet ``auto`` stands for: the narrowest that has every letter of the input, found in a pass before it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from usr_core.records.alphabets import ALPHABETS, KnownAlphabets, alphabets_for
from usr_core.records.bulk_ids import string_parts
from usr_core.store.changes.import_.build import Input
from usr_core.store.ids.row_numbers import row_numbers
from usr_core.store.rules.columns import FewTexts, bounded, text_column
from usr_core.store.rules.rows import stripped

__all__ = ["fitting_alphabets"]


def fitting_alphabets(inputs: Iterable[Input], *, bio_type: str, known: KnownAlphabets) -> dict[str, str]:
    """Return the narrowest alphabet for the records of each bio_type, the inputs taken together.

    Each input is read once, a bounded batch at a time. Where no alphabet has all letters it is the widest of the
    bio_type, so that the import itself names the row. A bio_type that is not known, or has no record, is left out.

    Args:
        inputs: Columns of records by name, those that have no alphabet.
        bio_type: Of inputs that have no such column.
        known: The alphabets that there are; one of a plugin is taken only where none of USR fits.
    """
    seen: dict[str, npt.NDArray[np.bool_]] = {}
    for one in inputs:
        for batch in bounded(one.batches):
            column = text_column(batch, "bio_type", label=one.label)
            kinds = FewTexts.constant(bio_type, batch.num_rows) if column is None else FewTexts.of(column)
            sequences = stripped(text_column(batch, "sequence", label=one.label))
            for number, kind in enumerate(kinds.values):
                some = sequences
                if kinds.codes is not None:
                    some = sequences.take(row_numbers(np.flatnonzero(kinds.codes == number)))
                if not len(some):  # a dictionary may have values that no row has
                    continue
                found = np.bincount(np.frombuffer(string_parts(some)[1], np.uint8), minlength=256) > 0
                seen[kind] = seen.get(kind, np.zeros(256, np.bool_)) | found
    return {kind: _narrowest(kind, np.flatnonzero(seen[kind]).tolist(), known) for kind in seen if alphabets_for(kind)}


def _narrowest(bio_type: str, letters: Iterable[int], known: KnownAlphabets) -> str:
    # A byte above 127 is no letter of an alphabet; as Latin-1 it stays a stranger.
    found = known.narrowest(bytes(letters).decode("latin-1"), bio_type)
    if found is not None and found.bio_type == bio_type:
        return found.name
    return max(alphabets_for(bio_type), key=lambda name: len(ALPHABETS[name].letters))
