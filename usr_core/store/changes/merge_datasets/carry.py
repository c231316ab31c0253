"""Overlay values that come along in a merge of two datasets: one part of a namespace in the destination."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array, plain_type
from usr_core.registry.document import Registry
from usr_core.registry.errors import RegistryMissing
from usr_core.registry.store import read_registry
from usr_core.store.changes.errors import CarriedContractDiffers
from usr_core.store.changes.merge_datasets.cells import CellTally, taken_cells
from usr_core.store.changes.merge_datasets.fates import SourceFates
from usr_core.store.changes.merge_datasets.files import MergeFiles
from usr_core.store.changes.merge_datasets.view import OrderedRows, OverlayValues, overlaid
from usr_core.store.ids.row_numbers import any_valid, only_where, row_numbers
from usr_core.store.overlay.fold import OverlayFold
from usr_core.store.overlay.open_namespace import OpenNamespace, registered_columns
from usr_core.store.view.base_windows import WINDOW_BYTES, BaseColumn, base_windows
from usr_core.store.view.last_writer_wins import bytes_per_row

__all__ = ["CarriedNamespace"]

_ROWS = 32_768


class CarriedNamespace:
    """The values of one namespace for those records of the source that the destination has afterwards.

    Args:
        namespace: Its name.
        destination, source: The two sides.
        registry: The destination's registry.
        source_root: The source's root, whose registry has to have the same contract if there is one.

    Attributes:
        kinds: The columns in registered order, with their types.
        schema: Those of the part: ``id``, then the columns.

    Raises:
        NoSuchOverlay: The source has no values of this namespace.
        NamespaceNotRegistered, ColumnNotRegistered, OverlayTypeNotRegistered: The destination's registry lacks them.
        CarriedContractDiffers: The two registries disagree.
    """

    def __init__(
        self, namespace: str, destination: MergeFiles, source: MergeFiles, registry: Registry, *, source_root: Path
    ) -> None:
        self.namespace = namespace
        self._destination, self._source = destination, source
        self.kinds = registered_columns(source.overlay(namespace), registry)
        fields = [pa.field(name, kind) for name, kind in self.kinds.items()]
        self.schema = pa.schema([pa.field("id", pa.string(), nullable=False), *fields])
        _check_contract(namespace, registry, source_root)

    def rows(self, fates: SourceFates, *, scratch: Path) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.int64]]]:
        """Yield the source's rows with a value whose records are there afterwards, and their places in the destination.

        Args:
            fates: What becomes of the source's rows.
            scratch: A folder that may be made meanwhile.

        Memory: that of `OverlayFold`.
        """
        if not self.kinds:
            return
        opened = OpenNamespace(self._source.base, self._source.overlay(self.namespace))
        with OverlayFold(opened, self.kinds, scratch=scratch, with_unmatched=False) as fold:
            for rows in fold.batches():
                places = fates.places[rows.positions]
                keep = any_valid(rows.columns) & (places >= 0)
                if keep.any():
                    batch = pa.RecordBatch.from_arrays([rows.ids, *rows.columns], schema=self.schema)
                    yield batch.filter(boolean_array(keep)), places[keep]

    def taken(
        self,
        fates: SourceFates,
        *,
        over: bool,
        settled: Collection[str],
        overlays: OverlayValues,
        scratch: Path,
        tally: CellTally,
    ) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.int64]]]:
        """Yield the rows of the part that is needed, keyed by ``id``, in the order of their places.

        New records get all their values. Duplicates get those that change what is shown: where nothing is shown, or,
        if `over`, something else.

        Args:
            fates: What becomes of the source's rows.
            over: Whether a value replaces one that a duplicate has in the destination already.
            settled: Columns whose values duplicates have got already.
            overlays: What the destination's overlays have for these columns.
            scratch: A folder that may be made meanwhile.
            tally: Counts the values of duplicates that change, and those that differ and stay.
        """
        base, highest = self._destination.base, int(fates.places.max(initial=-1)) + 1
        own = [name for name in self.kinds if base.schema.get_field_index(name) >= 0]
        below = [BaseColumn(name, plain_type(base.schema.field(name).type)) for name in own]
        kinds = {"id": pa.string(), **self.kinds}
        with OrderedRows(scratch / f"{self.namespace}.parquet", kinds, highest=highest) as ordered:
            for batch, places in self.rows(fates, scratch=scratch / "fold"):
                ordered.add({name: batch.column(name) for name in kinds}, places)
            theirs = ordered.merge()
            width = max(bytes_per_row(part, self.kinds) for part in self._source.overlay(self.namespace).parts)
            step = max(1, min(_ROWS, WINDOW_BYTES // width))
            for window in base_windows(base, below, overlay_width=2 * width, window_rows=step):
                start, stop = window.start, window.stop
                there, above = theirs.window(start, stop, {}), overlays.window(start, stop)
                rows = np.arange(start, stop, dtype=np.int64)
                columns = []
                for name, kind in self.kinds.items():
                    shown = overlaid(window.columns.get(name), above.get(name), kind, stop - start)
                    changed = taken_cells(shown, there[name], over=over) & (name not in settled)
                    if name not in settled:
                        tally.keep(shown, there[name], taken=changed)
                    tally.add(name, changed, rows=rows, ids=there["id"], before=shown, after=there[name])
                    columns.append(only_where(there[name], changed))
                yield from self._valued(there["id"], columns, rows)
            for start in range(base.rows, highest, step):
                stop = min(start + step, highest)
                there = theirs.window(start, stop, {})
                columns = [there[name] for name in self.kinds]
                yield from self._valued(there["id"], columns, np.arange(start, stop, dtype=np.int64))

    def _valued(
        self, ids: pa.Array, columns: Sequence[pa.Array], places: npt.NDArray[np.int64]
    ) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.int64]]]:
        keep = any_valid(columns)
        if keep.any():
            numbers = row_numbers(np.flatnonzero(keep))
            arrays = [array.take(numbers) for array in (ids, *columns)]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema), places[keep]


def _check_contract(namespace: str, registry: Registry, source_root: Path) -> None:
    try:
        theirs = read_registry(source_root)
    except RegistryMissing:
        return  # a dataset that came without its root; the types of its files have been compared
    if namespace in theirs.namespaces and theirs.contract_hash(namespace) != registry.contract_hash(namespace):
        raise CarriedContractDiffers(namespace=namespace)
