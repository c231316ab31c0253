"""Comparing two sides: which records are new, gone and restored, and which values differ.

Values are compared to the bit: a null is another value than an empty text or list, zero another one than minus zero;
NaN is NaN (`usr_core.store.view.same_values`). Columns that both sides have from one file are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import fixed_array, text_array
from usr_core.records.arrow_calls import kept_where, taken
from usr_core.records.masks import true_rows, valid_mask
from usr_core.registry.errors import UnsupportedType
from usr_core.registry.types import from_arrow
from usr_core.store.errors import UnknownColumn
from usr_core.store.questions.compare.alignment import align
from usr_core.store.questions.compare.outcome import EXAMPLES, CellChange, ChangeKind, ColumnChanges, Comparison
from usr_core.store.questions.compare.pairs import paired
from usr_core.store.questions.compare.sides import DELETED, Side, unshared
from usr_core.store.questions.errors import CompareBioTypesDiffer, CompareTypesDiffer, CompareTypeUnknown
from usr_core.store.view.same_values import same_values
from usr_core.values.json_writing import dumps, to_json

__all__ = ["DIFFERENCES", "Comparing"]

DIFFERENCES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("change", pa.string(), nullable=False),
        pa.field("column", pa.string()),
        pa.field("old", pa.string()),
        pa.field("new", pa.string()),
    ]
)
"""Of a file of differences: one row for each record that one side lacks, and for each value that differs."""

_KINDS: tuple[ChangeKind, ...] = ("set", "unset", "changed")

Mask = npt.NDArray[np.bool_]


class Comparing:
    """One comparison of two open sides.

    Args:
        old: The old side.
        new: The new one.
        columns: Names, or None for all of both sides; ``id`` is always compared by.
        progress: Called with the number of rows of the old side done.

    Raises:
        UnknownColumn: Neither side has one of the columns.
        CompareTypesDiffer: A column has two types.
        CompareTypeUnknown: A column has a type that is not compared.
        CompareNoIds, CompareIdInvalid, CompareIdRepeats: See `align`.
        CompareBioTypesDiffer: The sides have no bio_type in common, and so no record.
    """

    def __init__(
        self,
        old: Side,
        new: Side,
        columns: Sequence[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._sides = (old, new)
        self._progress = progress
        self._columns = _chosen(old, new, columns)
        self._alignment = align(old, new)
        if not self._alignment.common:
            _refuse_other_bio_types(old, new)
        self._added, self._gone, self._restored = _Records("added"), _Records("gone"), _Records("restored")
        self._common = 0
        self._numbered = False

    def outcome(self, *, out: str | None = None) -> Comparison:
        """Return what `differences` has found, once it has come to its end."""
        old, new = self._sides
        rows = [int(cell.id) for one in self._columns for cell in one.first] if self._numbered else []
        names = old.ids_at(rows) if rows else {}
        return Comparison(
            old=old.name,
            new=new.name,
            common=self._common,
            added=self._added.count,
            gone=self._gone.count,
            restored=self._restored.count,
            columns=tuple(one.told(names) for one in self._columns if one.differs),
            compared=len(self._columns),
            first_added=tuple(self._added.first),
            first_gone=tuple(self._gone.first),
            first_restored=tuple(self._restored.first),
            out=out,
        )

    def differences(self, *, listed: bool = True) -> Iterator[pa.RecordBatch]:
        """Compare, and yield every difference as rows of `DIFFERENCES`; with `listed` false nothing is yielded.

        Raises:
            UsrError: A side can't be read.
        """
        old, new = self._sides
        same = self._same_files()
        told = _Listed(listed)
        read = [one for one in self._columns if one.name not in same]
        if not read and not old.deletes and not new.deletes and self._alignment.common == old.rows == new.rows:
            self._common = old.rows
            return
        # Where the ids are not read, the rows' numbers stand for them; `outcome` looks the few up that it tells.
        self._numbered = (
            self._alignment.one_file and self._alignment.old is None and not (listed or old.deletes or new.deletes)
        )
        names = (
            self._names(old, read, ids=not self._numbered),
            self._names(new, read, ids=self._alignment.new is not None),
        )
        if self._alignment.one_file:
            old, new = self._only_later_parts(read)
        alone = (lambda batch: self._only(batch, self._gone, told), lambda batch: self._only(batch, self._added, told))
        for left, right in paired(old, new, names, self._alignment, alone, self._progress):
            self._compare(left, right, read, told)
            yield from told.taken()
        yield from told.taken()

    def _names(self, side: Side, read: Sequence[_Column], *, ids: bool) -> list[str]:
        there = set(side.schema().names)
        names = [*(["id"] if ids else []), *([DELETED] if side.deletes else [])]
        return [*names, *(one.name for one in read if one.name in there)]

    def _same_files(self) -> set[str]:
        if not self._alignment.one_file:
            return set()
        names = [one.name for one in self._columns if one.side == "both"]
        ours, theirs = (side.files(names) for side in self._sides)
        return {name for name in names if name in ours and ours[name] == theirs.get(name)}

    def _only_later_parts(self, read: Sequence[_Column]) -> tuple[Side, Side]:
        """Return the sides; the one that has later parts than the other without the parts that both have."""
        old, new = self._sides
        for one, other, later in ((new, old, 1), (old, new, 0)):
            found = unshared(one, other)
            if found is not None:
                for column in read:
                    column.later = later if column.name in found[1] else None
                return (old, found[0]) if later else (found[0], new)
        return old, new

    def _only(self, batch: pa.RecordBatch, records: _Records, told: _Listed) -> None:
        live = _live(batch)
        records.add(batch.column("id") if live is None else kept_where(batch.column("id"), live), told)

    def _compare(self, left: pa.RecordBatch, right: pa.RecordBatch, read: Sequence[_Column], told: _Listed) -> None:
        lives = _live(left), _live(right)
        ids = _column(left, "id")
        if ids is None:
            ids = fixed_array(np.arange(self._common, self._common + len(left), dtype=np.int64), pa.int64())
        if lives[0] is not None or lives[1] is not None:
            before, after = (np.ones(len(left), np.bool_) if live is None else live for live in lives)
            self._gone.add(kept_where(ids, before & ~after), told)
            self._restored.add(kept_where(ids, after & ~before), told)
            both = before & after
            ids, left, right = kept_where(ids, both), kept_where(left, both), kept_where(right, both)
        self._common += len(ids)
        for one in read:
            one.compare(ids, _column(left, one.name), _column(right, one.name), told)


class _Listed:
    """Differences on their way to a file; where none is written, they are dropped."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._batches: list[pa.RecordBatch] = []

    def records(self, ids: pa.Array, change: str) -> None:
        if self._wanted:
            nothing = pa.nulls(len(ids), pa.string())
            self._add(ids, text_array([change] * len(ids)), nothing, nothing, nothing)

    def values(self, ids: pa.Array, kinds: npt.NDArray[np.int64], column: str, old: pa.Array, new: pa.Array) -> None:
        if self._wanted:
            changes = text_array([_KINDS[kind] for kind in kinds.tolist()])
            self._add(ids, changes, text_array([column] * len(ids)), _texts(old), _texts(new))

    def _add(self, *arrays: pa.Array) -> None:
        self._batches.append(pa.RecordBatch.from_arrays(list(arrays), schema=DIFFERENCES))

    def taken(self) -> Iterator[pa.RecordBatch]:
        batches, self._batches = self._batches, []
        yield from batches


