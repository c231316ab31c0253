"""Attaching columns from a file or from batches: a new overlay part, keyed by id, in the base's row order.

Whatever key the input has is resolved to record ids under the lock, so that what was checked is what
is stored. The base is not touched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.plugin.specs import Opened
from usr_core.records.arrays import conform, fixed_array, plain_type
from usr_core.records.arrow_calls import taken
from usr_core.records.base_schema import BASE_COLUMNS
from usr_core.registry.document import STATE_NAMESPACE, TOMBSTONE_NAMESPACE, Registry
from usr_core.roots.layout import RECORDS
from usr_core.store.base.file import write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.changes.attach.errors import AttachColumnMissing, AttachKeyType
from usr_core.store.changes.attach.key_lookup import check_backend, open_key_view, open_lookup
from usr_core.store.changes.attach.keys import KeyCounts, KeyResolver
from usr_core.store.changes.attach.values import (
    AttachedColumn,
    choose_columns,
    full_name,
    source_forms,
    to_registered,
)
from usr_core.store.changes.notes import append_note
from usr_core.store.errors import NamespaceReservedHere
from usr_core.store.ids.row_numbers import any_valid, only_where, valid_mask
from usr_core.store.mutation import (
    Mutation,
    Site,
    adopt_single_file,
    keep_clock_after,
    mutate,
    new_part_name,
    overlay_metadata,
)
from usr_core.store.overlay.part_writer import PartWriter, row_group_ends
from usr_core.store.overlay.reserved import count_among, deleted_ids
from usr_core.store.parts.files import KEYS, NamespaceOverlay, list_overlays, newest_stamp
from usr_core.store.rules.columns import bounded
from usr_core.values.showing import Shown

if TYPE_CHECKING:
    from usr_core.store.changes.attach.values import Repeats
    from usr_core.store.view.merged_view import MergedView

__all__ = ["AttachOptions", "AttachOutcome", "AttachSource", "attach"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachSource:
    """Where the rows come from.

    Attributes:
        label: The file's name, for errors and the event.
        open: Opens it, given the names of the columns that may be wanted and their registered types as wishes;
            called once. The batches have the wanted columns that are there, and may have others.
    """

    label: str
    open: Callable[[Sequence[str], Mapping[str, pa.DataType]], Opened]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachOptions:
    """What is attached, and how strictly.

    Attributes:
        namespace: A registered namespace, not a reserved one.
        key: What the input's key is: one of the four, or a text column of the merged view.
        key_column: Name of the key's column; where None the key's name, ``sequence`` for a sequence key, or the name
            without its prefix.
        columns: Names with or without the prefix; None is every column that the namespace registers.
        allow_overwrite: New values win over values that are there, where the input has one; else such values are
            refused, attached ones as well as materialized ones, equal ones too.
        allow_missing: Rows whose key matches no record are left out and counted; with a text column as the key, those
            without one too.
        parse_json: Text in nested columns is JSON.
        mapping: The file's column for one of the namespace, by the latter's name, with the prefix or without.
        repeats: What becomes of rows that repeat a key; None refuses them.
        note: A line for `meta.md`.
        action: The event's action.
        paths: The files, as they were given; none where the rows come from memory.
        writer, writer_options: The overlay writer that made rows of the file, and what it was told.
        importer_options: What the importer was told.
    """

    namespace: str
    key: str = "id"
    key_column: str | None = None
    columns: tuple[str, ...] | None = None
    allow_overwrite: bool = False
    allow_missing: bool = False
    parse_json: bool = True
    backend: str = "pyarrow"
    mapping: Mapping[str, str] = field(default_factory=dict)
    repeats: Repeats | None = None
    note: str | None = None
    action: str = "attach"
    paths: tuple[str, ...] = ()
    writer: str | None = None
    writer_options: Mapping[str, object] = field(default_factory=dict)
    importer_options: Mapping[str, object] = field(default_factory=dict)

    def event_args(self, names: Sequence[str]) -> dict[str, object]:
        """Return the event's ``args``, given the full names of the columns."""
        of_file: dict[str, object] = {
            **({"path": self.paths[0]} if len(self.paths) == 1 else {"paths": list(self.paths)}),
            "key_col": self.key_column or self.key,
            "allow_overwrite": self.allow_overwrite,
            "allow_missing": self.allow_missing,
            "backend": self.backend,
        }
        of_writer = {"writer": self.writer, "writer_options": self.writer_options}
        return {
            **(of_file if self.paths else {}),
            **({} if self.writer is None else of_writer),
            **({"options": dict(self.importer_options)} if self.importer_options else {}),
            "namespace": self.namespace,
            "key": self.key,
            **({"map": dict(self.mapping)} if self.mapping else {}),
            **({} if self.repeats is None else {"repeats": self.repeats.event_args()}),
            "columns": list(names),
        }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AttachOutcome(Shown):
    """What an attachment did; ``part`` and ``event`` are None where no row with a value was left to write.

    Attributes:
        part: The new file, relative to the dataset's folder.
        columns: Full names of the columns that were attached.
        rows_read: Rows of the input.
        rows_missing: Rows that match no record.
        rows_attached: Records that have a value from the input now.
        rows_empty: Rows that match a record which gets no value at all.
        rows_deleted: Of the records that have one, those that are deleted.
        rows_repeated: Rows that match a record of an earlier row.
        ignored_columns: Columns of the input that the namespace does not register, where none were asked for by name.

    Example:
        >>> done = dataset.attach("scores.csv", "lab", key="id")
        >>> done.columns, done.rows_read, done.rows_attached, done.rows_missing
        (('lab__sigma',), 1, 1, 0)
        >>> done.part.startswith("_derived/lab/part-"), done.event["action"]
        (True, 'attach')
    """

    part: str | None
    columns: tuple[str, ...]
    ignored_columns: tuple[str, ...]
    rows_read: int
    rows_attached: int
    rows_missing: int
    event: dict[str, Any] | None
    rows_empty: int = 0
    rows_deleted: int = 0
    rows_repeated: int = 0


