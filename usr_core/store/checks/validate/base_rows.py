"""The one pass over a base: every page decoded, every rule of a record checked, on all cores.

Row groups are checked side by side, each in pieces of bounded size; what stays in memory are eight bytes
of each id, for uniqueness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.alphabets import OWN_ALPHABETS, KnownAlphabets
from usr_core.records.arrays import boolean_array, conform
from usr_core.records.base_schema import BASE_FIELDS
from usr_core.records.bulk_ids import IdHasher
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.checks.validate.base_footer_checks import usable_base_columns
from usr_core.store.checks.validate.pages import (
    DAMAGE,
    batches_of_group,
    columns_that_repeat,
    memory_told,
    read_pages,
    thread_count,
)
from usr_core.store.checks.validate.report import FindingList
from usr_core.store.checks.validate.row_faults import RowTally
from usr_core.store.errors import BaseUnreadable
from usr_core.store.ids.row_numbers import valid_mask
from usr_core.store.ids.texts import comparable_ids
from usr_core.store.ids.word_sets import WordStore, find_repeats
from usr_core.store.rules.columns import FewTexts
from usr_core.store.rules.record import CHECKED_COLUMNS, ID_REPEATED, NULL_VALUE, ROW_LIMIT, LetterCase, RecordChunk

__all__ = ["check_base_rows"]

Rows = npt.NDArray[np.int64]

_DICTIONARIES = ("bio_type", "alphabet", "source")


def check_base_rows(
    base: OpenParquet,
    findings: FindingList,
    progress: Callable[[int], None] | None,
    known: KnownAlphabets = OWN_ALPHABETS,
) -> bool:
    """Check all rows of the base and add what is wrong.

    Args:
        base: The open base.
        findings: Takes a finding for each kind of fault, and one for each row group that can't be read.
        progress: Called with the number of rows just checked.
        known: The alphabets that there are.

    Returns:
        Whether every page could be read.

    Memory: 8 bytes a row, and for each core one piece of 32 MiB.
    """
    check = _BaseCheck(base, known)
    groups = base.file.metadata.num_row_groups
    tally, whole = RowTally(), True
    with ThreadPoolExecutor(check.threads, thread_name_prefix="usr-validate") as pool:
        for outcome in pool.map(check.group, range(groups)):
            tally.merge(outcome.tally)
            if outcome.damage is not None:
                whole = False
                findings.add_error(outcome.damage, file=RECORDS)
            if progress is not None:
                progress(outcome.rows)
    check.close()
    rows, _ = find_repeats(check.suspects(), check.ids)
    tally.add(ID_REPEATED, "id", rows)
    tally.report(findings, file=RECORDS)
    return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    rows: int
    tally: RowTally
    damage: BaseUnreadable | None = None


class _BaseCheck:
    def __init__(self, base: OpenParquet, known: KnownAlphabets) -> None:
        self.base, self.known = base, known
        self.threads = thread_count()
        self.columns = usable_base_columns(base.schema)
        unreadable = columns_that_repeat(base.schema)
        self.others = [name for name in base.schema.names if name not in self.columns and name not in unreadable]
        metadata = base.file.metadata
        counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self.starts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64))).astype(np.int64)
        unique = "id" in self.columns and int(self.starts[-1]) <= ROW_LIMIT
        self.words = WordStore(self.starts) if unique else None
        self.hashers: SimpleQueue[IdHasher] = SimpleQueue()
        for _ in range(self.threads):
            self.hashers.put(IdHasher(expected_rows=int(self.starts[-1])))

    def group(self, group: int) -> _Outcome:
        """Check one row group."""
        tally, hasher, done = RowTally(), self.hashers.get(), 0
        expected = int(self.starts[group + 1] - self.starts[group])
        damage = None
        try:
            with memory_told(str(self.base.path)):
                for batch in batches_of_group(self.base, group, self.columns, dictionaries=_DICTIONARIES):
                    first = int(self.starts[group]) + done + 1
                    ids = _check_rows(_by_name(batch), first, hasher, tally, self.known)
                    if self.words is not None and ids is not None:
                        self.words.extend(group, ids)
                    done += len(batch)
                if self.columns and done != expected:
                    raise pa.ArrowInvalid(f"it has {done:,} rows, and the footer says {expected:,}")
                read_pages(self.base, group, self.others)
        except DAMAGE as error:
            damage = BaseUnreadable(self.base.path, f"row group {group + 1} is damaged", cause=error)
        finally:
            self.hashers.put(hasher)
        return _Outcome(rows=expected, tally=tally, damage=damage)

    def suspects(self) -> npt.NDArray[np.uint64]:
        """Return the words of ids that may be repeated."""
        return self.words.suspects() if self.words is not None else np.empty(0, np.uint64)

    def ids(self) -> Iterator[tuple[Rows, pa.Array]]:
        """Yield row numbers and ids once more; what can't be read was reported before and is passed over."""
        for group in range(len(self.starts) - 1):
            first = int(self.starts[group]) + 1
            try:
                for batch in batches_of_group(self.base, group, ["id"]):
                    column = conform(batch.column(0), pa.string())
                    rows = np.arange(first, first + len(column), dtype=np.int64)
                    first += len(column)
                    yield rows[valid_mask(column)], comparable_ids(column.drop_null())
            except MemoryError:
                raise
            except DAMAGE:
                continue

    def close(self) -> None:
        """Close the hashers."""
        while not self.hashers.empty():
            self.hashers.get().__exit__(None, None, None)


def _check_rows(
    columns: dict[str, pa.Array], first_row: int, hasher: IdHasher, tally: RowTally, known: KnownAlphabets
) -> pa.Array | None:
    """Count what is wrong in one batch, of which row `first_row` is the first; return its ids, made comparable.

    A rule that compares columns holds for rows that have a value in each of them.
    """
    rows = np.arange(first_row, first_row + len(next(iter(columns.values()), ())), dtype=np.int64)
    for name, column in columns.items():
        if column.null_count:
            tally.add(NULL_VALUE, name, rows[~valid_mask(column)])
    ids = comparable_ids(columns["id"].drop_null()) if "id" in columns else None
    if any(name not in columns for name in CHECKED_COLUMNS):
        return ids
    present = np.logical_and.reduce([valid_mask(columns[name]) for name in CHECKED_COLUMNS])
    if not present.all():
        rows, columns = rows[present], {name: columns[name].filter(boolean_array(present)) for name in CHECKED_COLUMNS}
    if len(rows):
        chunk = RecordChunk(
            given=columns,
            sequences=columns["sequence"],
            bio_types=FewTexts.of(columns["bio_type"]),
            alphabets=FewTexts.of(columns["alphabet"]),
            known=known,
        )
        for breach in chunk.breaches(hasher, LetterCase()):
            tally.add(breach.rule, breach.rule.column, rows[breach.rows], sample=breach.told())
    return ids


def _by_name(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Return the base columns that a batch has, those of few texts as they come."""
    types = {field.name: field.type for field in BASE_FIELDS}
    columns = zip(batch.schema.names, batch.columns, strict=True)
    return {name: each if name in _DICTIONARIES else conform(each, types[name]) for name, each in columns}