@dataclass(slots=True)
class _Records:
    """Records of one kind that one side has alone."""

    change: str
    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, ids: pa.Array, told: _Listed) -> None:
        if not len(ids):
            return
        self.count += len(ids)
        self.first += ids.slice(0, EXAMPLES - len(self.first)).to_pylist()
        told.records(ids, self.change)


@dataclass(slots=True)
class _Column:
    """One column while it is compared."""

    name: str
    kind: pa.DataType
    side: str = "both"
    later: int | None = None
    """Which side, 0 or 1, gives only values that the other one can't have; its nulls are not compared."""
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    first: list[CellChange] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        return self.side != "both" or any(self.counts)

    def told(self, names: Mapping[int, str]) -> ColumnChanges:
        counts = dict(zip(_KINDS, self.counts, strict=True))
        first = tuple(replace(cell, id=names[int(cell.id)]) if names else cell for cell in self.first)
        return ColumnChanges(name=self.name, side=self.side, first=first, **counts)  # type: ignore[arg-type]

    def compare(self, ids: pa.Array, old: pa.Array | None, new: pa.Array | None, told: _Listed) -> None:
        old = pa.nulls(len(ids), self.kind) if old is None else old
        new = pa.nulls(len(ids), self.kind) if new is None else new
        if self.later is not None:
            given = np.flatnonzero(valid_mask((old, new)[self.later]))
            if not len(given):
                return
            ids, old, new = (taken(values, given) for values in (ids, old, new))
        differing = np.flatnonzero(~_same(old, new))
        if not len(differing):
            return
        ids, old, new = (taken(values, differing) for values in (ids, old, new))
        kinds = np.where(valid_mask(old), np.where(valid_mask(new), 2, 1), 0)
        for number, count in enumerate(np.bincount(kinds, minlength=3).tolist()):
            self.counts[number] += count
        wanted = EXAMPLES - len(self.first)
        if wanted:
            few = (array.slice(0, wanted) for array in (ids, old, new))
            rows = zip(*(to_json(array) for array in few), kinds.tolist(), strict=False)
            self.first += [
                CellChange(id=str(one), kind=_KINDS[kind], old=before, new=after) for one, before, after, kind in rows
            ]
        told.values(ids, kinds, self.name, old, new)


