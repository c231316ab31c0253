"""Writing a base anew: rows left out, columns added or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array
from usr_core.records.base_schema import BASE_COLUMNS, META_LETTER_CASE, base_schema
from usr_core.records.masks import valid_mask
from usr_core.roots.layout import RECORDS
from usr_core.store.base.append import BaseWriter
from usr_core.store.base.file import ParquetOutput
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import BaseColumnHasNulls, BaseUnreadable

__all__ = ["base_writer", "checked_batches", "extra_fields", "letter_case", "with_case_note"]

_ROWS = 16_384


def extra_fields(schema: pa.Schema) -> list[pa.Field]:
    """Return the materialized columns of a base, without metadata."""
    return [field.remove_metadata() for field in schema if field.name not in BASE_COLUMNS]


def base_writer(destination: Path, extra: Sequence[pa.Field], *, metadata: Mapping[str, str]) -> BaseWriter:
    """Return a writer of a new base with the given materialized columns.

    Args:
        destination: The file to create; a second, small file stands beside it for a moment.
        extra: The materialized columns, in order.
        metadata: Key/value metadata of the new file.

    Raises:
        FileExistsError: `destination` exists.
    """
    template = destination.with_name(f"{destination.name}.template")
    try:
        ParquetOutput(template, base_schema(extra)).close()
        return BaseWriter(destination, existing=template, metadata=metadata)
    finally:
        template.unlink(missing_ok=True)


def checked_batches(
    base: OpenParquet, keep: npt.NDArray[np.bool_] | None = None, *, label: str = RECORDS
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (first row from 0, batch) with all columns of a base, without the rows that `keep` denies.

    The first row is that of the batch before rows are left out. Memory is bounded by a row group's pages.

    Raises:
        BaseColumnHasNulls: One of the seven columns holds a null in a row that is kept.
        BaseUnreadable: A page is damaged.
    """
    start = 0
    try:
        for whole in base.reader().iter_batches(_ROWS, use_threads=True):
            first, start = start, start + whole.num_rows
            mine = np.ones(whole.num_rows, np.bool_) if keep is None else keep[first:start]
            batch = whole if mine.all() else whole.filter(boolean_array(mine))
            for name in BASE_COLUMNS:
                column = batch.column(name)
                if column.null_count:
                    at = int(valid_mask(column).argmin())
                    raise BaseColumnHasNulls(column=name, file=label, row=first + int(np.flatnonzero(mine)[at]) + 1)
            yield first, batch
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(base.path, error) from error


def letter_case(base: OpenParquet) -> str | None:
    """Return ``upper`` or ``lower`` where the footer says so of the letters of this base's very rows, else None."""
    note = (base.schema.metadata or {}).get(META_LETTER_CASE.encode(), b"").decode("utf-8", "replace")
    case, _, rows = note.partition(":")
    return case if rows == str(base.rows) and case in ("upper", "lower") else None


def with_case_note(metadata: Mapping[str, str], *sources: OpenParquet, rows: int) -> dict[str, str]:
    """Return `metadata` with what is known of the letters' case in a base that holds `rows` rows out of `sources`.

    The note counts its rows, so an old one must not stay: another change could bring the count back by chance.
    """
    kept = {key: value for key, value in metadata.items() if key != META_LETTER_CASE}
    cases = {letter_case(base) for base in sources if base.rows}
    only = cases.pop() if len(cases) == 1 else None
    return kept if only is None else {**kept, META_LETTER_CASE: f"{only}:{rows}"}
