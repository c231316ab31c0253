"""Joining what shards made into parts of the overlay: each record at its place in the base as it is now."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.runs.shard import ROW
from usr_core.store.base.file import write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.changes.attach.key_lookup import Lookup, open_lookup
from usr_core.store.ids.row_numbers import any_valid, only_where, valid_mask
from usr_core.store.mutation import Mutation, new_part_name, overlay_metadata
from usr_core.store.overlay.part_writer import PartWriter, row_group_ends
from usr_core.store.view.merged_view import MergedView

__all__ = ["NOTHING_TAKEN", "JoinedParts", "TakenValues"]

PART_BYTES = 1 << 30
"""A part of the overlay holds at most so many bytes of values, before compression."""


class TakenValues:
    """Which records have a value of some columns already, one bit each: what fills only what is missing leaves them.

    Args:
        masks: For each column that the dataset has, the base rows with a value, packed to bits.
    """

    def __init__(self, masks: Mapping[str, np.ndarray]) -> None:
        self._masks = masks

    @classmethod
    def of(cls, tree: FileTree, namespace: str, columns: list[str]) -> TakenValues:
        """Read the columns as they are now, those that the dataset has."""
        with contextlib.closing(MergedView.open(tree, namespaces=[namespace])) as view:
            known = view.schema()
            names = [name for name in columns if known.get_field_index(name) >= 0]
            masks = {name: np.zeros(view.rows, np.bool_) for name in names}
            start = 0
            for batch in view.batches(names, include_deleted=True) if names else ():
                for name in names:
                    masks[name][start : start + batch.num_rows] = valid_mask(batch.column(name))
                start += batch.num_rows
        return cls({name: np.packbits(mask) for name, mask in masks.items() if mask.any()})

    def without(self, name: str, values: pa.Array, positions: np.ndarray) -> pa.Array:
        """Return values with null for the records that have one; `positions` are base rows, -1 for none."""
        mask = self._masks.get(name)
        if mask is None or not len(values):
            return values
        bits = mask[np.maximum(positions, 0) >> 3] >> (7 - (np.maximum(positions, 0) & 7)).astype(np.uint8) & 1
        return only_where(values, bits == 0)


NOTHING_TAKEN = TakenValues({})


class JoinedParts:
    """The parts that a run becomes: a context manager, whose staged files go with the transaction if it fails.

    Args:
        mutation: The change.
        namespace, kinds: What is written.
        base: The base as it is now.
        taken: What may not be replaced.

    Attributes:
        parts: The files, relative to the dataset's folder.
        matched, gone: Records that the base has, and has not any more.
        valued, kept: Records with a value now, and those left as they are: each of their values is there already.
    """

    def __init__(
        self,
        mutation: Mutation,
        namespace: str,
        kinds: Mapping[str, pa.DataType],
        base: OpenParquet,
        *,
        taken: TakenValues = NOTHING_TAKEN,
    ) -> None:
        self._mutation, self._namespace, self._base, self._taken = mutation, namespace, base, taken
        fields = [pa.field("id", pa.string(), nullable=False), *(pa.field(name, kind) for name, kind in kinds.items())]
        self._schema = pa.schema(fields, metadata=overlay_metadata(mutation, namespace))
        self._options = write_options(self._schema, bloom="id").writer_arguments(rows=base.rows)
        self._places = _Places(base)
        self._writer: PartWriter | None = None
        self._size = 0
        self.parts: list[str] = []
        self.matched = self.valued = self.gone = self.kept = 0

    def __enter__(self) -> JoinedParts:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._writer is not None:
            if error is None:
                self._writer.close()
            else:
                self._writer.abort()
            self._writer = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows of a shard; those without a value to write, and of records that are gone, are counted only."""
        positions = self._places.of(batch.column("id"), batch.column(ROW).to_numpy())
        there = positions >= 0
        self.gone += int(np.count_nonzero(~there))
        self.matched += int(np.count_nonzero(there))
        rows = batch.drop_columns([ROW])
        given = there & any_valid(rows.columns[1:])
        names = rows.schema.names[1:]
        values = [self._taken.without(name, rows.column(name), positions) for name in names]
        rows = pa.RecordBatch.from_arrays([rows.column(0), *values], schema=rows.schema)
        keep = given & any_valid(values)
        self.kept += int(np.count_nonzero(given & ~keep))
        if not keep.all():
            rows, positions = rows.take(pa.array(np.flatnonzero(keep))), positions[keep]
        if not rows.num_rows:
            return
        self.valued += rows.num_rows
        if self._writer is not None and self._size + rows.nbytes > PART_BYTES:
            self._writer.close()
            self._writer = None
        if self._writer is None:
            self._begin()
        assert self._writer is not None
        bare = pa.RecordBatch.from_arrays(rows.columns, schema=self._schema.remove_metadata())
        self._writer.add(bare, positions)
        self._size += rows.nbytes

    def _begin(self) -> None:
        relative = new_part_name(self._mutation, self._namespace)
        self.parts.append(relative)
        self._size = 0
        self._writer = PartWriter(
            self._mutation.txn.stage(relative),
            self._schema,
            options=self._options,
            boundaries=row_group_ends(self._base.file),
            base=self._base,
        )


class _Places:
    """Finds records in the base as it is now: where they stood when the run was planned, or else by id."""

    def __init__(self, base: OpenParquet) -> None:
        self._base = base
        self._lookup: Lookup | None = None
        self._ends = np.asarray(row_group_ends(base.file), np.int64)
        self._group = -1
        self._ids: pa.Array = pa.array([], pa.string())

    def of(self, ids: pa.Array, rows: np.ndarray) -> np.ndarray:
        """Return the base row of each record, -1 for one that is gone."""
        if self._lookup is None:
            if self._stand_there(ids, rows):
                return rows.astype(np.int64)
            self._lookup = open_lookup(self._base, "id", backend="pyarrow", view=None)
        return self._lookup.positions(ids)

    def _stand_there(self, ids: pa.Array, rows: np.ndarray) -> bool:
        if len(rows) and (not len(self._ends) or rows[-1] >= self._ends[-1]):
            return False
        at = 0
        while at < len(rows):
            group = int(np.searchsorted(self._ends, rows[at], side="right"))
            stop = int(np.searchsorted(rows, self._ends[group]))
            if group != self._group:
                self._ids = self._base.reader().read_row_group(group, columns=["id"]).column(0).combine_chunks()
                self._group = group
            begin = int(self._ends[group - 1]) if group else 0
            found = self._ids.take(pa.array(rows[at:stop] - begin))
            if not found.cast(pa.string()).equals(ids.slice(at, stop - at).cast(pa.string())):
                return False
            at = stop
        return True
