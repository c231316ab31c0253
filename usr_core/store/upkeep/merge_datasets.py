"""Merging datasets: the records of a source are added to a destination, in one change of the destination."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.registry.document import Registry
from usr_core.registry.store import load_registry
from usr_core.roots.dataset_id import DatasetRef
from usr_core.roots.layout import RECORDS
from usr_core.store.base.append import BaseWriter
from usr_core.store.base.facts import read_base_facts
from usr_core.store.base.file import write_options
from usr_core.store.base.metadata import next_base_metadata
from usr_core.store.base.rewrite import base_writer, with_case_note
from usr_core.store.incoming.build import ROW_LIMIT
from usr_core.store.incoming.errors import TooManyRows
from usr_core.store.mutation import Mutation, Site, mutate
from usr_core.store.overlay.metadata import overlay_metadata
from usr_core.store.overlay.open_namespace import refuse_reserved
from usr_core.store.overlay.part_writer import PartWriter
from usr_core.store.overlay.publishing import adopt_single_file, keep_clock_after, new_part_name
from usr_core.store.overlay.single_part import group_boundaries
from usr_core.store.upkeep.errors import MergeDuplicate, MergeSameDataset, UnknownChoice
from usr_core.store.upkeep.merge_carry import CarriedNamespace
from usr_core.store.upkeep.merge_columns import COERCIONS, Coercion, MergedColumns, plan_columns
from usr_core.store.upkeep.merge_fates import Fate, SourceFates, decide_fates
from usr_core.store.upkeep.merge_files import MergeFiles
from usr_core.store.upkeep.merge_rows import FilledRows, new_rows
from usr_core.store.view.files import OpenParquet

__all__ = ["DUPLICATE_POLICIES", "DuplicatePolicy", "MergeOptions", "MergeOutcome", "merge_datasets"]

DuplicatePolicy = Literal["error", "skip", "prefer-src", "prefer-dest"]
DUPLICATE_POLICIES: tuple[DuplicatePolicy, ...] = get_args(DuplicatePolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOptions:
    """How two datasets are merged.

    Attributes:
        same_columns: Refuse bases whose columns differ; else missing ones are filled with null.
        if_duplicate: What happens to records that are there already: ``error`` refuses them, ``skip`` leaves
            them as they are, ``prefer-dest`` fills nulls of their materialized columns from the source, and
            ``prefer-src`` lets the source's values win. The seven columns of a record never change.
        coerce_overlap: ``to-dest`` casts values of another type where all of them survive, ``none`` refuses.
        avoid_case_variants: Leave out records that differ from one that is there only in the case of letters.
        carried: Namespaces whose overlay values come along.
        dry_run: Check and count, and change nothing.
    """

    same_columns: bool = False
    if_duplicate: str = "skip"
    coerce_overlap: str = "to-dest"
    avoid_case_variants: bool = True
    carried: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOutcome:
    """What a merge did, or would do.

    Attributes:
        rows_before, rows_after: Rows of the destination.
        rows_source: Rows of the source, deleted ones included.
        rows_added: New records.
        duplicates: Records that were there already, by their id.
        case_variants: Records left out because they differ from another one only in the case of letters.
        deleted: Records left out because they are deleted in the source.
        cells: Materialized values that duplicates got from the source.
        columns_added: Materialized columns that the destination did not have.
        carried: Rows of overlay values that came along, by namespace.
        event: None in a dry run, and where nothing was to be changed.
    """

    rows_before: int
    rows_after: int
    rows_source: int
    rows_added: int
    duplicates: int
    case_variants: int
    deleted: int
    cells: int = 0
    columns_added: tuple[str, ...] = ()
    carried: Mapping[str, int] = field(default_factory=dict)
    event: dict[str, Any] | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is added or changed."""
        return bool(self.rows_added or self.cells or any(self.carried.values()))


