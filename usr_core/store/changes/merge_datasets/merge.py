"""Merging datasets: the records of a source are added to a destination, in one change of the destination."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.records.alphabets import KnownAlphabets, alphabets_noted, with_alphabets
from usr_core.records.arrays import boolean_array, plain_type
from usr_core.records.base_schema import ROWS_DROPPED, next_base_metadata
from usr_core.registry.document import TOMBSTONE_NAMESPACE, Registry
from usr_core.registry.store import load_registry
from usr_core.roots.dataset_id import DatasetRef
from usr_core.roots.layout import RECORDS
from usr_core.store.base.append import BaseWriter
from usr_core.store.base.parquet import read_base_facts, usr_metadata
from usr_core.store.base.rewrite import base_writer, extra_fields, with_case_note
from usr_core.store.changes.errors import MergeDuplicate, MergeSameDataset, UnknownChoice
from usr_core.store.changes.merge_datasets.carry import CarriedNamespace
from usr_core.store.changes.merge_datasets.cells import CellTally
from usr_core.store.changes.merge_datasets.columns import COERCIONS, Coercion, MergedColumns, plan_columns
from usr_core.store.changes.merge_datasets.fates import Fate, SourceFates, decide_fates
from usr_core.store.changes.merge_datasets.files import MergeFiles
from usr_core.store.changes.merge_datasets.outcome import DUPLICATE_POLICIES, MergeOptions, MergeOutcome
from usr_core.store.changes.merge_datasets.parts import MergeParts
from usr_core.store.changes.merge_datasets.rows import MergedRows, Override, Take
from usr_core.store.changes.merge_datasets.view import OverlayValues, merged_places
from usr_core.store.ids.row_numbers import any_valid
from usr_core.store.mutation import Mutation, Site, keep_clock_after, mutate
from usr_core.store.overlay.kept_values import count_kept_values
from usr_core.store.overlay.open_namespace import refuse_reserved, registered_columns
from usr_core.store.rules.errors import TooManyRows
from usr_core.store.rules.record import ROW_LIMIT
from usr_core.store.view.places import ViewPlaces
from usr_core.store.view.schema import ViewColumns

__all__ = ["merge_datasets"]


def merge_datasets(
    site: Site, source: DatasetRef, options: MergeOptions, *, progress: Callable[[int], None] | None = None
) -> MergeOutcome:
    """Add the records of `source` to the dataset of `site`: its own rows first, then the new ones in their order.

    The bases are compared and merged, materialized columns included, with the values that the source's view shows;
    overlay values of other columns only for the namespaces carried, and those that stay behind are counted. Deleted
    records of the source are left out, and its tombstones with them. What is taken is what readers see afterwards:
    where an overlay of the destination would hide it, a part is written.

    Args:
        progress: Called with the number of rows just written.

    Raises:
        MergeSameDataset: Source and destination are the same dataset.
        UnknownChoice, NamespaceReservedHere: An option has a value that is not allowed.
        MergeColumnsDiffer, MergeTypesDiffer, NamespaceNotRegistered, ColumnNotRegistered: The columns do not fit.
        MergeDuplicate: A record is there already, under ``error``; the first one is named.
        NoSuchOverlay, CarriedContractDiffers, OverlayTypeNotRegistered: A namespace can't be carried along, or can't be
            written to.
        OverlayTypesDiffer, OverlayKeyFault: An overlay of one of them can't be read.
        BaseKeysNotUnique, ImportCellError, SourceLengthDiffers, BaseColumnHasNulls: A base is not valid.
        TooManyRows: The result would exceed `ROW_LIMIT` rows.

    Memory: 28 bytes a row of the destination (twice that where overlays of it are concerned), 65 a row of the
    source, and what `CarriedNamespace` says.
    """
    _check(site, source, options)
    with ExitStack() as exits:
        # All overlays of the source count; of the destination those that it can meet.
        theirs = exits.enter_context(read_consistent(source.path, _opener(source.name, None)))
        concerned = {*options.carried, *(field.name.split("__")[0] for field in extra_fields(theirs.base.schema))}
        opener = _opener(site.ref.name, concerned)
        if site.dry_run:
            registry = load_registry(site.ref.root)
            destination = exits.enter_context(read_consistent(site.ref.path, opener))
            scratch = Path(exits.enter_context(tempfile.TemporaryDirectory()))
            return _Merge(destination, theirs, source, registry, options, site.alphabets).tried(scratch)
        mutation = exits.enter_context(mutate(site, "merge"))
        destination = exits.enter_context(opener(mutation.txn.tree))
        for namespace in concerned:
            keep_clock_after(mutation, destination.overlays.get(namespace))
        merge = _Merge(destination, theirs, source, mutation.registry, options, site.alphabets)
        return merge.done(mutation, exits, progress)


class _Merge:
    """One merge: planned when it is made, then tried or done."""

    def __init__(
        self,
        destination: MergeFiles,
        source: MergeFiles,
        source_ref: DatasetRef,
        registry: Registry,
        options: MergeOptions,
        known: KnownAlphabets,
    ) -> None:
        self._known = known
        self._destination, self._source, self._ref, self._options = destination, source, source_ref, options
        self._prefer_source = options.if_duplicate == "prefer-src"
        coerce: Coercion = "none" if options.coerce_overlap == "none" else "to-dest"
        for side in (destination, source):
            ViewColumns(side.base.schema, side.overlays)  # refuses columns that no view can show
        self._columns: MergedColumns = plan_columns(
            destination.base.schema,
            source.base.schema,
            registry,
            attached=_attached_types(destination),
            same=options.same_columns,
            coerce=coerce,
        )
        self._carried = [
            CarriedNamespace(name, destination, source, registry, source_root=source_ref.root)
            for name in dict.fromkeys(options.carried)
            if name in source.overlays or name not in self._in_base()
        ]
        self._fates: SourceFates = decide_fates(destination, source, avoid_case_variants=options.avoid_case_variants)
        if options.if_duplicate == "error":
            self._refuse_duplicates()
        self._plan = self._planned()
        self._place = merged_places(destination, self._new_ids)
        self._tally = CellTally()
        self._schemas = self._override_schemas(registry)

    def tried(self, scratch: Path) -> MergeOutcome:
        """Return what would be done, after reading everything that would be read."""
        rows = self._rows(lambda _: None)
        for batches in (rows.filled(scratch / "filled.parquet") if self._meets() else (), rows.new()):
            for _ in batches:
                pass
        base_cells = self._tally.count
        carried = {
            one.namespace: sum(batch.num_rows for batch, _ in self._carried_rows(one, scratch)) for one in self._carried
        }
        return self._settled(carried, grows=bool(self._plan.rows_added or base_cells))

    def done(self, mutation: Mutation, exits: ExitStack, progress: Callable[[int], None] | None) -> MergeOutcome:
        """Write the result and commit it."""
        before, staged = mutation.base_facts(), mutation.txn.stage(RECORDS)
        parts = exits.enter_context(MergeParts(mutation, self._destination, rows=self._plan.rows_after))
        if self._meets() and not (self._fills() or (self._plan.rows_added and self._columns.added)):
            for _ in self._rows(lambda _: None).filled(staged.with_name("met.parquet")):
                pass  # only compared
        if self._plan.rows_added or self._fills():
            self._write_base(mutation, staged, before.metadata, parts, progress)
        rewritten = bool(self._plan.rows_added or self._tally.count)
        if not rewritten:
            mutation.txn.unstage(RECORDS)
        new_base = staged if rewritten else self._destination.base.path
        parts.finish()
        carried = {}
        for one in self._carried:
            scratch = staged.with_name(f"carried-{one.namespace}")
            for batch, places in self._carried_rows(one, scratch):
                parts.add(one.namespace, batch, places, schema=one.schema)
            carried[one.namespace] = parts.finish()
            shutil.rmtree(scratch, ignore_errors=True)
        parts.publish()
        outcome = self._settled(carried, grows=rewritten)
        if not outcome.changes:
            return outcome
        after = read_base_facts(new_base)
        event = mutation.finish(
            base=after,
            args=self._options.event_args(self._ref),
            metrics={
                "rows_before": outcome.rows_before,
                "rows_after": after.rows,
                "rows_source": outcome.rows_source,
                "rows_added": outcome.rows_added,
                "rows_duplicate": outcome.duplicates,
                **({"rows_duplicate_deleted": outcome.duplicates_deleted} if outcome.duplicates_deleted else {}),
                "rows_case_variant": outcome.case_variants,
                "rows_deleted_in_source": outcome.deleted,
                "cells_from_source": outcome.cells,
                **({"cells_that_differ": outcome.differ} if outcome.differ else {}),
                "columns_added": len(outcome.columns_added),
                "rows_carried": sum(outcome.carried.values()),
                "rows_not_carried": dict(outcome.left),
                "rows_with_kept_values": outcome.kept,
                "bytes": after.size_bytes,
            },
            new_base=rewritten,
        )
        return replace(outcome, event=event)

    # ------------------------------------------------------------- the plan

    def _planned(self) -> MergeOutcome:
        rows, added = self._destination.base.rows, self._fates.count(Fate.NEW)
        if rows + added > ROW_LIMIT:
            raise TooManyRows(label=self._source.label, limit=ROW_LIMIT)
        return MergeOutcome(
            rows_before=rows,
            rows_after=rows + added,
            rows_source=self._source.base.rows,
            rows_added=added,
            duplicates=self._fates.count(Fate.DUPLICATE),
            case_variants=self._fates.count(Fate.CASE_VARIANT),
            deleted=self._fates.count(Fate.DELETED),
            duplicates_deleted=self._duplicates_deleted(),
            in_base=self._in_base(),
        )

    def _settled(self, carried: Mapping[str, int], *, grows: bool) -> MergeOutcome:
        """Return the outcome; columns come along only where the base is written."""
        return replace(
            self._plan,
            cells=self._tally.count,
            changed=self._tally.values,
            differ=self._tally.stayed,
            columns_added=self._columns.added if grows else (),
            carried=dict.fromkeys(self._plan.in_base, 0) | dict(carried),
            left=self._left_behind(),
            kept=self._kept_values(),
        )

    def _kept_values(self) -> int:
        if not self._plan.rows_added:
            return 0
        facts = read_base_facts(self._destination.base.path)
        bio_type = facts.bio_types[0] if len(facts.bio_types) == 1 else None
        return count_kept_values(
            self._destination.tree, self._new_ids, bio_type=bio_type, dropped=ROWS_DROPPED in facts.metadata
        )

    def _left_behind(self) -> dict[str, int]:
        """Return how many of the source's records have values that do not come along, by namespace.

        The values of a materialized column are in its view; what is counted are keys in parts with any other column.
        """
        taken = {column.name for column in self._columns.taken}
        places, left = ViewPlaces(self._source.base), {}
        for name, overlay in self._source.overlays.items():
            if name == TOMBSTONE_NAMESPACE or name in self._options.carried:
                continue
            there = np.zeros(self._source.base.rows, np.bool_)
            parts = [part for part in overlay.parts if any(one.name not in taken for one in part.columns)]
            for placed in places.placements(parts):
                there[placed.base_rows()] = True
            if count := int(np.count_nonzero(there & (self._fates.places >= 0))):
                left[name] = count
        return left

    def _refuse_duplicates(self) -> None:
        rows = self._fates.rows(Fate.DUPLICATE)
        if len(rows):
            row = int(rows[0])
            for batch in self._source.base.reader().iter_batches(columns=["id"], use_threads=False):
                if row < batch.num_rows:
                    record_id = str(batch.column(0)[row])
                    raise MergeDuplicate(
                        file=self._source.label, row=int(rows[0]) + 1, record_id=record_id, count=len(rows)
                    )
                row -= batch.num_rows

    def _fills(self) -> bool:
        """Tell whether duplicates may take values of the source."""
        return bool(self._plan.duplicates and self._filled_columns())

    def _meets(self) -> bool:
        """Tell whether duplicates have materialized columns in the source, which are compared if not taken."""
        return bool(self._plan.duplicates and self._columns.taken)

    def _filled_columns(self) -> list[str]:
        """Return the source's materialized columns of which duplicates take the values that its view shows."""
        names = [column.name for column in self._columns.taken]
        if self._options.if_duplicate in ("prefer-src", "prefer-dest"):
            return names
        return [name for name in names if name.split("__")[0] in self._options.carried]

    def _in_base(self) -> tuple[str, ...]:
        """Return the namespaces carried of which the source has materialized columns."""
        materialized = {column.name.split("__")[0] for column in self._columns.taken}
        return tuple(name for name in dict.fromkeys(self._options.carried) if name in materialized)

    def _duplicates_deleted(self) -> int:
        """Count the duplicates that are deleted in the destination."""
        places = self._fates.places[self._fates.rows(Fate.DUPLICATE)]
        if self._destination.tombstones is None or not len(places):
            return 0
        deleted = ViewPlaces(self._destination.base).deleted(self._destination.tombstones)
        return int(np.count_nonzero(np.isin(places, deleted)))

    def _new_ids(self) -> Iterator[pa.Array]:
        start = 0
        for batch in self._source.base.reader().iter_batches(columns=["id"], use_threads=False):
            new = self._fates.fates[start : start + batch.num_rows] == Fate.NEW
            start += batch.num_rows
            if new.any():
                yield batch.column(0).filter(boolean_array(new))

    def _override_schemas(self, registry: Registry) -> dict[str, pa.Schema]:
        """Return the schemas of the parts that may be needed where overlays of the destination would hide a value.

        Raises:
            NamespaceNotRegistered, ColumnNotRegistered, OverlayTypeNotRegistered: The registry lacks what is there.
        """
        schemas = {}
        taken = {column.name: column.kind for column in self._columns.taken}
        for overlay in self._destination.attached:
            there = {field.name for part in overlay.parts for field in part.columns}
            if there.isdisjoint(taken):
                continue
            names = [name for name in registered_columns(overlay, registry) if name in taken]
            fields = [pa.field(name, taken[name]) for name in names]
            schemas[overlay.namespace] = pa.schema([pa.field("id", pa.string(), nullable=False), *fields])
        return schemas

    # ------------------------------------------------------------- the base

    def _rows(self, override: Callable[[Override], None]) -> MergedRows:
        kinds = {column.name: column.kind for column in self._columns.taken}
        overlays = [self._destination.overlays[name] for name in self._schemas]
        take: Take = "none" if not self._fills() else "over" if self._prefer_source else "under"
        return MergedRows(
            self._destination,
            self._source,
            self._columns,
            self._fates,
            overlays=OverlayValues(overlays, kinds, self._place),
            take=take,
            filled_columns=self._filled_columns(),
            override=override,
            tally=self._tally,
            known=self._known,
        )

    def _write_base(
        self,
        mutation: Mutation,
        staged: Path,
        before: Mapping[str, str],
        parts: MergeParts,
        progress: Callable[[int], None] | None,
    ) -> None:
        """Write the base as it will be, and what overlays of the destination would hide into parts."""
        theirs = alphabets_noted(usr_metadata(self._source.base.schema))
        metadata = with_case_note(
            with_alphabets(next_base_metadata(before, registry_hash=mutation.registry.hash), theirs),
            self._destination.base,
            self._source.base,
            rows=self._plan.rows_after,
        )

        def override(values: Override) -> None:
            for namespace, schema in self._schemas.items():
                mine = [field for field in schema if field.name in values.columns]
                if not mine:
                    continue
                arrays = [
                    values.columns[field.name]
                    if field.name in values.columns
                    else pa.nulls(len(values.ids), field.type)
                    for field in list(schema)[1:]
                ]
                keep = any_valid(values.columns[field.name] for field in mine)
                batch = pa.RecordBatch.from_arrays([values.ids, *arrays], schema=schema).filter(boolean_array(keep))
                parts.add(namespace, batch, values.places[keep], schema=schema)

        rows = self._rows(override)
        if self._fills() or self._columns.added:
            filled = rows.filled(staged.with_name("filled.parquet"))
            writer = base_writer(staged, self._columns.fields, metadata=metadata)
        else:
            # Nothing of what is there changes: its row groups are copied as bytes.
            filled = iter(())
            writer = BaseWriter(staged, existing=self._destination.base.path, metadata=metadata)
        with writer:
            for batches in (filled, rows.new()):
                for batch in batches:
                    writer.write(batch)
                    if progress is not None:
                        progress(batch.num_rows)
            writer.finish()
        mutation.copied_bytes = writer.copied_bytes

    # ------------------------------------------------------------- what is carried along

    def _carried_rows(self, carried: CarriedNamespace, scratch: Path) -> Iterator[tuple[pa.RecordBatch, Any]]:
        there = self._destination.overlays.get(carried.namespace)
        return carried.taken(
            self._fates,
            over=self._prefer_source,
            settled=self._filled_columns() if self._fills() else (),
            overlays=OverlayValues([] if there is None else [there], carried.kinds, self._place),
            scratch=scratch,
            tally=self._tally,
        )


def _attached_types(files: MergeFiles) -> dict[str, pa.DataType]:
    """Return the plain types of the columns that overlays have."""
    return {
        field.name: plain_type(field.type)
        for overlay in files.attached
        for part in overlay.parts
        for field in part.columns
    }


def _check(site: Site, source: DatasetRef, options: MergeOptions) -> None:
    for option, value, allowed in (
        ("--if-duplicate", options.if_duplicate, DUPLICATE_POLICIES),
        ("--coerce-overlap", options.coerce_overlap, COERCIONS),
    ):
        _check_choice(option, value, allowed)
    for namespace in options.carried:
        refuse_reserved(namespace, "merge --carry-namespace")
    if os.path.realpath(site.ref.path) == os.path.realpath(source.path):
        raise MergeSameDataset(path=source.path)


def _check_choice(option: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise UnknownChoice(option=option, value=value, allowed=allowed)


def _opener(name: str, namespaces: Collection[str] | None) -> Callable[[FileTree], MergeFiles]:
    return lambda tree: MergeFiles.open(tree, name=name, namespaces=namespaces)
