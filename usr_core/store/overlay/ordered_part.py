"""Putting rows of a part in order on disk, so that they can be read forwards beside the base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.base.file import write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.row_numbers import row_numbers
from usr_core.store.overlay.part_writer import PartWriter
from usr_core.store.parts.errors import OverlayUnreadable
from usr_core.store.parts.files import OverlayPart
from usr_core.store.view.placement import Placement

__all__ = ["part_in_order"]

_ROWS = 16_384
_GROUP_ROWS = 32_768
"""Places a row group spans, so that wide values are neither written nor read in large pieces."""


def part_in_order(part: OverlayPart, columns: Sequence[str], places: npt.NDArray[np.int64], path: Path) -> Placement:
    """Write the rows of `part` that have a place to `path`, ascending, and return where they stand.

    Args:
        part: The part, or any Parquet file in the form of one.
        columns: What to copy, at least one; the key is not.
        places: The place of each row of the part, -1 for rows to leave out; a place occurs at most once.
        path: The file to make.

    Returns:
        A placement of the new file, which the caller closes and removes.

    Raises:
        OverlayUnreadable: A page of the part is damaged.

    Memory is bounded: what does not fit is spilled beside `path` (see `PartWriter`).
    """
    schema = pa.schema([part.source.schema.field(name).remove_metadata() for name in columns])
    options = write_options(schema, bloom=None).writer_arguments()
    highest = int(places.max(initial=-1)) + 1
    boundaries = range(_GROUP_ROWS, highest, _GROUP_ROWS)
    with PartWriter(path, schema, options=options, boundaries=boundaries) as writer:
        start = 0
        try:
            for batch in part.source.reader().iter_batches(_ROWS, columns=list(columns), use_threads=False):
                mine = places[start : start + batch.num_rows]
                start += batch.num_rows
                kept = np.flatnonzero(mine >= 0)
                if len(kept):
                    rows = batch.select(list(columns)).take(row_numbers(kept))
                    writer.add(pa.RecordBatch.from_arrays(rows.columns, schema=schema), mine[kept])
        except pa.ArrowException as error:
            raise OverlayUnreadable(file=part.relative, cause=error) from error
        writer.close()
    source = OpenParquet.open(path)
    copied = replace(part, source=source, columns=tuple(schema))
    return Placement(part=copied, positions=np.sort(places[places >= 0]).astype(np.int32))
