"""The values that an import keeps beside its records: columns of the input that a namespace registers.

They are spooled while the records are read, since which record a row becomes is known at the end only, and then
written as one part of the namespace, in the base's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.arrays import boolean_array, fixed_array
from usr_core.registry.document import Registry
from usr_core.store.base.file import write_options
from usr_core.store.changes.attach.errors import AttachColumnMissing, NothingToAttach
from usr_core.store.changes.attach.existing_values import TakenCells, taken_cells
from usr_core.store.changes.attach.values import AttachedColumn, source_forms, to_registered
from usr_core.store.ids.row_numbers import any_valid, only_where
from usr_core.store.overlay.part_writer import PartWriter, row_group_ends
from usr_core.store.parts.files import NamespaceOverlay
from usr_core.store.rules.columns import IMPORT_COLUMNS

__all__ = ["KeptPart", "KeptValues"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPart:
    """What became of the values.

    Attributes:
        columns: Full names of the columns of the part; none where no record got a value.
        records: Records that have a value from the input now.
        left: Values that differ from the one that their record has already, and were left out.
        left_rows: The rows of the input that hold them, ascending.
    """

    columns: tuple[str, ...] = ()
    records: int = 0
    left: int = 0
    left_rows: tuple[int, ...] = ()


class KeptValues:
    """Spools the values of a namespace's columns, row by row of the input.

    Args:
        namespace: A registered namespace, not a reserved one; None for the ids alone.
        registry: Where its columns are registered.
        spool: A file to make, in the staging folder; `remove` removes it.
        needed: Refuse an input that has none of the columns.
    """

    def __init__(self, namespace: str | None, registry: Registry, spool: Path, *, needed: bool) -> None:
        self.namespace = namespace
        columns = () if namespace is None else registry.namespace(namespace).column_names
        self._types = {name: registry.column_type(name) for name in columns}
        self._needed = needed
        self._path = spool
        fields = [pa.field(name, kind.to_arrow()) for name, kind in self._types.items()]
        self._schema = pa.schema([pa.field("id", pa.string(), nullable=False), *fields])
        self._sink = pa.OSFile(str(spool), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema)
        self._label = ""
        self._chosen: dict[str, AttachedColumn] = {}
        self._present: list[str] = []
        self.seen: set[str] = set()

    @property
    def columns_seen(self) -> tuple[str, ...]:
        """Full names of the columns that an input had, in registered order."""
        return tuple(name for name in self._types if name in self.seen)

    @property
    def wishes(self) -> dict[str, pa.DataType]:
        """The registered type of every name that a column may have in a file, with the prefix or without."""
        wishes = {}
        for name, kind in self._types.items():
            wishes.update(dict.fromkeys(self._forms(name), kind.to_arrow()))
        return wishes

    def begin(self, label: str, present: Sequence[str]) -> tuple[str, ...]:
        """Look which columns of the next file are kept; return their names in the file.

        Raises:
            AttachColumnMissing: A column is in the file twice, or both with the prefix and without.
        """
        self._label, self._chosen = label, {}
        self._present += [name for name in present if name not in self._present]
        for name, kind in self._types.items():
            found = [form for form in present if form in self._forms(name)]
            if len(found) > 1:
                reason = "is in the file more than once"
                raise AttachColumnMissing(label, column=name, present=present, reason=reason)
            if found:
                self._chosen[name] = AttachedColumn(
                    in_file=found[0], name=name, type_text=kind.canonical(), type=kind.to_arrow()
                )
        self.seen |= set(self._chosen)
        return tuple(column.in_file for column in self._chosen.values())

    def take(self, batch: pa.RecordBatch, ids: pa.Array, *, first_row: int) -> None:
        """Keep the values of a batch, whose first row has this number in its file and whose records have these ids.

        Raises:
            AttachCell, AttachColumnType: A value does not fit the registered type.
        """
        columns = [ids]
        for field in list(self._schema)[1:]:
            chosen = self._chosen.get(field.name)
            if chosen is None or batch.schema.get_field_index(chosen.in_file) < 0:
                columns.append(pa.nulls(len(ids), field.type))
                continue
            given = batch.column(chosen.in_file)
            columns.append(to_registered(given, chosen, label=self._label, first_row=first_row, parse_json=True))
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def finish(self) -> None:
        """Close the spool; its rows can be read from now on.

        Raises:
            NothingToAttach: No file had a column that the namespace registers, and one is needed.
        """
        self._writer.close()
        self._sink.close()
        if self._needed and not self.seen:
            registered = sorted(self._types)
            raise NothingToAttach(
                self._label, namespace=self.namespace or "", registered=registered, present=self._present
            )

    def remove(self) -> None:
        """Remove the spool; harmless when repeated."""
        self._sink.close()
        self._path.unlink(missing_ok=True)

    def rows(self, chosen: Rows) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield some rows of the input, numbered from 0 and ascending, each with its number and as a batch of one."""
        start = 0
        for batch in self.batches():
            stop = start + batch.num_rows
            for row in chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, stop)].tolist():
                yield row, batch.slice(row - start, 1)
            start = stop

    def name_of(self, row: int) -> str | None:
        """Return what the input calls a row: its ``NS__name``, None where there is none."""
        found = next((values for _, values in self.rows(np.asarray([row], np.int64))), None)
        return None if found is None else self.name_among(found)

    def name_among(self, row: pa.RecordBatch) -> str | None:
        """Return the name in a row that `rows` gave."""
        index = row.schema.get_field_index(f"{self.namespace}__name")
        name = None if index < 0 else row.column(index)[0].as_py()
        return name if isinstance(name, str) else None

    def name_in(self, batch: pa.RecordBatch, row: object, *, first_row: int) -> str | None:
        """Return what the input calls a row of a batch that is not spooled yet."""
        column = self._chosen.get(f"{self.namespace}__name")
        if column is None or not isinstance(row, int) or not 0 <= row - first_row < batch.num_rows:
            return None
        name = batch.column(column.in_file)[row - first_row].as_py()
        return name if isinstance(name, str) else None

    def write_part(
        self,
        part: Path,
        *,
        base: Path,
        overlay: NamespaceOverlay | None,
        positions: Rows,
        metadata: Mapping[str, str],
    ) -> KeptPart:
        """Write the part.

        Args:
            part: The file to make, in the staging folder.
            base: The base as it is after the change.
            overlay: What the namespace has already; a value takes no place where its record has one.
            positions: The base row of each row of the input, -1 for rows that are left out.
            metadata: Of the part's footer.
        """
        names = self.columns_seen
        schema = pa.schema(
            [self._schema.field("id"), *(self._schema.field(name) for name in names)], metadata=dict(metadata)
        )
        with pq.ParquetFile(base) as records:
            boundaries = row_group_ends(records)
        options = write_options(schema, bloom="id").writer_arguments(rows=boundaries[-1] if boundaries else 0)
        parts: list[Rows] = []
        with PartWriter(part, schema, options=options, boundaries=boundaries) as writer:
            start = 0
            for batch in self.batches():
                at = positions[start : start + batch.num_rows]
                rows = batch.select(schema.names)
                chosen = np.flatnonzero((at >= 0) & any_valid(rows.columns[1:]))
                if len(chosen) < batch.num_rows:
                    rows = rows.take(fixed_array(chosen, pa.int64()))
                writer.add(rows.replace_schema_metadata(None), at[chosen])
                parts.append(start + chosen)
                start += batch.num_rows
            writer.close()
        written = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        if not len(written):
            part.unlink()
            return KeptPart()
        order = np.argsort(positions[written], kind="stable")
        in_part = written[order]
        taken = taken_cells(part, base, overlay, label=self._label, positions=positions[in_part])
        if not taken:
            return KeptPart(columns=names, records=len(in_part))
        left = sum(int(cells.differs.sum()) for cells in taken.values())
        left_rows = {int(in_part[row]) for cells in taken.values() for row in cells.rows[cells.differs].tolist()}
        full = part.with_name(f"{part.name}.full")
        part.rename(full)
        with PartWriter(part, schema, options=options, boundaries=boundaries) as writer:
            records = _copy_without(full, writer, taken, positions[in_part])
            writer.close()
        full.unlink()
        if not records:
            part.unlink()
        return KeptPart(
            columns=names if records else (), records=records, left=left, left_rows=tuple(sorted(left_rows))
        )

    def ids(self, chosen: Rows) -> pa.Array:
        """Return the ids of some rows of the input, numbered from 0 and ascending."""
        found, start = [pa.nulls(0, pa.string())], 0
        for batch in self.batches():
            stop = start + batch.num_rows
            rows = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, stop)] - start
            found.append(batch.column(0).take(fixed_array(rows, pa.int64())))
            start = stop
        return pa.concat_arrays(found)

    def _forms(self, name: str) -> list[str]:
        """Return the names that a column may have in a file; a bare name that a record has is the record's."""
        return [form for form in source_forms(name, self.namespace or "") if form not in IMPORT_COLUMNS]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield ids and values in the input's order, a batch for each one that was taken."""
        with pa.OSFile(str(self._path)) as source, pa.ipc.open_file(source) as reader:
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)


def _copy_without(part: Path, writer: PartWriter, taken: Mapping[str, TakenCells], positions: Rows) -> int:
    """Copy a part without the cells that are taken; return how many rows still have a value."""
    start = 0
    with pq.ParquetFile(part) as source:
        for batch in source.iter_batches(use_threads=False):
            stop = start + batch.num_rows
            columns = []
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                cells = taken[name].rows if name in taken else np.zeros(0, np.int64)
                free = np.ones(batch.num_rows, np.bool_)
                free[cells[np.searchsorted(cells, start) : np.searchsorted(cells, stop)] - start] = False
                columns.append(only_where(column, free))
            valued = any_valid(columns[1:])
            rows = pa.RecordBatch.from_arrays(columns, schema=batch.schema.remove_metadata())
            writer.add(rows.filter(boolean_array(valued)), positions[start:stop][valued])
            start = stop
    return writer.rows
