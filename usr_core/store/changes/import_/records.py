"""Importing records: the batches of an importer become new rows at the end of the base, in one change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.errors import ExitCode, UsrError
from usr_core.plugin.specs import Finding, Opened
from usr_core.records.alphabets import AUTO, default_alphabet
from usr_core.records.base_schema import ROWS_DROPPED, next_base_metadata
from usr_core.registry.document import RESERVED_NAMESPACES, Registry
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import BaseFacts, OpenParquet, read_base_facts
from usr_core.store.changes.import_.build import BuildOutcome, ImportDefaults, Input, InputRows, build_base
from usr_core.store.changes.import_.kept import KeptPart, KeptValues
from usr_core.store.changes.import_.letters import fitting_alphabets
from usr_core.store.changes.import_.rejects import rejects_file
from usr_core.store.checks.validate.plugin_checks import Check
from usr_core.store.errors import NamespaceReservedHere
from usr_core.store.ids.row_finder import RowFinder
from usr_core.store.ids.word_sets import row_groups_from
from usr_core.store.mutation import (
    Mutation,
    Site,
    adopt_single_file,
    keep_clock_after,
    mutate,
    new_part_name,
    overlay_metadata,
)
from usr_core.store.overlay.kept_values import count_kept_values
from usr_core.store.overlay.reserved import deleted_ids
from usr_core.store.parts.files import NamespaceOverlay, list_overlays
from usr_core.store.questions.export_target import check_target
from usr_core.store.rules.columns import IMPORT_COLUMNS
from usr_core.store.rules.errors import MissingColumn
from usr_core.values.showing import Shown

__all__ = ["ImportOptions", "ImportOutcome", "ImportSource", "import_records"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """Where records come from.

    Attributes:
        label: The file's name, for errors; also the records' source where nothing else says it.
        open: Opens it, given the names of the columns that may be wanted and types as wishes; called once for each
            pass. The batches have the wanted columns that are there, and may have others.
    """

    label: str
    open: Callable[[Sequence[str], Mapping[str, pa.DataType]], Opened]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What holds for rows that do not say it themselves, and what happens to duplicates.

    Attributes:
        bio_type, alphabet: For inputs that have no such column; ``auto`` is the narrowest alphabet that fits them all.
        source: Where the records come from; by default the label of what they are read from.
        keep: The namespace whose columns are kept beside the records; None keeps none.
        keep_needed: Refuse files that have no column of it.
        register: Registers what `keep` names, once everything is ready to be committed, and returns the registry.
        mapping: The file's column for a record's, by the latter's name.
        rejects: A file to make with a line for each row that is left out.
        importer, paths: Of records of files: what reads them, and their paths as they were given.
        importer_options: What the importer was told.
        rows: Of records from memory: how many they are.
        checks: Gives the checks of plugins, of which those run that are for imports.
    """

    bio_type: str = "dna"
    alphabet: str = "dna_4"
    source: str | None = None
    on_duplicate: Literal["error", "skip"] = "error"
    keep: str | None = None
    keep_needed: bool = True
    register: Callable[[], Registry] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    rejects: Path | None = None
    importer: str | None = None
    paths: tuple[str, ...] = ()
    importer_options: Mapping[str, object] = field(default_factory=dict)
    rows: int | None = None
    checks: Callable[[], Sequence[Check]] = tuple

    def event_args(self) -> dict[str, object]:
        """Return the event's ``args``."""
        of_files: dict[str, object] = {"from": self.importer}
        of_files |= {"path": self.paths[0]} if len(self.paths) == 1 else {"paths": list(self.paths)}
        optional = {"options": dict(self.importer_options), "map": dict(self.mapping), "keep": self.keep}
        return {
            **(of_files if self.paths else {}),
            "source": self.source,
            **({} if self.rows is None else {"rows": self.rows}),
            "bio_type": self.bio_type,
            "alphabet": self.alphabet,
            "on_duplicate": self.on_duplicate,
            **{name: value for name, value in optional.items() if value},
        }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ImportOutcome(Shown):
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
        alphabets: Those that ``auto`` took, one for each bio_type; empty where an alphabet was named.
        findings: Warnings and notes of plugins' checks; rows are counted from 1 over the whole input.
        kept: The namespace whose columns were kept; None where none was asked for, or the input has no such column.
        kept_columns: The columns of it that the input has, by full name.
        rows_kept: Records that have a value of the input in them now.
        values_left: Values that were left out, as their record has another one there.
        registered: The namespace of the importer, where it was registered for this.

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
    alphabets: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    kept: str | None = None
    kept_columns: tuple[str, ...] = ()
    rows_kept: int = 0
    values_left: int = 0
    registered: str | None = None