def attach(
    site: Site,
    sources: Sequence[AttachSource],
    options: AttachOptions,
    *,
    progress: Callable[[int], None] | None = None,
) -> AttachOutcome:
    """Add one part to a namespace, from the rows of one or several sources.

    Each source gives the columns that it has, and all that were asked for by name; no two may have one key.

    Rows are streamed; memory is bounded whatever their number except for about 40 bytes a base row, and what
    `KeyResolver` keeps of each row of the input, while keys are resolved. With `repeats` the values of all rows are
    held as well (see `aggregated`). The part's rows are in the base's order, keyed by ``id``.

    Raises:
        NamespaceReservedHere, NamespaceNotRegistered, ColumnNotRegistered: The registry does not allow it.
        AttachColumnMissing, NothingToAttach, AttachKeyType, AttachCell: The input is not what it was said to be.
        AttachKeyMissing: The key is neither one of the four nor a text column.
        RepeatsInvalid, RepeatsTypeDiffers: A column has no function for repeated rows, or can't hold what it gives.
        EmptyAttachKey, DuplicateAttachKey, UnmatchedKeys: A key is missing, repeated, or matches no record.
        AttachKeyAmbiguous: Several live records have a key that is asked for.
        ValuesExist: Records have such values already, and `allow_overwrite` is not set.
        OverlayTypesDiffer: A column exists already with another type, and `allow_overwrite` is not set.
        AmbiguousOverlay: The namespace exists both as a file and as parts.
    """
    if options.namespace in (STATE_NAMESPACE, TOMBSTONE_NAMESPACE):
        raise NamespaceReservedHere(namespace=options.namespace, verb="attach")
    check_backend(options.backend)
    with mutate(site, options.action) as mutation, contextlib.ExitStack() as closing:
        key_view = open_key_view(mutation.txn.tree, options.key)
        if key_view is not None:
            closing.callback(key_view.close)
        inputs = [_opened(source, options, mutation.registry, closing) for source in sources]
        chosen = list({column.name: column for one in inputs for column in one.chosen}.values())
        base = mutation.base_facts()
        overlay = _overlay_there(mutation, options, closing)
        relative = new_part_name(mutation, options.namespace)
        counts, written = _write_part(
            mutation,
            inputs,
            options,
            chosen=chosen,
            relative=relative,
            overlay=overlay,
            key_view=key_view,
            progress=progress,
        )
        names = tuple(column.name for column in chosen)
        ignored = tuple(dict.fromkeys(name for one in inputs for name in one.ignored(options)))
        repeated = counts.matched - written.records
        empty = counts.matched - written.rows_valued
        if not written.valued:
            return AttachOutcome(
                part=None,
                columns=names,
                ignored_columns=ignored,
                rows_read=counts.rows,
                rows_attached=0,
                rows_missing=counts.missing,
                event=None,
                rows_empty=empty,
                rows_repeated=repeated,
            )
        event = None
        if not site.dry_run:
            adopt_single_file(mutation, options.namespace, overlay)
            append_note(mutation, options.note)
            event = mutation.finish(
                base=base,
                args=options.event_args(names),
                metrics={
                    "rows_read": counts.rows,
                    "rows_matched": counts.matched,
                    "rows_missing": counts.missing,
                    "rows_written": written.records,
                    **({"rows_deleted": written.dead} if written.dead else {}),
                    "columns": len(names),
                    "bytes": mutation.txn.stage(relative).stat().st_size,
                },
            )
    return AttachOutcome(
        part=None if site.dry_run else relative,
        columns=names,
        ignored_columns=ignored,
        rows_read=counts.rows,
        rows_attached=written.valued,
        rows_missing=counts.missing,
        event=event,
        rows_empty=empty,
        rows_deleted=written.dead,
        rows_repeated=repeated,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """One source, opened: its columns, and what of it is attached."""

    label: str
    opened: Opened
    key_column: str
    chosen: Sequence[AttachedColumn]

    def ignored(self, options: AttachOptions) -> list[str]:
        """Return the columns that are not attached, where none were asked for by name."""
        taken = {self.key_column, *(column.in_file for column in self.chosen), *BASE_COLUMNS}
        return [] if options.columns is not None else [name for name in self.opened.columns if name not in taken]

    def values(self, batch: pa.RecordBatch, column: AttachedColumn, *, first_row: int, parse_json: bool) -> pa.Array:
        """Return the values of a column in a batch, nulls where this source does not have it."""
        present = next((one.in_file for one in self.chosen if one.name == column.name), None)
        if column.function == "count":
            ones = fixed_array(np.ones(batch.num_rows, np.int8), pa.int8())
            return pa.nulls(len(ones), pa.int8()) if present is None else only_where(ones, valid_mask(batch[present]))
        if present is None:
            return pa.nulls(batch.num_rows, column.type)
        column = replace(column, in_file=present)
        return to_registered(batch[present], column, label=self.label, first_row=first_row, parse_json=parse_json)


def _opened(source: AttachSource, options: AttachOptions, registry: Registry, closing: contextlib.ExitStack) -> _Input:
    opened = source.open(*_wishes(options, registry))
    closing.callback(opened.close)
    present = list(opened.columns)
    key_column = _key_column(options, present)
    chosen = choose_columns(
        registry,
        options.namespace,
        label=source.label,
        present=present,
        key_column=key_column,
        wanted=options.columns,
        mapping=options.mapping,
        repeats=options.repeats,
    )
    if present.count(key_column) != 1:
        reason = "is not in the file" if key_column not in present else "is in the file more than once"
        raise AttachColumnMissing(source.label, column=key_column, present=present, reason=reason, is_key=True)
    return _Input(label=source.label, opened=opened, key_column=key_column, chosen=chosen)


def _overlay_there(
    mutation: Mutation, options: AttachOptions, closing: contextlib.ExitStack
) -> NamespaceOverlay | None:
    """Open what the namespace has where that is looked at, and make the change's clock later than all of it."""
    single, tree = mutation.site.layout.overlay_file(options.namespace), mutation.txn.tree
    if options.allow_overwrite and tree.path(single) is None:
        stamp = newest_stamp(tree, options.namespace)
        if stamp is not None:
            mutation.txn.keep_clock_after(stamp)
        return None
    overlay = list_overlays(tree, namespaces=[options.namespace]).get(options.namespace)
    if overlay is not None:
        closing.callback(overlay.close)
    keep_clock_after(mutation, overlay)
    return overlay


@dataclass(slots=True)
class _Written:
    """What a part has: records, those with a value, deleted ones among these, and the rows that gave these values."""

    records: int = 0
    valued: int = 0
    dead: int = 0
    rows_valued: int = 0


def _write_part(
    mutation: Mutation,
    inputs: Sequence[_Input],
    options: AttachOptions,
    *,
    chosen: Sequence[AttachedColumn],
    relative: str,
    overlay: NamespaceOverlay | None,
    key_view: MergedView | None,
    progress: Callable[[int], None] | None,
) -> tuple[KeyCounts, _Written]:
    """Write the part; return the counts of the input's rows, and those of the part.

    Without any value the part is not staged any more.
    """
    schema = pa.schema(
        [pa.field("id", pa.string(), nullable=False), *(pa.field(column.name, column.type) for column in chosen)],
        metadata=overlay_metadata(mutation, options.namespace),
    )
    base_path, part = _base_path(mutation.txn.tree), mutation.txn.stage(relative)
    tombstones = deleted_ids(mutation.txn.tree)
    repeats, written = options.repeats, _Written()
    valued: list[np.ndarray] = []
    with contextlib.closing(OpenParquet.open(base_path)) as base:
        lookup = open_lookup(base, options.key, backend=options.backend, view=key_view)
        resolver = KeyResolver(
            lookup,
            label=inputs[0].label,
            key=options.key,
            column=inputs[0].key_column,
            allow_missing=options.allow_missing,
            allow_repeats=repeats is not None,
        )
        row_schema = schema.remove(0).remove_metadata()
        matched = _matched(inputs, chosen, resolver, options=options, progress=progress)
        if repeats is not None:
            from usr_core.store.changes.attach.repeats import aggregated

            matched = aggregated(matched, chosen, place=resolver.place)
        with PartWriter(
            part,
            schema,
            options=write_options(schema, bloom="id").writer_arguments(rows=base.rows),
            boundaries=row_group_ends(base.file),
            base=base,
            keys=lookup.ids_at,
        ) as writer:
            for found, values in matched:
                rows, positions = _matched_rows(row_schema, found, values)
                writer.add(rows, positions)
                written.records += rows.num_rows
                with_value = positions[any_valid(rows.columns)]
                if repeats is not None:
                    valued.append(with_value)
                written.valued += len(with_value)
                if len(tombstones):
                    written.dead += count_among([lookup.ids_at(with_value)], tombstones)
            writer.close()
    positions = resolver.positions()
    written.rows_valued = written.valued
    if repeats is not None:
        from usr_core.store.changes.attach.repeats import first_of_each

        written.rows_valued = int(np.isin(positions, np.concatenate([np.empty(0, np.int64), *valued])).sum())
        positions = first_of_each(positions)
    if not written.valued:
        mutation.txn.unstage(relative)
    elif not options.allow_overwrite:
        from usr_core.store.changes.attach.existing_values import refuse_existing_values

        label = resolver.among or inputs[0].label
        refuse_existing_values(part, base_path, overlay, label=label, positions=positions, place=resolver.place)
    return resolver.counts, written


def _matched(
    inputs: Sequence[_Input],
    chosen: Sequence[AttachedColumn],
    resolver: KeyResolver,
    *,
    options: AttachOptions,
    progress: Callable[[int], None] | None,
) -> Iterator[tuple[np.ndarray, list[pa.Array]]]:
    """Yield for each batch the base rows of its rows, and the values of the columns; then judge the keys."""
    if options.repeats is not None:
        from usr_core.store.changes.attach.repeats import read_as

        chosen = [read_as(column) for column in chosen]
    for one in inputs:
        resolver.begin(one.label)
        wanted = list(dict.fromkeys([one.key_column, *(column.in_file for column in one.chosen)]))
        done = 0
        # A batch from memory may be of any size; keys and ids have 32-bit offsets.
        for batch in bounded(batch.select(wanted) for batch in one.opened.batches):
            positions = resolver.resolve(_as_text(batch.column(one.key_column), label=one.label, column=one.key_column))
            values = [one.values(batch, column, first_row=done + 1, parse_json=options.parse_json) for column in chosen]
            yield positions, values
            done += batch.num_rows
            if progress is not None:
                progress(batch.num_rows)
    resolver.finish()


def _matched_rows(
    schema: pa.Schema, positions: np.ndarray, values: Sequence[pa.Array]
) -> tuple[pa.RecordBatch, np.ndarray]:
    """Return the values of the rows that match a record, and their base rows."""
    kept = np.flatnonzero(positions >= 0)
    if len(kept) < len(positions):
        values = [taken(column, kept) for column in values]
        positions = positions[kept]
    return pa.RecordBatch.from_arrays(list(values), schema=schema), positions


def _as_text(keys: pa.Array, *, label: str, column: str) -> pa.Array:
    try:
        plain = conform(keys, plain_type(keys.type))
        return plain if pa.types.is_string(plain.type) else plain.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:  # bytes that are not UTF-8; lists, structs
        raise AttachKeyType(label=label, column=column, kind=str(keys.type)) from error


def _base_path(tree: FileTree) -> Path:
    path = tree.path(RECORDS)
    if path is None:
        raise FileNotFoundError(str(tree.folder / RECORDS))
    return path


def _wishes(options: AttachOptions, registry: Registry) -> tuple[list[str], dict[str, pa.DataType]]:
    """Return the names of columns that may be wanted, of the key's first, and the registered types of the values."""
    entry = registry.namespace(options.namespace)
    asked = entry.column_names if options.columns is None else options.columns
    functions = {} if options.repeats is None else options.repeats.functions
    sources = [source for source, _ in functions.values()]
    names: list[str] = []
    types: dict[str, pa.DataType] = {}
    for column in [*asked, *sources]:
        forms = source_forms(column, options.namespace)
        if forms[0] in entry.by_name:
            types.update(dict.fromkeys(forms, registry.column_type(forms[0]).to_arrow()))
        if forms[0] in entry.by_name or column in sources:
            names += forms
    for column, source in options.mapping.items():
        target = full_name(column, options.namespace)
        names.append(source)
        if target in entry.by_name:
            types[source] = registry.column_type(target).to_arrow()
    for column, (source, function) in functions.items():
        from usr_core.store.changes.attach.repeats import wished_type

        target = full_name(column, options.namespace)
        if target in entry.by_name and function != "count":
            wish = wished_type(function, registry.column_type(target).to_arrow())
            types = dict.fromkeys(source_forms(source, options.namespace), wish) | types
    keys = _key_forms(options.key) if options.key_column is None else [options.key_column]
    return list(dict.fromkeys([*keys, *names])), types


def _key_column(options: AttachOptions, present: Sequence[str]) -> str:
    """Return the column that was named, else the first of the key's own names that is there."""
    if options.key_column is not None:
        return options.key_column
    forms = _key_forms(options.key)
    # Where none is there, an error says that `sequence` is missing for a sequence key, and else the key itself.
    return next((name for name in forms if name in present), "sequence" if "sequence" in forms else options.key)


def _key_forms(key: str) -> list[str]:
    """Return the names that a file's key column may have where none was given: the key's, and the plain one."""
    if key == "id":
        return [key]
    return [key, "sequence" if key in KEYS else key.partition("__")[2] or key]
