"""The overlay parts that a merge of two datasets adds to the destination."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.base.file import write_options
from usr_core.store.changes.merge_datasets.files import MergeFiles
from usr_core.store.mutation import Mutation, adopt_single_file, new_part_name, overlay_metadata
from usr_core.store.overlay.part_writer import PartWriter
from usr_core.store.overlay.single_part import group_boundaries

__all__ = ["MergeParts"]


class MergeParts:
    """Parts that are staged as their rows come, one a namespace at a time; a context manager.

    Args:
        mutation: The change.
        destination: What it changes.
        rows: Rows of the result.
    """

    def __init__(self, mutation: Mutation, destination: MergeFiles, *, rows: int) -> None:
        self._mutation, self._destination, self._rows = mutation, destination, rows
        self._open: dict[str, PartWriter] = {}
        self._exits = ExitStack()
        self._namespaces: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    def add(self, namespace: str, batch: pa.RecordBatch, places: npt.NDArray[np.int64], *, schema: pa.Schema) -> None:
        """Add rows, in the order of their places; the first ones open a part."""
        if namespace not in self._open:
            self._namespaces.add(namespace)
            stamped = schema.with_metadata(overlay_metadata(self._mutation, namespace))
            writer = PartWriter(
                self._mutation.txn.stage(new_part_name(self._mutation, namespace)),
                stamped,
                options=write_options(stamped, bloom="id").writer_arguments(rows=self._rows),
                boundaries=group_boundaries(self._destination.base, rows_behind=self._rows),
            )
            self._open[namespace] = self._exits.enter_context(writer)
        self._open[namespace].add(batch, places)

    def finish(self) -> int:
        """Finish the parts that are open; return their rows."""
        rows = 0
        for writer in self._open.values():
            writer.close()
            rows += writer.rows
        self._open.clear()
        self._exits.close()
        return rows

    def publish(self) -> None:
        """See to it that each namespace with a new part is a folder of parts."""
        for namespace in sorted(self._namespaces):
            adopt_single_file(self._mutation, namespace, self._destination.overlays.get(namespace))
