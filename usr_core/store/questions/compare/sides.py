"""What is compared: a merged view or a Parquet file, both as rows with ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from usr_core.registry.document import TOMBSTONE_ENTRY, TOMBSTONE_NAMESPACE
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.parts.files import NamespaceOverlay
from usr_core.store.questions.parquet_target import ParquetTarget
from usr_core.store.view.merged_view import MergedView

__all__ = ["DELETED", "FileSide", "Side", "ViewSide", "unshared"]

DELETED = "usr__deleted"
_TOMBSTONES = frozenset(column.name for column in TOMBSTONE_ENTRY.columns)


Files = tuple[tuple[int, int], ...]


class Side(Protocol):
    """One of two states that are compared."""

    name: str
    ids_are_checked: bool
    """Whether ids are known to be unique, as those of a dataset are."""

    @property
    def rows(self) -> int:
        """Rows, those of deleted records included."""
        ...

    @property
    def deletes(self) -> bool:
        """Whether a column `DELETED` tells which records are deleted."""
        ...

    def schema(self) -> pa.Schema:
        """Return the columns with plain types; those of tombstones are not among them."""
        ...

    def batches(
        self, columns: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield every row, deleted ones too, in one order; `DELETED` can be asked for where `deletes` is true."""
        ...

    def ids_at(self, rows: Sequence[int]) -> dict[int, str]:
        """Return the ids of a few rows."""
        ...

    def files(self, columns: Sequence[str]) -> Mapping[str, Files]:
        """Return what identifies the files of each column: where they are the same, and the base is, its values are."""
        ...


class ViewSide:
    """The merged view of a dataset."""

    ids_are_checked = True

    def __init__(self, name: str, view: MergedView) -> None:
        self.name = name
        self.view = view

    @property
    def rows(self) -> int:
        """See `Side`."""
        return self.view.rows

    @property
    def deletes(self) -> bool:
        """See `Side`."""
        tombstones = self.view.overlays.get(TOMBSTONE_NAMESPACE)
        return tombstones is not None and tombstones.rows > 0

    def schema(self) -> pa.Schema:
        """See `Side`."""
        return self.view.schema()

    def batches(
        self, columns: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """See `Side`."""
        for batch in self.view.batches(columns, include_deleted=True, progress=progress):
            yield batch.select(columns)

    def ids_at(self, rows: Sequence[int]) -> dict[int, str]:
        """See `Side`."""
        wanted = sorted(set(rows))
        found = self.view.rows_at(np.array(wanted, np.int64), ["id"])["id"].to_pylist() if wanted else []
        return dict(zip(wanted, found, strict=True))

    def files(self, columns: Sequence[str]) -> Mapping[str, Files]:
        """See `Side`; the base first, then parts as they were written."""
        base, view = self.view.source, self.view
        found: dict[str, Files] = {name: (_identity(base),) if name in base.schema.names else () for name in columns}
        for overlay in view.overlays.values():
            for part in overlay.parts:
                identity = _identity(part.source)
                for column in part.columns:
                    if column.name in found and part.rows:
                        found[column.name] += (identity,)
        return found


class FileSide:
    """A Parquet file with a column ``id``; an export with its tombstone columns tells which records are deleted."""

    ids_are_checked = False

    def __init__(self, name: str, target: ParquetTarget) -> None:
        self.name = name
        self._target = target
        self._schema = target.schema(plain=True)

    @property
    def rows(self) -> int:
        """See `Side`."""
        return self._target.rows

    @property
    def deletes(self) -> bool:
        """See `Side`."""
        return DELETED in self._schema.names and pa.types.is_boolean(self._schema.field(DELETED).type)

    def schema(self) -> pa.Schema:
        """See `Side`."""
        return pa.schema([field for field in self._schema if field.name not in _TOMBSTONES])

    def batches(
        self, columns: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """See `Side`."""
        return self._target.batches(columns, plain=True, progress=progress)

    def ids_at(self, rows: Sequence[int]) -> dict[int, str]:
        """See `Side`."""
        return {row: self._target.cell(row, "id").as_py() for row in set(rows)}

    def files(self, columns: Sequence[str]) -> Mapping[str, Files]:
        """See `Side`; a file of another writer is compared as it is read."""
        return {}


def unshared(one: Side, other: Side) -> tuple[ViewSide, frozenset[str]] | None:
    """Return `one` with only those parts of overlays that were written after all that `other` has, and the columns.

    In these columns a null is no value but one that `one` has from the same files as `other`. None where neither side
    is the other one with later parts. Both have one base.
    """
    if not isinstance(one, ViewSide) or not isinstance(other, ViewSide):
        return None
    overlays, columns = dict(one.view.overlays), set[str]()
    for namespace, overlay in one.view.overlays.items():
        theirs = other.view.overlays.get(namespace)
        shared = [_identity(part.source) for part in theirs.parts] if theirs is not None else []
        if namespace == TOMBSTONE_NAMESPACE or shared != [
            _identity(part.source) for part in overlay.parts[: len(shared)]
        ]:
            continue
        later = NamespaceOverlay(namespace, overlay.parts[len(shared) :])
        overlays[namespace] = later
        columns |= {column.name for part in later.parts for column in part.columns}
    if not columns:
        return None
    view = MergedView(one.view.source, overlays)
    whole, part = one.view.schema(), view.schema()
    in_base = set(one.view.source.schema.names)
    if any(part.field(name).type != whole.field(name).type for name in columns) or columns & in_base:
        return None
    return ViewSide(one.name, view), frozenset(columns)


def _identity(source: OpenParquet) -> tuple[int, int]:
    stat = os.fstat(source.handle.fileno())
    return stat.st_dev, stat.st_ino
