"""What readers of one side of a merge see: overlay values beside the base, and rows in the order of the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import conform
from usr_core.store.base.file import write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.changes.merge_datasets.files import MergeFiles
from usr_core.store.errors import BaseUnreadable
from usr_core.store.ids.keys import KeyIndex, one_bio_type, open_key_index
from usr_core.store.ids.position_index import NO_DUPLICATES, BaseIndex
from usr_core.store.overlay.part_writer import PartWriter
from usr_core.store.parts.errors import OverlayUnreadable
from usr_core.store.parts.files import NamespaceOverlay, OverlayPart
from usr_core.store.view.contributions import Contribution, merge_column
from usr_core.store.view.last_writer_wins import NamespaceMerge
from usr_core.store.view.placement import Placement, as_part, place_part

__all__ = ["OrderedRows", "OverlayValues", "merged_places", "overlaid"]

_GROUP_ROWS = 32_768

Place = Callable[[Sequence[OverlayPart]], list[Placement]]


class OverlayValues:
    """What overlays have in some columns, for windows of rows that ascend; columns that no overlay has are not there.

    Args:
        overlays: The overlays.
        kinds: Name and plain type of the columns.
        place: Says where parts stand among the rows.
    """

    def __init__(self, overlays: Iterable[NamespaceOverlay], kinds: Mapping[str, pa.DataType], place: Place) -> None:
        self._merges: list[NamespaceMerge] = []
        for overlay in overlays:
            parts = [part for part in overlay.parts if part.rows and any(one.name in kinds for one in part.columns)]
            there = {field.name for part in parts for field in part.columns}
            if parts:
                wanted = {name: kind for name, kind in kinds.items() if name in there}
                self._merges.append(NamespaceMerge(place(parts), wanted))

    def window(self, start: int, stop: int) -> dict[str, pa.Array]:
        """Return the overlay values of the rows from `start` up to `stop`; `start` never goes back."""
        found: dict[str, pa.Array] = {}
        for merge in self._merges:
            found.update(merge.window(start, stop, {}))
        return found


def overlaid(below: pa.Array | None, above: pa.Array | None, kind: pa.DataType, rows: int) -> pa.Array:
    """Return what is shown of a column with the values `below` in the base and `above` in overlays."""
    whole = slice(0, rows)
    there = [Contribution(whole, conform(values, kind)) for values in (below, above) if values is not None]
    return merge_column(kind, rows, there)


def merged_places(files: MergeFiles, new_ids: Callable[[], Iterator[pa.Array]]) -> Place:
    """Return how parts of `files` are placed among its rows and, behind them, new ones.

    A part may hold values for the new records already, which were kept when their rows were dropped.

    Args:
        files: The destination.
        new_ids: Opens the ids of the new records, in order.

    Memory: 28 bytes a row of the two together, once a part is to be placed.
    """
    indexes: dict[str, KeyIndex] = {}

    def index(key: str) -> KeyIndex:
        if "id" not in indexes:
            indexes["id"] = KeyIndex("id", BaseIndex.from_ids(_all_ids(files, new_ids)))
        if key not in indexes:
            reader = files.base.reader()
            indexes[key] = (
                open_key_index(reader, "sequence_ci")
                if key == "sequence_ci"
                else KeyIndex("sequence", indexes["id"].index, bio_type=one_bio_type(reader, "sequence"))
            )
        return indexes[key]

    def place(parts: Sequence[OverlayPart]) -> list[Placement]:
        placements = []
        for part in parts:
            try:
                placements.append(place_part(part, index(part.key), NO_DUPLICATES))
            except (pa.ArrowException, OSError) as error:
                raise OverlayUnreadable(file=part.relative, cause=error) from error
        return placements

    return place


class OrderedRows:
    """Rows written to a file in the order of their places, so that they can be read forwards beside others.

    Use as a context manager; the file goes at the end. Memory is bounded (see `PartWriter`).

    Args:
        path: The file to make.
        kinds: Name and type of the columns.
        highest: All places are below it.
    """

    def __init__(self, path: Path, kinds: Mapping[str, pa.DataType], *, highest: int) -> None:
        self._path, self._kinds = path, dict(kinds)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._schema = pa.schema(list(self._kinds.items()))
        options = write_options(self._schema, bloom=None).writer_arguments()
        boundaries = range(_GROUP_ROWS, highest, _GROUP_ROWS)
        self._writer = PartWriter(path, self._schema, options=options, boundaries=boundaries)
        self._places: list[npt.NDArray[np.int64]] = []
        self._source: OpenParquet | None = None

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._source is not None:
            self._source.close()
        self._writer.__exit__(kind, error, trace)
        self._path.unlink(missing_ok=True)

    def add(self, columns: Mapping[str, pa.Array], places: npt.NDArray[np.int64]) -> None:
        """Take rows and the place of each; a place comes at most once over all calls."""
        self._places.append(places)
        arrays = [columns[name] for name in self._kinds]
        self._writer.add(pa.RecordBatch.from_arrays(arrays, schema=self._schema), places)

    def merge(self) -> NamespaceMerge:
        """Finish the file and return what gives its rows, window after window; once."""
        self._writer.close()
        self._source = OpenParquet.open(self._path)
        places = np.sort(np.concatenate(self._places)) if self._places else np.empty(0, np.int64)
        part = as_part(self._source, self._kinds, relative=self._path.name)
        return NamespaceMerge([Placement(part=part, positions=places.astype(np.int32))], self._kinds)


def _all_ids(files: MergeFiles, new_ids: Callable[[], Iterator[pa.Array]]) -> Iterator[pa.Array]:
    try:
        for batch in files.base.reader().iter_batches(columns=["id"], use_threads=False):
            yield batch.column(0)
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(files.base.path, str(error)) from error
    yield from new_ids()