def merge_datasets(
    site: Site, source: DatasetRef, options: MergeOptions, *, progress: Callable[[int], None] | None = None
) -> MergeOutcome:
    """Add the records of `source` to the dataset of `site`: its own rows first, then the new ones in their order.

    The bases are compared and merged, materialized columns included; overlay values only of the namespaces
    carried. Deleted records of the source are left out, and its tombstones with them.

    Args:
        progress: Called with the number of rows just written.

    Raises:
        MergeSameDataset: Source and destination are one.
        UnknownChoice, NamespaceReservedHere: An option makes no sense.
        MergeColumnsDiffer, MergeTypesDiffer, NamespaceNotRegistered, ColumnNotRegistered: The columns do not fit.
        MergeDuplicate: A record is there already, under ``error``; the first one is named.
        NoSuchOverlay, CarriedContractDiffers, OverlayTypeNotRegistered: A namespace can't be carried along.
        BaseKeysNotUnique, ImportCellError, SourceLengthDiffers, BaseColumnHasNulls: A base is not valid.
        TooManyRows: The result would exceed `ROW_LIMIT` rows.

    Memory: 28 bytes a row of the destination, 65 a row of the source, and what `CarriedNamespace` says.
    """
    _check(site, source, options)
    with ExitStack() as exits:
        if options.dry_run:
            registry = load_registry(site.ref.root)
            destination = exits.enter_context(read_consistent(site.ref.path, _opener(site.ref.name, options)))
            theirs = exits.enter_context(read_consistent(source.path, _opener(source.name, options)))
            scratch = Path(exits.enter_context(tempfile.TemporaryDirectory()))
            return _Merge(destination, theirs, source, registry, options).tried(scratch)
        mutation = exits.enter_context(mutate(site, "merge"))
        destination = exits.enter_context(_opener(site.ref.name, options)(mutation.txn.tree))
        theirs = exits.enter_context(read_consistent(source.path, _opener(source.name, options)))
        for namespace in options.carried:
            keep_clock_after(mutation, destination.overlays.get(namespace))
        merge = _Merge(destination, theirs, source, mutation.registry, options)
        return merge.done(mutation, progress)


