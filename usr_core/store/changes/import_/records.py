"""Importing records: the batches of an importer become new rows at the end of the base, in one change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.roots.layout import RECORDS
from usr_core.store.base.facts import read_base_facts
from usr_core.store.base.metadata import ROWS_DROPPED, next_base_metadata
from usr_core.store.changes.import_.build import ImportDefaults, build_base
from usr_core.store.ids.word_sets import row_groups_from
from usr_core.store.mutation import Site, mutate
from usr_core.store.overlay.kept_values import count_kept_values
from usr_core.store.overlay.reserved import deleted_ids
from usr_core.store.rules.columns import IMPORT_COLUMNS
from usr_core.store.rules.errors import MissingColumn

__all__ = ["ImportOptions", "ImportOutcome", "ImportSource", "import_records"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """Where records come from: the names of the columns there are, and the batches of those wanted."""

    label: str
    columns: Callable[[], Sequence[str]]
    batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What holds for rows that do not say it themselves, and what happens to duplicates.

    Attributes:
        source: Where the records come from; by default the label of what they are read from.
        importer, path: Of records of a file: what reads it, and its path as it was given.
        rows: Of records from memory: how many they are.
    """

    bio_type: str = "dna"
    alphabet: str = "dna_4"
    source: str | None = None
    on_duplicate: Literal["error", "skip"] = "error"
    importer: str | None = None
    path: str | None = None
    rows: int | None = None

    def event_args(self) -> dict[str, object]:
        """Return the event's ``args``."""
        return {
            **({} if self.path is None else {"from": self.importer, "path": self.path}),
            "source": self.source,
            **({} if self.rows is None else {"rows": self.rows}),
            "bio_type": self.bio_type,
            "alphabet": self.alphabet,
            "on_duplicate": self.on_duplicate,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOutcome:
    """What an import did; ``event`` is None where no record was new.

    Attributes:
        rows_read: Rows of the input.
        added: New records.
        skipped: Rows left out as exact duplicates.
        skipped_deleted: Those of them whose record the dataset has as a deleted one; it stays deleted.
        case_variants: New records that differ from another one only in letter case.
        kept_values: New records that take up values, or a state, which the dataset had kept for their ids.
        ignored_columns: Columns of the input that a record does not have.
        bio_types: Those of the dataset now, sorted; from the footer's statistics, so of three one may be missing.
        new_bio_types: Those of them that it did not hold before; empty where it was empty.
        rows_total: Records of the dataset now, deleted ones included.

    Example:
        >>> done = dataset.import_file("more.csv")
        >>> done.rows_read, done.added, done.skipped, done.bio_types, done.rows_total
        (2, 2, 0, ('dna',), 5)
    """

    rows_read: int
    added: int
    skipped: int
    case_variants: int
    kept_values: int
    ignored_columns: tuple[str, ...]
    bio_types: tuple[str, ...]
    new_bio_types: tuple[str, ...]
    rows_total: int
    event: dict[str, Any] | None
    skipped_deleted: int = 0


def import_records(
    site: Site, source: ImportSource, options: ImportOptions, *, progress: Callable[[int], None] | None = None
) -> ImportOutcome:
    """Append records to the base. All rows are taken or none; memory does not grow with rows except for 8 bytes each.

    Raises:
        MissingColumn: The input has no column ``sequence``.
        UsrError: A row is refused; file, row, column and value are told (see `usr_core.store.rules.errors`).
    """
    with mutate(site, "import") as mutation:
        present = list(source.columns())
        if "sequence" not in present:
            raise MissingColumn(source.label, column="sequence", present=present)
        wanted = [name for name in IMPORT_COLUMNS if name in present]
        ignored = tuple(name for name in present if name not in IMPORT_COLUMNS)
        before = mutation.base_facts()
        staged = mutation.txn.stage(RECORDS)
        built = build_base(
            source.batches(wanted),
            label=source.label,
            existing=site.layout.records,
            destination=staged,
            defaults=ImportDefaults(
                bio_type=options.bio_type,
                alphabet=options.alphabet,
                source=options.source or source.label,
                created_at_us=mutation.txn.clock_us,
            ),
            on_duplicate=options.on_duplicate,
            metadata=next_base_metadata(before.metadata, registry_hash=mutation.registry.hash),
            deleted=deleted_ids(mutation.txn.tree),
            progress=progress,
        )
        event, kinds, kept = None, before.bio_types, 0
        if built.added:
            after = read_base_facts(staged)
            kinds = after.bio_types
            kept = count_kept_values(
                mutation.txn.tree,
                lambda: _ids_from(staged, before.rows),
                bio_type=kinds[0] if len(kinds) == 1 else None,
                dropped=ROWS_DROPPED in before.metadata,
            )
            event = mutation.finish(
                base=after,
                args=options.event_args(),
                metrics={
                    "rows_read": built.rows_read,
                    "rows_added": built.added,
                    "rows_skipped": built.skipped,
                    **({"rows_skipped_deleted": built.skipped_deleted} if built.skipped_deleted else {}),
                    "case_variants": built.case_variants,
                    "rows_with_kept_values": kept,
                    "bytes": built.size_bytes,
                },
                new_base=True,
            )
    return ImportOutcome(
        rows_read=built.rows_read,
        added=built.added,
        skipped=built.skipped,
        case_variants=built.case_variants,
        kept_values=kept,
        ignored_columns=ignored,
        bio_types=kinds,
        new_bio_types=tuple(kind for kind in kinds if before.rows and kind not in before.bio_types),
        rows_total=built.rows_total if built.added else before.rows,
        event=event,
        skipped_deleted=built.skipped_deleted,
    )


def _ids_from(base: Path, first: int) -> Iterator[pa.Array]:
    """Yield the ids of the rows from `first` on."""
    with pq.ParquetFile(base) as source:
        for group, start in row_groups_from(source, first):
            at = start
            for batch in source.iter_batches(row_groups=[group], columns=["id"], use_threads=False):
                ids = batch.column(0).slice(max(0, first - at))
                at += batch.num_rows
                if len(ids):
                    yield ids
