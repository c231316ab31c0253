"""`Dataset`: one dataset of a root, with a method for everything that can be done to it.

The command line is a thin layer over these methods. Importing this module loads nothing heavy; each
method imports what it uses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from usr_core.commit.transaction import LOCK_SECONDS
from usr_core.events.actor import Actor
from usr_core.roots.dataset_id import DatasetRef, new_dataset, resolve_dataset
from usr_core.roots.layout import DatasetLayout
from usr_core.roots.locate import locate_dataset

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.events.log import LogLine
    from usr_core.plugin.host import PluginHost
    from usr_core.store.attach import AttachOutcome, AttachSource
    from usr_core.store.export import ExportOutcome
    from usr_core.store.import_records import ImportOutcome
    from usr_core.store.materialize import MaterializeOutcome
    from usr_core.store.mutation import Site
    from usr_core.store.overview import Overview
    from usr_core.store.validate import RegistryMode, ValidationReport
    from usr_core.store.view import MergedView

__all__ = ["Dataset"]

Progress = Callable[[int], None]


class Dataset:
    """One dataset, existing or to be made.

    Args:
        ref: Where it is.
        actor: Who changes it, as its events say; by default from ``USR_ACTOR_TOOL`` and ``USR_ACTOR_RUN_ID``.
        lock_timeout: Seconds that a change waits for another writer.
        host: The plugin host to take importers, exporters and event sinks from; by default one of its own.
    """

    def __init__(
        self,
        ref: DatasetRef,
        *,
        actor: Actor | None = None,
        lock_timeout: float = LOCK_SECONDS,
        host: PluginHost | None = None,
    ) -> None:
        self.ref = ref
        self.actor = actor or Actor()
        self.lock_timeout = lock_timeout
        self._given_host = host
        self._maintenance: str | None = None

    # ------------------------------------------------------------- opening

    @classmethod
    def open(
        cls,
        root: str | Path,
        name: str,
        *,
        actor: Actor | None = None,
        lock_timeout: float = LOCK_SECONDS,
        host: PluginHost | None = None,
    ) -> Dataset:
        """Return the dataset `name` of `root`; it need not exist yet (see `init`).

        Raises:
            InvalidDatasetId, ArchivedPath, AmbiguousDataset, OutsideRoot, NestedDataset: `name` names none.
        """
        from usr_core.roots.errors import DatasetMissing

        place = Path(root).expanduser()
        try:
            ref = resolve_dataset(place, name)
        except DatasetMissing:
            ref = new_dataset(place, name)
        return cls(ref, actor=actor, lock_timeout=lock_timeout, host=host)

    @classmethod
    def locate(
        cls,
        text: str | None,
        *,
        root: Path | None = None,
        actor: Actor | None = None,
        lock_timeout: float = LOCK_SECONDS,
        host: PluginHost | None = None,
    ) -> Dataset:
        """Return the existing dataset that `text` means: an id, a folder, or None for the one we stand in."""
        return cls(locate_dataset(text, root=root), actor=actor, lock_timeout=lock_timeout, host=host)

    def __repr__(self) -> str:
        return f"Dataset({self.ref.name!r}, root={str(self.ref.root)!r})"

    @property
    def name(self) -> str:
        """The id inside the root."""
        return self.ref.name

    @property
    def path(self) -> Path:
        """The dataset's folder."""
        return self.ref.path

    @property
    def layout(self) -> DatasetLayout:
        """The names of its files."""
        return DatasetLayout(self.ref.path)

    @cached_property
    def host(self) -> PluginHost:
        """The plugin host."""
        if self._given_host is not None:
            return self._given_host
        from usr_core.plugin.host import PluginHost

        return PluginHost()

    @contextlib.contextmanager
    def maintenance(self, reason: str) -> Iterator[Dataset]:
        """Allow rewrites of the base inside the block; `reason` goes into their events."""
        before, self._maintenance = self._maintenance, reason
        try:
            yield self
        finally:
            self._maintenance = before

    # ------------------------------------------------------------- making and filling

    def init(self, *, source: str | None = None, notes: str | None = None) -> Dataset:
        """Create the dataset: an empty base, `meta.md`, the frozen registry and the first event.

        Raises:
            DatasetExists: There is one.
            RegistryMissing, RegistryInvalid: The root has no valid registry.
        """
        from usr_core.store.create import create_dataset

        self.ref = new_dataset(self.ref.root, self.ref.name)
        self._announce(create_dataset(self._site(), source=source, notes=notes))
        return self

    def import_file(
        self,
        path: str | Path,
        *,
        importer: str | None = None,
        bio_type: str = "dna",
        alphabet: str = "dna_4",
        source: str | None = None,
        on_duplicate: Literal["error", "skip"] = "error",
        progress: Progress | None = None,
    ) -> ImportOutcome:
        """Append the records of a file, all or none.

        Args:
            path: The file.
            importer: Name of an importer; by default the one for the file's suffix.
            bio_type, alphabet: What holds for files that have no such column.
            source: Where the records come from; by default the file's name.
            on_duplicate: ``skip`` leaves exact duplicates out and counts them.
            progress: Called with the number of rows just read.
        """
        from usr_core.plugin.specs import ImportRequest
        from usr_core.store.import_records import ImportOptions, ImportSource, import_records

        file = Path(path)
        name, reader = self._importer(importer, file)
        outcome = import_records(
            self._site(),
            ImportSource(
                label=file.name,
                columns=lambda: reader.columns(ImportRequest(path=file)),
                batches=lambda wanted: reader.read(ImportRequest(path=file, columns=tuple(wanted))),
            ),
            ImportOptions(
                bio_type=bio_type,
                alphabet=alphabet,
                source=source or "",
                on_duplicate=on_duplicate,
                args={"from": name, "path": str(path), "source": source},
            ),
            progress=progress,
        )
        self._announce(outcome.event)
        return outcome

    def add_sequences(
        self,
        rows: Iterable[Mapping[str, object]],
        *,
        bio_type: str = "dna",
        alphabet: str = "dna_4",
        source: str = "python",
        on_duplicate: Literal["error", "skip"] = "error",
    ) -> ImportOutcome:
        """Append records given as mappings with ``sequence`` and, optionally, the other columns of a record."""
        from usr_core.store.import_records import ImportOptions, ImportSource, import_records
        from usr_core.store.record_rows import batches_of_rows, columns_of_rows

        held = list(rows)
        outcome = import_records(
            self._site(),
            ImportSource(
                label=source,
                columns=lambda: columns_of_rows(held),
                batches=lambda wanted: batches_of_rows(held, wanted, label=source),
            ),
            ImportOptions(
                bio_type=bio_type,
                alphabet=alphabet,
                source=source,
                on_duplicate=on_duplicate,
                args={"source": source, "rows": len(held)},
            ),
        )
        self._announce(outcome.event)
        return outcome

    # ------------------------------------------------------------- overlays

    def attach(
        self,
        path: str | Path,
        namespace: str,
        *,
        key: str,
        key_col: str | None = None,
        columns: Sequence[str] | None = None,
        allow_overwrite: bool = False,
        allow_missing: bool = False,
        parse_json: bool = True,
        backend: str = "pyarrow",
        writer: str | None = None,
        importer: str | None = None,
        note: str | None = None,
        progress: Progress | None = None,
    ) -> AttachOutcome:
        """Attach columns of a file as a new overlay part.

        Args:
            path: A file of any format that an importer reads, or a tool's output for `writer`.
            namespace: A registered namespace.
            key: ``id``, ``sequence``, ``sequence_norm`` or ``sequence_ci``.
            key_col: The file's column that holds the key; by default the key's name.
            columns: Columns to attach, with or without prefix; by default all that the namespace registers.
            allow_overwrite: Let new values win over those that are there.
            allow_missing: Leave out and count rows that match no record.
            parse_json: Read text in nested columns as JSON.
            backend: ``pyarrow``, or ``duckdb`` for Parquet files larger than memory.
            writer: Name of an overlay writer that turns a tool's output into rows.
            importer: Name of an importer; by default the one for the file's suffix.
            note: A line for `meta.md`.
            progress: Called with the number of rows just read.
        """
        from usr_core.store.attach import AttachOptions, attach

        file = Path(path)
        source = self._attach_source(file, namespace, parse_json=parse_json, writer=writer, importer=importer)
        if backend == "duckdb" and not file.name.endswith(".parquet"):
            from usr_core.store.attach_errors import AttachBackendError

            raise AttachBackendError(backend, f"{file.name} is no Parquet file")
        outcome = attach(
            self._site(),
            source,
            AttachOptions(
                namespace=namespace,
                key=key,
                key_column=key_col,
                columns=tuple(columns) if columns is not None else None,
                allow_overwrite=allow_overwrite,
                allow_missing=allow_missing,
                parse_json=parse_json,
                backend=backend,
                note=note,
                args={
                    "path": str(path),
                    "key_col": key_col or key,
                    "allow_overwrite": allow_overwrite,
                    "allow_missing": allow_missing,
                    "backend": backend,
                },
            ),
            progress=progress,
        )
        self._announce(outcome.event)
        return outcome

    def write_overlay_part(
        self,
        namespace: str,
        content: object,
        *,
        key: str = "id",
        key_col: str | None = None,
        allow_missing: bool = False,
        actor: Actor | None = None,
        action: str = "write_overlay_part",
    ) -> AttachOutcome:
        """Add a part from memory: anything with ``__arrow_c_stream__`` (Arrow, pandas, Polars, DuckDB) or a reader.

        New values win over those that are there, where they have one.
        """
        from usr_core.store.attach import AttachOptions, attach
        from usr_core.store.table_source import table_source

        site = replace(self._site(), actor=actor or self.actor)
        outcome = attach(
            site,
            table_source(content, label=namespace),
            AttachOptions(
                namespace=namespace,
                key=key,
                key_column=key_col,
                allow_overwrite=True,
                allow_missing=allow_missing,
                action=action,
            ),
        )
        self._announce(outcome.event)
        return outcome

    def write_overlay(self, namespace: str, content: object, *, key: str = "id", **options: Any) -> AttachOutcome:
        """Add a part from memory, as `write_overlay_part` does; the event's action is ``write_overlay``."""
        return self.write_overlay_part(namespace, content, key=key, action="write_overlay", **options)

    # ------------------------------------------------------------- maintenance

    def materialize(
        self,
        *,
        namespaces: Sequence[str] | None = None,
        snapshot_before: bool = False,
        drop_overlays: bool = False,
        archive_overlays: bool = False,
        drop_deleted: bool = False,
        progress: Progress | None = None,
    ) -> MaterializeOutcome:
        """Fold overlay columns into the base. Needs a `maintenance` block.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            ValueError: Overlays can't be dropped and archived at once.
        """
        from usr_core.store.materialize import MaterializeOptions, OverlaysAfter, materialize

        self._require_maintenance("materialize")
        if drop_overlays and archive_overlays:
            raise ValueError("overlays can be dropped or archived, not both")
        after: OverlaysAfter = "drop" if drop_overlays else "archive" if archive_overlays else "keep"
        outcome = materialize(
            self._site(),
            MaterializeOptions(
                namespaces=tuple(namespaces) if namespaces is not None else None,
                overlays=after,
                snapshot_before=snapshot_before,
                drop_deleted=drop_deleted,
            ),
            progress=progress,
        )
        self._announce(outcome.event)
        return outcome

    def freeze_registry(self) -> tuple[bool, str]:
        """Freeze the root's registry here and stamp its hash into the base. Needs a `maintenance` block.

        Returns:
            Whether anything changed, and the registry's hash.
        """
        from usr_core.store.freeze import freeze_registry

        self._require_maintenance("freeze_registry")
        changed, digest, event = freeze_registry(self._site())
        self._announce(event)
        return changed, digest

    def snapshot(self) -> Path:
        """Keep the base as it is under `_snapshots/`, at no cost where hard links work; return the file."""
        from usr_core.store.snapshot import take_snapshot

        relative, event = take_snapshot(self._site())
        self._announce(event)
        return self.path / relative

    # ------------------------------------------------------------- reading

    @contextlib.contextmanager
    def view(self, *, namespaces: Sequence[str] | None = None) -> Iterator[MergedView]:
        """Open the merged view of one state of the dataset; writers may go on meanwhile."""
        from usr_core.commit.read_snapshot import read_consistent
        from usr_core.store.view import MergedView

        opened = read_consistent(self.path, lambda tree: MergedView.open(tree, namespaces=namespaces))
        try:
            yield opened
        finally:
            opened.close()

    def head(self, n: int = 10, *, columns: Sequence[str] | None = None, include_deleted: bool = False) -> Any:
        """Return the first `n` records of the merged view: a pandas DataFrame where pandas is there, else Arrow."""
        table = self.head_arrow(n, columns=columns, include_deleted=include_deleted)
        try:
            import pandas  # noqa: F401
        except ImportError:
            return table
        return table.to_pandas()

    def head_arrow(
        self,
        n: int = 10,
        *,
        columns: Sequence[str] | None = None,
        include_deleted: bool = False,
        namespaces: Sequence[str] | None = None,
    ) -> pa.Table:
        """Return the first `n` records of the merged view as an Arrow table; cost does not grow with the base."""
        with self.view(namespaces=namespaces) as view:
            return view.head(n, columns, include_deleted=include_deleted)

    def scan(self, *, columns: Sequence[str] | None = None, include_deleted: bool = False) -> pa.RecordBatchReader:
        """Return the merged view as a stream of batches, in the base's row order; close it when done."""
        import pyarrow as pa

        opened = self.view()
        view = opened.__enter__()

        def batches() -> Iterator[pa.RecordBatch]:
            with contextlib.ExitStack() as exits:
                exits.push(opened)
                yield from view.batches(columns, include_deleted=include_deleted)

        return pa.RecordBatchReader.from_batches(view.schema(columns, include_deleted=include_deleted), batches())

    def to_arrow(self, *, columns: Sequence[str] | None = None, include_deleted: bool = False) -> pa.Table:
        """Return the merged view as one Arrow table, in memory."""
        return self.scan(columns=columns, include_deleted=include_deleted).read_all()

    def overview(self) -> Overview:
        """Return rows, columns, namespaces and advice, as ``usr info`` shows them."""
        from usr_core.store.overview import read_overview

        return read_overview(self.ref)

    def export(
        self,
        out: str | Path,
        *,
        fmt: str,
        columns: Sequence[str] | None = None,
        include_deleted: bool = False,
        namespaces: Sequence[str] | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> ExportOutcome:
        """Write the merged view to a file, or into a folder under a name of its own. Changes nothing here."""
        from usr_core.store.export import export_batches, export_target

        spec = self.host.exporter_spec(fmt)
        exporter = self.host.exporter(fmt)
        target = export_target(Path(out), name=self.name, suffix=spec.suffix)
        with self.view(namespaces=namespaces) as view:
            return export_batches(
                exporter,
                target,
                schema=view.schema(columns, include_deleted=include_deleted),
                batches=view.batches(columns, include_deleted=include_deleted, progress=progress),
                overwrite=overwrite,
            )

    def validate(
        self, *, strict: bool = False, registry_mode: RegistryMode = "either", progress: Progress | None = None
    ) -> ValidationReport:
        """Check everything that the format promises, streaming; changes nothing."""
        from usr_core.store.validate import validate_dataset

        return validate_dataset(
            self.ref, strict=strict, registry_mode=registry_mode, checks=self.host.checks(), progress=progress
        )

    def events(self, *, n: int = 0, since: int | None = None) -> Iterator[LogLine]:
        """Yield the last `n` events (0 is all), those after number `since` only, in the log's order."""
        from usr_core.events.tail import tail_events

        return tail_events(self.layout.event_log, n=n, since=since)

    # ------------------------------------------------------------- inside

    def _site(self) -> Site:
        from usr_core.store.mutation import Site

        return Site(
            ref=self.ref, actor=self.actor, lock_timeout=self.lock_timeout, maintenance=self._maintenance
        )

    def _announce(self, event: Mapping[str, Any] | None) -> None:
        """Hand a committed event to the event sinks."""
        if event is not None:
            self.host.emit(event)

    def _require_maintenance(self, verb: str) -> None:
        if self._maintenance is None:
            from usr_core.store.errors import MaintenanceRequired

            raise MaintenanceRequired(verb)

    def _importer(self, name: str | None, path: Path) -> tuple[str, Any]:
        if name is not None:
            return name, self.host.importer(name)
        return self.host.importer_for_path(path)

    def _attach_source(
        self, path: Path, namespace: str, *, parse_json: bool, writer: str | None, importer: str | None
    ) -> AttachSource:
        from usr_core.plugin.specs import ImportRequest, OverlayRequest
        from usr_core.store.attach import AttachSource
        from usr_core.store.table_source import batch_source

        if writer is not None:
            tool = self.host.overlay_writer(writer)
            return batch_source(tool.batches(OverlayRequest(path=path, namespace=namespace)), label=path.name)
        _, reader = self._importer(importer, path)
        return AttachSource(
            label=path.name,
            columns=lambda: reader.columns(ImportRequest(path=path)),
            batches=lambda wanted, types: reader.read(
                ImportRequest(path=path, columns=tuple(wanted), types=types, parse_json=parse_json)
            ),
        )