def import_records(
    site: Site,
    sources: Sequence[ImportSource],
    options: ImportOptions,
    *,
    progress: Callable[[int], None] | None = None,
) -> ImportOutcome:
    """Append records to the base, and keep columns beside them, in one change. All rows are taken or none.

    Memory does not grow with rows except for 16 bytes each.

    Raises:
        MissingColumn: An input has no column ``sequence``.
        NothingToAttach, AttachColumnMissing, AttachCell, AttachColumnType: A column that is to be kept is not there,
            is there twice, or holds something else.
        TargetExists, TargetNotAFile, TargetInDataset: The file for rejects can't be made.
        UsrError: A row is refused; file, row, column and value are told (see `usr_core.store.rules.errors`).
    """
    return _Import(site, sources, options, progress).run()


class RegistryMoved(UsrError):
    """The registry was changed by somebody else while an import was to register the namespace of a format."""

    code = "USR-IMPORT-201"
    exit_code = ExitCode.LOCKED
    template = "Another namespace was registered meanwhile; nothing was imported, and {namespace!r} is registered now."
    hint_template = "Run the import again."
    shown = ("namespace",)


class _Import:
    """One import under way."""

    def __init__(
        self,
        site: Site,
        sources: Sequence[ImportSource],
        options: ImportOptions,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._site, self._sources, self._options, self._progress = site, sources, options, progress
        self._ignored: list[str] = []
        self._alphabets: dict[str, str] = {}
        self._findings: tuple[Finding, ...] = ()

    def run(self) -> ImportOutcome:
        """Do it; the outcome is that of a change that was made, or, for a dry run, would have been made."""
        options = self._options
        if options.rejects is not None:
            check_target(options.rejects, overwrite=False)
        if options.keep is not None and options.keep in RESERVED_NAMESPACES:
            raise NamespaceReservedHere(namespace=options.keep, verb="import")
        with mutate(self._site, "import") as mutation, contextlib.ExitStack() as closing:
            before = mutation.base_facts()
            overlay = self._overlay(mutation, closing)
            keep_clock_after(mutation, overlay)  # before the first row takes the time
            self._choose_alphabets()
            options = self._options
            staged = mutation.txn.stage(RECORDS)
            kept = self._kept(mutation, staged, closing)
            built = build_base(
                self._inputs(kept),
                label=self._sources[0].label,
                existing=self._site.layout.records,
                destination=staged,
                defaults=ImportDefaults(
                    bio_type=options.bio_type,
                    alphabet=options.alphabet,
                    source=options.source or "",
                    created_at_us=mutation.txn.clock_us,
                    alphabets=self._alphabets,
                    known=self._site.alphabets,
                ),
                on_duplicate=options.on_duplicate,
                metadata=next_base_metadata(before.metadata, registry_hash=mutation.registry.hash),
                deleted=deleted_ids(mutation.txn.tree),
                kept=kept,
                examine=lambda inputs: self._examine(staged, before.rows, inputs, kept),
                progress=self._progress,
            )
            if not built.added:
                mutation.txn.unstage(RECORDS)
            base = staged if built.added else self._site.layout.records
            after, old_values = self._after(mutation, built, before, staged)
            part = None
            if kept is not None and kept.seen:
                part = self._write_part(mutation, kept, built, base=base, first=before.rows, overlay=overlay)
            event = None if self._site.dry_run else self._commit(mutation, kept, built, part, after, old_values)
        kinds = after.bio_types
        return ImportOutcome(
            rows_read=built.rows_read,
            added=built.added,
            skipped=built.skipped,
            case_variants=built.case_variants,
            kept_values=old_values,
            ignored_columns=tuple(self._ignored),
            bio_types=kinds,
            new_bio_types=tuple(kind for kind in kinds if before.rows and kind not in before.bio_types),
            rows_total=built.rows_total if built.added else before.rows,
            event=event,
            skipped_deleted=built.skipped_deleted,
            alphabets=tuple(self._alphabets.values()),
            findings=self._findings,
            kept=None if kept is None or not kept.seen else kept.namespace,
            kept_columns=() if kept is None else kept.columns_seen,
            rows_kept=0 if part is None else part.records,
            values_left=0 if part is None else part.left,
        )

    def _after(self, mutation: Mutation, built: BuildOutcome, before: BaseFacts, staged: Path) -> tuple[BaseFacts, int]:
        """Return the facts of the base after the change, and how many new records take up values kept for their ids."""
        if not built.added:
            return before, 0
        after = read_base_facts(staged)
        return after, count_kept_values(
            mutation.txn.tree,
            lambda: _ids_from(staged, before.rows),
            bio_type=after.bio_types[0] if len(after.bio_types) == 1 else None,
            dropped=ROWS_DROPPED in before.metadata,
        )

    def _commit(
        self,
        mutation: Mutation,
        kept: KeptValues | None,
        built: BuildOutcome,
        part: KeptPart | None,
        after: BaseFacts,
        old_values: int,
    ) -> dict[str, Any] | None:
        """Write what is left out, and commit what there is; return the event, None where nothing was to be changed."""
        options, event = self._options, None
        with contextlib.ExitStack() as leaving:
            if options.rejects is not None and kept is not None:
                leaving.enter_context(rejects_file(options.rejects, kept, built, part))
            if built.added or (part is not None and part.records):
                if options.register is not None and options.register().hash != mutation.registry.hash:
                    raise RegistryMoved(namespace=options.keep)
                mutation.copied_bytes = built.copied_bytes
                event = mutation.finish(
                    base=after,
                    args=options.event_args(),
                    metrics={
                        "rows_read": built.rows_read,
                        "rows_added": built.added,
                        "rows_skipped": built.skipped,
                        **({"rows_skipped_deleted": built.skipped_deleted} if built.skipped_deleted else {}),
                        "case_variants": built.case_variants,
                        "rows_with_kept_values": old_values,
                        "bytes": built.size_bytes,
                        **({} if part is None else {"rows_kept": part.records, "values_left": part.left}),
                    },
                    new_base=bool(built.added),
                )
        return event

    def _overlay(self, mutation: Mutation, closing: contextlib.ExitStack) -> NamespaceOverlay | None:
        """Return what the namespace that is kept has already."""
        namespace = self._options.keep
        if namespace is None:
            return None
        overlay = list_overlays(mutation.txn.tree, namespaces=[namespace]).get(namespace)
        if overlay is not None:
            closing.callback(overlay.close)
        return overlay

    def _kept(self, mutation: Mutation, staged: Path, closing: contextlib.ExitStack) -> KeptValues | None:
        options = self._options
        if options.keep is None and options.rejects is None:
            return None
        needed = options.keep_needed and options.keep is not None
        spool = staged.with_name(f"{staged.name}.kept")
        kept = KeptValues(options.keep, mutation.registry, spool, needed=needed)
        closing.callback(kept.remove)
        return kept

    def _examine(self, staged: Path, offset: int, inputs: InputRows, kept: KeptValues | None) -> None:
        """Let the checks that are for imports see the rows."""
        checks = self._options.checks()
        if checks:
            from usr_core.store.changes.import_.checking import check_incoming

            self._findings = check_incoming(checks, written=staged, offset=offset, inputs=inputs, kept=kept)

    def _choose_alphabets(self) -> None:
        """Put the narrowest alphabets that fit in the place of ``auto``, from a pass over the input."""
        options = self._options
        if options.alphabet != AUTO:
            return
        self._alphabets = fitting_alphabets(
            self._without_alphabet(), bio_type=options.bio_type, known=self._site.alphabets
        )
        only = set(self._alphabets.values())
        alphabet = only.pop() if len(only) == 1 else default_alphabet(options.bio_type)
        self._options = replace(options, alphabet=self._alphabets.get(options.bio_type, alphabet))

    def _without_alphabet(self) -> Iterator[Input]:
        """Open each source whose records come without an alphabet, for what `fitting_alphabets` looks at."""
        mapping = self._options.mapping
        sequence, bio_type, alphabet = (mapping.get(name, name) for name in ("sequence", "bio_type", "alphabet"))
        for source in self._sources:
            opened = source.open([sequence, bio_type], {})
            with contextlib.closing(opened):
                present = list(opened.columns)
                if sequence in present and alphabet not in present:
                    yield Input(label=source.label, batches=(_renamed(batch, mapping) for batch in opened.batches))

    def _inputs(self, kept: KeptValues | None) -> Iterator[Input]:
        """Open each source in turn; columns of records have their own names from here on."""
        mapping = self._options.mapping
        names = [mapping.get(name, name) for name in IMPORT_COLUMNS]
        wishes: dict[str, pa.DataType] = {mapping.get("length", "length"): pa.int64()}
        wishes |= {} if kept is None else kept.wishes
        for source in self._sources:
            opened = source.open(list(dict.fromkeys([*names, *wishes])), wishes)
            with contextlib.closing(opened):
                present = list(opened.columns)
                for name in mapping.values():
                    if name not in present:
                        raise MissingColumn(source.label, column=name, present=present)
                if "sequence" not in mapping and "sequence" not in present:
                    raise MissingColumn(source.label, column="sequence", present=present)
                taken = {name for name in names if name in present}
                taken |= set(kept.begin(source.label, present)) if kept is not None else set()
                self._ignored += [name for name in present if name not in taken and name not in self._ignored]
                yield Input(label=source.label, batches=(_renamed(batch, mapping) for batch in opened.batches))

    def _write_part(
        self,
        mutation: Mutation,
        kept: KeptValues,
        built: BuildOutcome,
        *,
        base: Path,
        first: int,
        overlay: NamespaceOverlay | None,
    ) -> KeptPart:
        """Stage the part of the kept values, if a record has one; `first` is the base row of the first new record."""
        namespace = kept.namespace or ""
        relative = new_part_name(mutation, namespace)
        part = kept.write_part(
            mutation.txn.stage(relative),
            base=base,
            overlay=overlay,
            positions=self._positions(kept, built, first),
            metadata=overlay_metadata(mutation, namespace),
        )
        if part.records:
            adopt_single_file(mutation, namespace, overlay)
        else:
            mutation.txn.unstage(relative)
        return part

    def _positions(self, kept: KeptValues, built: BuildOutcome, first: int) -> npt.NDArray[np.int64]:
        """Return the base row of each row of the input; -1 for one that repeats another row of it."""
        if built.repeated is None:
            return np.arange(first, first + built.rows_read, dtype=np.int64)
        new = np.ones(built.rows_read, np.bool_)
        new[built.repeated.rows] = False
        positions = np.full(built.rows_read, -1, np.int64)
        positions[new] = np.arange(first, first + built.added, dtype=np.int64)
        known = built.repeated.rows[built.repeated.originals < 0]
        if len(known):
            # A record may be in the input several times: its first row alone can give it a value.
            with contextlib.closing(OpenParquet.open(self._site.layout.records)) as base:
                found = RowFinder(base).positions(kept.ids(known))
            firsts = np.unique(found, return_index=True)[1]
            positions[known[firsts]] = found[firsts]
        return positions


def _renamed(batch: pa.RecordBatch, mapping: Mapping[str, str]) -> pa.RecordBatch:
    """Return a batch whose mapped columns have the names of a record's, and hide other columns of these names."""
    if not mapping:
        return batch
    back = {name: column for column, name in mapping.items()}
    chosen = [name for name in batch.schema.names if name in back or name not in mapping]
    names = [back.get(name, name) for name in chosen]
    return pa.RecordBatch.from_arrays([batch.column(name) for name in chosen], names=names)


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