def _same(old: pa.Array, new: pa.Array) -> Mask:
    # Most batches of text are the same as a whole; that is seen at the speed of memory.
    if pa.types.is_string(old.type) and old.equals(new):
        return np.ones(len(old), np.bool_)
    return same_values(old, new)


def _texts(values: pa.Array) -> pa.Array:
    """Return values as text: text as it is, all else as JSON; null stays null."""
    if pa.types.is_string(values.type):
        return values
    cells = to_json(values)
    return text_array([one if one is None or isinstance(one, str) else dumps(one) for one in cells])


def _column(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    at = batch.schema.get_field_index(name)
    return None if at < 0 else batch.column(at)


def _live(batch: pa.RecordBatch) -> Mask | None:
    """Return which rows are not deleted; None where none is."""
    deleted = _column(batch, DELETED)
    if deleted is None:
        return None
    gone = true_rows(deleted)
    return ~gone if gone.any() else None


def _chosen(old: Side, new: Side, columns: Sequence[str] | None) -> list[_Column]:
    schemas = old.schema(), new.schema()
    known = list(dict.fromkeys(name for schema in schemas for name in schema.names))
    names = known if columns is None else list(dict.fromkeys(columns))
    chosen = []
    for name in names:
        if name not in known:
            raise UnknownColumn(name, known=known)
        if name != "id":
            chosen.append(_column_of(name, schemas, (old.name, new.name)))
    return chosen


def _column_of(name: str, schemas: tuple[pa.Schema, pa.Schema], sides: tuple[str, str]) -> _Column:
    kinds = [schema.field(name).type if name in schema.names else None for schema in schemas]
    one, other = kinds
    if one is not None and other is not None and one != other:
        raise CompareTypesDiffer(column=name, types=tuple(map(str, kinds)), names=sides)
    kind = one if one is not None else other
    try:
        from_arrow(kind)
    except UnsupportedType as error:
        raise CompareTypeUnknown(column=name, name=sides[0 if one is not None else 1], kind=str(kind)) from error
    side = "both" if one is not None and other is not None else "old" if one is not None else "new"
    return _Column(name, kind, side)


def _refuse_other_bio_types(old: Side, new: Side) -> None:
    kinds = [_bio_types(side) for side in (old, new)]
    if kinds[0] and kinds[1] and not kinds[0] & kinds[1]:
        told = tuple(" and ".join(sorted(found)) for found in kinds)
        raise CompareBioTypesDiffer(names=(old.name, new.name), kinds=told)


def _bio_types(side: Side) -> set[str]:
    found: set[str] = set()
    if "bio_type" in side.schema().names:
        for batch in side.batches(["bio_type"]):
            found.update(one for one in batch.column(0).unique().to_pylist() if one is not None)
    return found