class _Merge:
    """One merge: planned when it is made, then tried or done."""

    def __init__(
        self,
        destination: MergeFiles,
        source: MergeFiles,
        source_ref: DatasetRef,
        registry: Registry,
        options: MergeOptions,
    ) -> None:
        self._destination, self._source, self._ref, self._options = destination, source, source_ref, options
        self._prefer_source = options.if_duplicate == "prefer-src"
        coerce: Coercion = "none" if options.coerce_overlap == "none" else "to-dest"
        self._columns: MergedColumns = plan_columns(
            destination.base.schema, source.base.schema, registry, same=options.same_columns, coerce=coerce
        )
        self._carried = [
            CarriedNamespace(name, destination, source, registry, source_root=source_ref.root)
            for name in dict.fromkeys(options.carried)
        ]
        self._fates: SourceFates = decide_fates(destination, source, avoid_case_variants=options.avoid_case_variants)
        if options.if_duplicate == "error":
            self._refuse_duplicates()
        self._plan = self._planned()

    def tried(self, scratch: Path) -> MergeOutcome:
        """Return what would be done, after reading everything that would be read."""
        if self._plan.rows_added:
            for _ in self._new_rows():
                pass
        cells = 0
        if self._fills():
            filled = self._filled(scratch / "filled.parquet")
            for _ in filled.batches():
                pass
            cells = filled.cells
        carried = {
            one.namespace: sum(batch.num_rows for batch, _ in self._carried_rows(one, scratch / "fold"))
            for one in self._carried
        }
        return self._settled(replace(self._plan, cells=cells, carried=carried))

    def done(self, mutation: Mutation, progress: Callable[[int], None] | None) -> MergeOutcome:
        """Write the result and commit it."""
        before = mutation.base_facts()
        staged, cells = mutation.txn.stage(RECORDS), 0
        if self._plan.rows_added or self._fills():
            cells = self._write_base(mutation, staged, before.metadata, progress)
        rewritten = bool(self._plan.rows_added or cells)
        if not rewritten:
            mutation.txn.unstage(RECORDS)
        new_base = staged if rewritten else self._destination.base.path
        carried = {one.namespace: self._write_part(mutation, one, new_base) for one in self._carried}
        outcome = self._settled(replace(self._plan, cells=cells, carried=carried))
        if not outcome.changes:
            return outcome
        after = read_base_facts(new_base)
        event = mutation.finish(
            base=after,
            args={
                "source": {"name": self._ref.name, "root": str(self._ref.root)},
                "require_same_columns": self._options.same_columns,
                "if_duplicate": self._options.if_duplicate,
                "coerce_overlap": self._options.coerce_overlap,
                "avoid_casefold_dups": self._options.avoid_case_variants,
                "carry_namespaces": list(self._options.carried),
            },
            metrics={
                "rows_before": outcome.rows_before,
                "rows_after": after.rows,
                "rows_source": outcome.rows_source,
                "rows_added": outcome.rows_added,
                "rows_duplicate": outcome.duplicates,
                "rows_case_variant": outcome.case_variants,
                "rows_deleted_in_source": outcome.deleted,
                "cells_from_source": outcome.cells,
                "columns_added": len(outcome.columns_added),
                "rows_carried": sum(outcome.carried.values()),
                "bytes": after.size_bytes,
            },
            new_base=rewritten,
        )
        return replace(outcome, event=event)

    # ------------------------------------------------------------- the plan

    def _planned(self) -> MergeOutcome:
        rows, added = self._destination.base.rows, self._fates.count(Fate.NEW)
        if rows + added > ROW_LIMIT:
            raise TooManyRows(self._source.label, limit=ROW_LIMIT)
        return MergeOutcome(
            rows_before=rows,
            rows_after=rows + added,
            rows_source=self._source.base.rows,
            rows_added=added,
            duplicates=self._fates.count(Fate.DUPLICATE),
            case_variants=self._fates.count(Fate.CASE_VARIANT),
            deleted=self._fates.count(Fate.DELETED),
        )

    def _settled(self, outcome: MergeOutcome) -> MergeOutcome:
        """Columns come along only where the base is written."""
        grows = outcome.rows_added or outcome.cells
        return replace(outcome, columns_added=self._columns.added if grows else ())

    def _refuse_duplicates(self) -> None:
        rows = self._fates.rows(Fate.DUPLICATE)
        if len(rows):
            row = int(rows[0])
            for batch in self._source.base.reader().iter_batches(columns=["id"], use_threads=False):
                if row < batch.num_rows:
                    record_id = str(batch.column(0)[row])
                    raise MergeDuplicate(self._source.label, row=int(rows[0]) + 1, record_id=record_id, count=len(rows))
                row -= batch.num_rows

    def _fills(self) -> bool:
        """Tell whether duplicates may take values of the source."""
        prefers = self._options.if_duplicate in ("prefer-src", "prefer-dest")
        return prefers and bool(self._plan.duplicates and self._columns.taken)

    # ------------------------------------------------------------- the base

    def _new_rows(self) -> Iterator[pa.RecordBatch]:
        return new_rows(self._source, self._columns, self._fates)

    def _filled(self, scratch: Path) -> FilledRows:
        return FilledRows(
            self._destination,
            self._source,
            self._columns,
            self._fates,
            take=("over" if self._prefer_source else "under") if self._fills() else "none",
            scratch=scratch,
        )

    def _write_base(
        self,
        mutation: Mutation,
        staged: Path,
        before: Mapping[str, str],
        progress: Callable[[int], None] | None,
    ) -> int:
        """Write the base as it will be; return how many values duplicates took from the source."""
        metadata = with_case_note(
            next_base_metadata(before, registry_hash=mutation.registry.hash),
            self._destination.base,
            self._source.base,
            rows=self._plan.rows_after,
        )
        filled = self._filled(staged.with_name("filled.parquet")) if self._fills() or self._columns.added else None
        if filled is None:
            # Nothing of what is there changes: its row groups are copied as bytes.
            writer = BaseWriter(staged, existing=self._destination.base.path, metadata=metadata)
        else:
            writer = base_writer(staged, self._columns.fields, metadata=metadata)
        with writer:
            for batches in (filled.batches() if filled is not None else (), self._new_rows()):
                for batch in batches:
                    writer.write(batch)
                    if progress is not None:
                        progress(batch.num_rows)
            writer.finish()
        return filled.cells if filled is not None else 0

    # ------------------------------------------------------------- what is carried along

    def _carried_rows(self, carried: CarriedNamespace, scratch: Path) -> Iterator[tuple[pa.RecordBatch, Any]]:
        return carried.rows(self._fates, prefer_source=self._prefer_source, scratch=scratch)

    def _write_part(self, mutation: Mutation, carried: CarriedNamespace, base: Path) -> int:
        """Stage the part with the values of one namespace; return its rows."""
        name = carried.namespace
        relative = new_part_name(mutation, name)
        path = mutation.txn.stage(relative)
        schema = carried.schema.with_metadata(overlay_metadata(mutation, name))
        opened = OpenParquet.open(base)
        try:
            boundaries = group_boundaries(opened)
        finally:
            opened.close()
        rows = min(self._source.base.rows, self._plan.rows_after)
        options = write_options(schema, bloom="id").writer_arguments(rows=rows)
        writer = PartWriter(path, schema, options=options, boundaries=boundaries)
        for batch, places in self._carried_rows(carried, path.with_name("fold")):
            writer.add(batch, places)
        writer.close()
        if writer.rows:
            adopt_single_file(mutation, name, self._destination.overlays.get(name))
        else:
            mutation.txn.unstage(relative)
        return writer.rows


def _check(site: Site, source: DatasetRef, options: MergeOptions) -> None:
    for option, value, allowed in (
        ("--if-duplicate", options.if_duplicate, DUPLICATE_POLICIES),
        ("--coerce-overlap", options.coerce_overlap, COERCIONS),
    ):
        _check_choice(option, value, allowed)
    for namespace in options.carried:
        refuse_reserved(namespace, "merge --carry-namespace")
    if os.path.realpath(site.ref.path) == os.path.realpath(source.path):
        raise MergeSameDataset(source.path)


def _check_choice(option: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise UnknownChoice(option, value=value, allowed=allowed)


def _opener(name: str, options: MergeOptions) -> Callable[[FileTree], MergeFiles]:
    return lambda tree: MergeFiles.open(tree, name=name, namespaces=options.carried)
