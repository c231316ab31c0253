"""Which columns of a table hold the key, the label vector and the offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    bare = _without_prefix(file, present)
    vectors = _vectors(file, bare)
    if len(vectors) > 1:
        firsts = ", ".join(names[0] for names in vectors)
        raise OpalTableUnknown(file=file, reason=f"it has labels more than once, in {firsts}", column=vectors[1][0])
    offset = bare.get(_short(OFFSET))
    if not vectors and offset is None:
        raise OpalTableUnknown(file=file, reason="it has no labels")
    keys = tuple(name for name in KEYS if name in present)
    if not keys:
        raise OpalTableUnknown(file=file, reason="it has no column 'id' and no column 'sequence'", column="id")
    vector = vectors[0] if vectors else ()
    taken = {*keys, *vector, offset, *BASE_COLUMNS}
    return LabelColumns(
        keys=keys, vector=vector, offset=offset, others=tuple(name for name in present if name not in taken)
    )


def _short(name: str) -> str:
    return name.removeprefix(f"{NAMESPACE}__")


def _without_prefix(file: Path, present: Sequence[str]) -> dict[str, str]:
    """Return the columns by their names without the namespace's prefix."""
    bare: dict[str, str] = {}
    for name in present:
        if _short(name) in bare:
            raise OpalTableUnknown(
                file=file, reason=f"the column {_short(name)!r} is there more than once", column=name
            )
        bare[_short(name)] = name
    return bare


def _vectors(file: Path, bare: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the columns of each vector of labels that is there: one column, or one for each of its values."""
    found: list[tuple[str, ...]] = [(bare[_short(VECTOR)],)] if _short(VECTOR) in bare else []
    for spelling in SPELLINGS:
        missing = [name for name in spelling if name not in bare]
        if len(missing) == len(spelling):
            continue
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            reason = f"a label has {SIZE} columns, and {', '.join(missing)} {verb} missing"
            raise OpalTableUnknown(file=file, reason=reason, column=missing[0])
        found.append(tuple(bare[name] for name in spelling))
    return found
