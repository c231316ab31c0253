"""Which columns of a table hold the key, the label vector and the offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from usr_core.api.records import BASE_COLUMNS
from usr_opal.errors import OpalTableUnknown
from usr_opal.labels import NAMESPACE, OFFSET, SIZE, SPELLINGS, VECTOR

__all__ = ["KEYS", "LabelColumns", "find_columns"]

KEYS = ("id", "sequence", "sequence_norm", "sequence_ci")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelColumns:
    """Names of columns as the file has them.

    Attributes:
        keys: Those that may be the key.
        vector: One column with whole vectors, or eight with a number each, or none.
        offset: The offset's, or None.
        others: The columns that are neither labels nor columns of the base.
    """

    keys: tuple[str, ...]
    vector: tuple[str, ...]
    offset: str | None
    others: tuple[str, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        """All that have to be read."""
        return (*self.keys, *self.vector, *((self.offset,) if self.offset is not None else ()))


def find_columns(file: Path, present: Sequence[str]) -> LabelColumns:
    """Return where the labels are; names may have the namespace's prefix.

    Args:
        file: The file, for errors.
        present: The file's columns.

    Raises:
        OpalTableUnknown: There is no label, a vector lacks some of its columns, or a label is there twice; or there
            is no key.
    """
    bare: dict[str, str] = {}
    for name in present:
        short = name.removeprefix(f"{NAMESPACE}__")
        if short in bare:
            raise OpalTableUnknown(file, f"the column {short!r} is there more than once", column=name)
        bare[short] = name
    short_vector, short_offset = (name.removeprefix(f"{NAMESPACE}__") for name in (VECTOR, OFFSET))
    found = [tuple(bare[name] for name in (short_vector,) if name in bare)]
    for spelling in SPELLINGS:
        there = [name for name in spelling if name in bare]
        missing = [name for name in spelling if name not in bare]
        if there and missing:
            verb = "is" if len(missing) == 1 else "are"
            reason = f"a label has {SIZE} columns, and {', '.join(missing)} {verb} missing"
            raise OpalTableUnknown(file, reason, column=missing[0])
        found.append(tuple(bare[name] for name in there))
    vectors = [names for names in found if names]
    if len(vectors) > 1:
        firsts = ", ".join(names[0] for names in vectors)
        raise OpalTableUnknown(file, f"it has labels more than once, in {firsts}", column=vectors[1][0])
    offset = bare.get(short_offset)
    if not vectors and offset is None:
        raise OpalTableUnknown(file, "it has no labels")
    keys = tuple(name for name in KEYS if name in present)
    if not keys:
        raise OpalTableUnknown(file, "it has no column 'id' and no column 'sequence'", column="id")
    vector = vectors[0] if vectors else ()
    taken = {*keys, *vector, offset, *BASE_COLUMNS}
    return LabelColumns(
        keys=keys, vector=vector, offset=offset, others=tuple(name for name in present if name not in taken)
    )
