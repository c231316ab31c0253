"""The values of rows that are left out of the base: materialized ones go with them, attached ones match no record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import text_array
from usr_core.store.base.parquet import OpenParquet, read_base_facts
from usr_core.store.base.rewrite import extra_fields
from usr_core.store.errors import BaseUnreadable
from usr_core.store.ids.row_numbers import distinct, row_numbers, valid_mask
from usr_core.store.overlay.kept_values import count_values
from usr_core.store.parts.files import NamespaceOverlay

__all__ = ["count_left", "count_materialized"]

Rows = npt.NDArray[np.int64]


def count_materialized(base: OpenParquet, dropped: Rows, *, kept: Rows) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many materialized values go with the rows, by column, and how many the row that stays has none for.

    Args:
        base: The base with all rows.
        dropped: The rows that go.
        kept: For each of them the row that stays for it.

    Memory: 9 bytes a row that goes or stays for one, and a byte more for each materialized column.
    """
    names = [column.name for column in extra_fields(base.schema)]
    wanted = distinct(np.concatenate([dropped, kept]))
    if not names or not len(wanted):
        return {}, {}
    valid = {name: np.zeros(len(wanted), np.bool_) for name in names}
    for low, high, rows, batch in _batches_at(base, wanted, names):
        for name in names:
            valid[name][low:high] = valid_mask(batch.column(name))[rows]
    gone, stays = np.searchsorted(wanted, dropped), np.searchsorted(wanted, kept)
    counts = {name: int(np.count_nonzero(there[gone])) for name, there in valid.items()}
    lost = {name: int(np.count_nonzero(there[gone] & ~there[stays])) for name, there in valid.items()}
    return {name: n for name, n in counts.items() if n}, {name: n for name, n in lost.items() if n}


def count_left(
    base: OpenParquet, attached: Mapping[str, NamespaceOverlay], dropped: Rows, *, kept: Rows
) -> dict[str, int]:
    """Return how many records have attached values that match no record without the rows that go, by namespace.

    Args:
        base: The base with all rows.
        attached: The open overlays that are looked at.
        dropped, kept: As for `count_materialized`.

    Memory: 120 bytes a row that goes.
    """
    import pyarrow.compute as pc

    if not attached or not len(dropped):
        return {}
    gone, stays = (pc.unique(_ids_at(base, distinct(rows))) for rows in (dropped, kept))
    gone = gone.filter(pc.invert(pc.is_in(gone, value_set=stays)))
    kinds = read_base_facts(base.path).bio_types
    return count_values(attached, gone, bio_type=kinds[0] if len(kinds) == 1 else None)


def _ids_at(base: OpenParquet, rows: Rows) -> pa.Array:
    found = [batch.column(0).take(row_numbers(at)) for _, _, at, batch in _batches_at(base, rows, ["id"])]
    return pa.concat_arrays([text_array([]), *found])


def _batches_at(
    base: OpenParquet, rows: Rows, columns: Sequence[str]
) -> Iterator[tuple[int, int, Rows, pa.RecordBatch]]:
    """Yield the batches that hold some of `rows` (ascending), with their places in `rows` and in the batch."""
    start = 0
    try:
        for batch in base.reader().iter_batches(columns=list(columns), use_threads=False):
            low, high = (int(at) for at in np.searchsorted(rows, (start, start + batch.num_rows)))
            if low < high:
                yield low, high, rows[low:high] - start, batch
            start += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(base.path, error) from error
