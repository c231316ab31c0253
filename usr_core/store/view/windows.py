"""The windows of a view: which columns come from where, and how wide a row is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from usr_core.store.base.parquet import OpenParquet
from usr_core.store.parts.files import NamespaceOverlay
from usr_core.store.view.base_windows import STEP_BYTES, BaseColumn, Window, base_windows, merged_windows
from usr_core.store.view.last_writer_wins import DECODED_BYTES, NamespaceMerge, bytes_per_row
from usr_core.store.view.places import ViewPlaces
from usr_core.store.view.schema import ViewColumn, optional_base_columns

__all__ = ["view_windows"]


def view_windows(
    base: OpenParquet,
    overlays: Mapping[str, NamespaceOverlay],
    places: ViewPlaces,
    chosen: Sequence[ViewColumn],
    rows: int,
    step: int | None = None,
) -> Iterator[Window]:
    """Yield the base in windows with all of the `chosen` columns that any file has, deleted rows included.

    A window has at most `rows` rows, and a multiple of `step` where so many fit. Parts that have none of the
    columns are not touched; of the others the keys are read first.
    """
    optional = optional_base_columns(base.schema)
    read = [BaseColumn(column.name, column.field.type, column.name in optional) for column in chosen if column.in_base]
    kinds: dict[str, dict[str, pa.DataType]] = {}
    below: dict[str, list[str]] = {}
    for column in chosen:
        if column.namespace is not None:
            kinds.setdefault(column.namespace, {})[column.name] = column.field.type
            below.setdefault(column.namespace, []).extend([column.name] if column.in_base else [])
    merges, width = [], 0
    for namespace, wanted in kinds.items():
        parts = [
            part
            for part in overlays[namespace].parts
            if part.rows and any(field.name in wanted for field in part.columns)
        ]
        rows_once = None if below[namespace] else base.rows
        batch_bytes = DECODED_BYTES if step is None else STEP_BYTES
        merges.append(NamespaceMerge(places.placements(parts), wanted, rows=rows_once, batch_bytes=batch_bytes))
        width += max((bytes_per_row(part, wanted) for part in parts), default=0)
    windows = base_windows(base, read, overlay_width=width, window_rows=rows, step=step)
    return merged_windows(windows, merges, list(below.values()))
