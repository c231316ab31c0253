"""Overlay values that come along in a merge of two datasets: one part of a namespace in the destination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array
from usr_core.registry.document import Registry
from usr_core.registry.errors import RegistryMissing
from usr_core.registry.store import read_registry
from usr_core.store.index.row_numbers import row_numbers, valid_mask
from usr_core.store.merge.namespace_merge import NamespaceMerge, bytes_per_row
from usr_core.store.merge.types import plain_type
from usr_core.store.merge.windows import BaseColumn, base_windows
from usr_core.store.overlay.fold import OverlayFold
from usr_core.store.overlay.open_namespace import OpenNamespace, registered_columns
from usr_core.store.upkeep.errors import CarriedContractDiffers
from usr_core.store.upkeep.merge_fates import Fate, SourceFates
from usr_core.store.upkeep.merge_files import MergeFiles
from usr_core.store.view.places import ViewPlaces

__all__ = ["CarriedNamespace"]


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

    def rows(
        self, fates: SourceFates, *, prefer_source: bool, scratch: Path
    ) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.int64]]]:
        """Yield rows with at least one value, keyed by ``id``, and their places in the destination afterwards.

        Args:
            fates: What becomes of the source's rows.
            prefer_source: Whether a value replaces one that a duplicate has in the destination already.
            scratch: A folder that may be made meanwhile.

        Memory: that of `OverlayFold`, and a byte for each row and column of the destination where there are
        duplicates whose values stay.
        """
        if not self.kinds:
            return
        taken: Mapping[str, npt.NDArray[np.bool_]] = {}
        if not prefer_source and fates.count(Fate.DUPLICATE):
            taken = self._taken()
        opened = OpenNamespace(self._source.base, self._source.overlay(self.namespace))
        with OverlayFold(opened, self.kinds, scratch=scratch, with_unmatched=False) as fold:
            for rows in fold.batches():
                places = fates.places[rows.positions]
                columns = [
                    _without(column, taken[name], places) if name in taken else column
                    for name, column in zip(self.kinds, rows.columns, strict=True)
                ]
                keep = np.logical_or.reduce([valid_mask(column) for column in columns]) & (places >= 0)
                if keep.any():
                    batch = pa.RecordBatch.from_arrays([rows.ids, *columns], schema=self.schema)
                    yield batch.filter(boolean_array(keep)), places[keep]

    def _taken(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Return for each column which rows of the destination have a value, in the base or the overlay."""
        base, overlay = self._destination.base, self._destination.overlays.get(self.namespace)
        found = {name: np.zeros(base.rows, np.bool_) for name in self.kinds}
        own = [name for name in self.kinds if name in base.schema.names]
        below = [BaseColumn(name, plain_type(base.schema.field(name).type)) for name in own]
        parts = [] if overlay is None else [part for part in overlay.parts if part.rows]
        merge = NamespaceMerge(ViewPlaces(base).placements(parts), self.kinds)
        width = max((bytes_per_row(part, self.kinds) for part in parts), default=0)
        windows = base_windows(base, below, overlay_width=width)
        for window in windows:
            values = merge.window(window.start, window.stop, {})
            for name in self.kinds:
                # Base and overlay are not merged: only whether one of them has a value counts.
                valid = valid_mask(values[name])
                if name in window.columns:
                    valid |= valid_mask(window.columns[name])
                found[name][window.start : window.stop] = valid
        return found


def _check_contract(namespace: str, registry: Registry, source_root: Path) -> None:
    try:
        theirs = read_registry(source_root)
    except RegistryMissing:
        return  # a dataset that came without its root; the types of its files have been compared
    if namespace in theirs.namespaces and theirs.contract_hash(namespace) != registry.contract_hash(namespace):
        raise CarriedContractDiffers(namespace)


def _without(column: pa.Array, taken: npt.NDArray[np.bool_], places: npt.NDArray[np.int64]) -> pa.Array:
    """Return `column` with null where the destination has a value already."""
    inside = (places >= 0) & (places < len(taken))
    hidden = np.zeros(len(places), np.bool_)
    hidden[inside] = taken[places[inside]]
    if not hidden.any():
        return column
    return column.take(row_numbers(np.arange(len(column)), hidden=hidden))
