"""Changing a dataset: each method names its verb and hands the work to `usr_core.store.changes`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self, Unpack

from usr_core.dataset.reading import Reading
from usr_core.dataset.site import DatasetSite, Progress
from usr_core.roots.dataset_id import new_dataset
from usr_core.roots.locate import refuse_archived_path
from usr_core.values.names import names_given

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.events.event import Actor
    from usr_core.plugin.specs import OverlayWriterSpec
    from usr_core.registry.document import Registry
    from usr_core.roots.dataset_id import DatasetRef
    from usr_core.runs.driver import RunProgress
    from usr_core.runs.map_run import MapRun, OnError
    from usr_core.store.changes.attach.attachment import AttachOutcome, AttachSource
    from usr_core.store.changes.clear import ClearOutcome
    from usr_core.store.changes.compact import CompactOutcome
    from usr_core.store.changes.dedupe import DedupeOutcome
    from usr_core.store.changes.delete import DeleteOutcome, RestoreOutcome
    from usr_core.store.changes.gc import GcOutcome
    from usr_core.store.changes.history_mode import HistoryOutcome
    from usr_core.store.changes.import_.records import ImportOutcome
    from usr_core.store.changes.materialize import MaterializeOutcome
    from usr_core.store.changes.merge_datasets.outcome import MergeOutcome
    from usr_core.store.changes.remove import RemoveOutcome
    from usr_core.store.changes.rollback import RollbackOutcome
    from usr_core.store.changes.row_drop import ChosenRows, DropOutcome
    from usr_core.store.changes.session.writer import RecordWriter
    from usr_core.store.changes.state import StateOutcome
    from usr_core.store.changes.tag import TagOutcome
    from usr_core.store.checks.doctor.cleaning import Removed
    from usr_core.store.mutation import Site
    from usr_core.store.questions.row_filter import Where
    from usr_core.store.view.merged_view import MergedView
    from usr_core.sync.request import Action, SyncAsked

__all__ = ["Changing"]


class Changing(Reading):
    """From the first record to the archive.

    Each change is whole or has not happened, and is one event, which the event sinks are told.
    """

    # ------------------------------------------------------------- records that come

    def init(
        self,
        *,
        source: str | None = None,
        notes: str | None = None,
        history: str | None = None,
        dry_run: bool = False,
    ) -> Self:
        """Create the dataset: an empty base, `meta.md`, the frozen registry and the first event.

        With `dry_run` it is made, checked and taken away again. With `history` ``"keep"`` the dataset keeps what later
        changes replace, so that earlier versions can be seen and brought back; with ``"none"`` it does not. By default
        the root's ``usr.toml`` decides, and where that says nothing, it keeps.

        Raises:
            DatasetExists: The dataset exists already.
            PullUnfinished: A first pull to that place has not come to its end.
            UnknownChoice: `history` is something else.
            RegistryMissing, RegistryInvalid: The root has no valid registry.

        Example:
            >>> from usr_core import Dataset
            >>> motifs = Dataset.open(root, "demo/motifs").init(source="motifs.csv", notes="Boxes of sigma factors.")
            >>> motifs.base_rows(), motifs.overview().last_action
            (0, 'init')
            >>> motifs.init()
            Traceback (most recent call last):
                ...
            usr_core.roots.errors.DatasetExists: 'demo/motifs' can't be made: a dataset of that name exists.
        """
        from usr_core.store.changes.create import create_dataset

        self.ref = new_dataset(self.ref.root, self.ref.name)
        create_dataset(self._site(new=True, dry_run=dry_run), source=source, notes=notes, history=history)
        return self

    def import_file(
        self,
        path: str | Path | BinaryIO | Sequence[str | Path | BinaryIO],
        *,
        importer: str | None = None,
        options: Mapping[str, object] | None = None,
        bio_type: str = "dna",
        alphabet: str | None = None,
        source: str | None = None,
        on_duplicate: Literal["error", "skip"] = "error",
        keep: str | None = None,
        bare: bool = False,
        mapping: Mapping[str, str] | None = None,
        rejects: str | Path | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ImportOutcome:
        """Append the records of one or several files, all or none, in one change with one event.

        New records follow the others, in the file's order. Memory: 8 bytes a row.

        Args:
            path: The file, or several, in the order in which their records come. A binary stream is copied to a
                temporary file before the dataset is locked.
            importer: Name of an importer; by default the one for each file's suffix. A stream has none.
            options: What the importer is to know besides, of the options that it takes.
            bio_type, alphabet: What holds for files that have no such column; the alphabet is by default the
                narrowest one of the bio_type (``dna_4``, ``rna_4``, ``protein_20``). ``auto`` is the narrowest one
                that has every letter of the files, which are then read twice.
            source: Where the records come from; by default the file's name.
            on_duplicate: ``skip`` leaves exact duplicates out and counts them.
            keep: A registered namespace: the files' columns of it, with the prefix or without, become a part of it in
                the same change. An importer that has a namespace of its own (`ImporterSpec.namespace`) keeps that one
                by default, and registers it where the root has not.
            bare: Keep nothing.
            mapping: The file's column for a record's, such as ``{"sequence": "Promoter sequence"}``.
            rejects: A CSV file to make with each row that is left out, its name, id and values.
            dry_run: Read, check and count, and write nothing.
            progress: Called with the number of rows just read.

        Returns:
            What was done; ``registered`` names the namespace that was registered for it.

        Raises:
            ImportRequestInvalid: `keep` and `bare` are both given, or the mapping names no column of a record.
            OptionInvalid: The importer takes no such option, or no such value.
            NamespaceNotRegistered, NothingToAttach, AttachCell, AttachColumnType: Of what is kept.
            PluginMissing, AmbiguousImporter: No importer, or more than one, reads such a file.
            SourceFileError: The file can't be read; its subclasses say why.
            MissingColumn: The file has no column ``sequence``.
            UnknownBioType, UnknownAlphabet, AlphabetMismatch: `bio_type` and `alphabet` are not known, or do not fit.
            ImportCellError: A row is refused; file, row (from 1), column and value are among its facts.
            RefusedByCheck: A plugin's check for imports found an error.
            DuplicateRecord: A record is in the file twice, or in the dataset already.

        Example:
            >>> dataset.import_file("more.csv", source="plate 7").added
            2
            >>> dataset.import_file("more.csv")
            Traceback (most recent call last):
                ...
            usr_core.store.rules.errors.DuplicateRecord: Row 1 is a duplicate: the dataset already has this record ...
            >>> dataset.import_file("more.csv", on_duplicate="skip").skipped
            2
        """
        from usr_core.records.alphabets import default_alphabet
        from usr_core.store.changes.import_.records import ImportOptions, import_records
        from usr_core.store.changes.import_.request import check_request, file_source, own_namespace, spooled

        given = list(path) if isinstance(path, Sequence) and not isinstance(path, str) else [path]
        mapping, options = dict(mapping or {}), dict(options or {})
        check_request(given, keep=keep, bare=bare, mapping=mapping)
        with contextlib.ExitStack() as closing:
            files = [closing.enter_context(spooled(one)) for one in given]
            for file, _ in files:
                refuse_archived_path(file)
            readers = [self._importer(importer, file) for file, _ in files]
            own = None if bare or keep else own_namespace([reader.spec for _, reader in readers])
            site, register = self._site(dry_run=dry_run), None
            if own is not None:
                site, register = self._with_namespace(site, own)
            outcome = import_records(
                site,
                [
                    file_source(reader, file, options, label=Path(name).name)
                    for (_, reader), (file, name) in zip(readers, files, strict=True)
                ],
                ImportOptions(
                    bio_type=bio_type,
                    alphabet=alphabet or default_alphabet(bio_type),
                    source=source,
                    on_duplicate=on_duplicate,
                    keep=keep or own,
                    keep_needed=keep is not None,
                    register=register,
                    mapping=mapping,
                    rejects=None if rejects is None else Path(rejects),
                    importer=readers[0][0],
                    paths=tuple(name for _, name in files),
                    importer_options=options,
                    checks=self.host.foreign_checks,
                ),
                progress=progress,
            )
        return replace(outcome, registered=own) if register is not None and outcome.kept_columns else outcome

    def _with_namespace(self, site: Site, name: str) -> tuple[Site, Callable[[], Registry] | None]:
        """Return a site whose registry has the namespace of a plugin, and what registers it unless it is registered."""
        from usr_core.registry.document import NamespaceEntry, checked_columns
        from usr_core.registry.store import register_namespace
        from usr_core.store.mutation import load_site_registry

        registry = load_site_registry(site)
        if name in registry.namespaces:
            return replace(site, registry=registry), None
        spec = self.host.namespace_spec(name)
        columns = checked_columns(name, spec.columns)
        entry = NamespaceEntry(name=name, columns=columns, owner=spec.owner, description=spec.description)

        def register() -> Registry:
            return register_namespace(
                self.ref.root,
                name,
                spec.columns,
                owner=spec.owner,
                description=spec.description,
                lock_timeout=self.lock_timeout,
            ).registry

        return replace(site, registry=registry.with_entries(entry)), register

    def add_sequences(
        self,
        rows: Iterable[Mapping[str, object]],
        *,
        bio_type: str = "dna",
        alphabet: str | None = None,
        source: str = "python",
        on_duplicate: Literal["error", "skip"] = "error",
        dry_run: bool = False,
    ) -> ImportOutcome:
        """Append records given as mappings with ``sequence`` and, optionally, the other columns of a record.

        Rows are appended in their order, under the dataset's lock; the ids are computed. With `dry_run` they are
        checked and counted.

        Raises:
            RecordsExpected: `rows` are not mappings, such as texts or a table.
            RowWithoutSequence: A value is not text.

        Example:
            >>> done = dataset.add_sequences([{"sequence": "TATAAT"}, {"sequence": "TTGACA", "source": "plate 7"}])
            >>> done.added, done.rows_total
            (2, 5)
            >>> dataset.add_sequences(["TATAAT"])
            Traceback (most recent call last):
                ...
            usr_core.store.rules.errors.RecordsExpected: Records are given as a list of mappings, and record 1 is a ...
        """
        from usr_core.records.alphabets import default_alphabet
        from usr_core.store.changes.import_.records import ImportOptions, import_records
        from usr_core.store.changes.import_.request import checked_rows, rows_source

        held = checked_rows(rows)
        return import_records(
            self._site(dry_run=dry_run),
            [rows_source(held, label=source)],
            ImportOptions(
                bio_type=bio_type,
                alphabet=alphabet or default_alphabet(bio_type),
                source=source,
                on_duplicate=on_duplicate,
                rows=len(held),
                checks=self.host.foreign_checks,
            ),
        )

    # ------------------------------------------------------------- columns that come

    def attach(
        self,
        path: str | Path | BinaryIO | Sequence[str | Path | BinaryIO],
        namespace: str | None = None,
        *,
        key: str | None = None,
        key_col: str | None = None,
        columns: Sequence[str] | None = None,
        allow_overwrite: bool = False,
        allow_missing: bool = False,
        parse_json: bool = True,
        backend: str = "pyarrow",
        writer: str | None = None,
        writer_options: Mapping[str, object] | None = None,
        importer: str | None = None,
        options: Mapping[str, object] | None = None,
        mapping: Mapping[str, str] | None = None,
        repeats: str | Mapping[str, str] | None = None,
        note: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> AttachOutcome:
        """Attach columns of one or several files as a new overlay part, in one change.

        Args:
            path: A file of any format that an importer reads, or a tool's output for `writer`; or several, no two of
                which may have one key. Each gives the columns that it has, and all of `columns`. A binary stream is
                copied to a temporary file before the dataset is locked.
            namespace: A registered namespace; with a writer, by default the writer's.
            key: ``id``, ``sequence``, ``sequence_norm``, ``sequence_ci``, or a text column of the dataset, such as
                ``fasta__name``; with a writer, by default the writer's, or the one of ``id`` and ``sequence`` that its
                rows have.
            key_col: The file's column that holds the key; by default the key's name.
            columns: Columns to attach, with or without prefix; by default all that the namespace registers.
            allow_overwrite: Let new values win over those that are there; without it a value is refused where its
                record has one in that column already. A null is not a value, and changes nothing.
            allow_missing: Leave out and count rows that match no record.
            parse_json: Read text in nested columns as JSON.
            backend: ``pyarrow``, or ``duckdb`` for Parquet files larger than memory.
            writer: Name of an overlay writer that turns a tool's output into rows.
            writer_options: The same as `options`.
            importer: Name of an importer; by default the one for the file's suffix.
            options: What the importer or the writer is to know besides, of the options that it takes.
            mapping: The file's column for one of the namespace, such as ``{"strength": "OD 600"}``; not for a writer's
                rows.
            repeats: What becomes of rows that repeat a key, which are refused without it: ``mean``, ``median``,
                ``min``, ``max``, ``first``, ``last``, ``count``, ``list``, ``std`` for all columns; or for each, as in
                ``{"strength": "mean", "strength_sd": "strength:std", "*": "first"}``, where ``*`` is every other one.
                The values of all rows are held in memory.
            note: A line for `meta.md`.
            dry_run: Read, check and count, and write nothing.
            progress: Called with the number of rows just read.

        Raises:
            RepeatsInvalid, RepeatsTypeDiffers: There is no such function, or a column can't hold what it gives.
            AttachRequestInvalid: Neither a namespace nor a writer is given, both a writer and an importer are, or the
                writer takes no such option.
            ValuesExist: Values are there already, and `allow_overwrite` is not set.
            NamespaceReservedHere, NamespaceNotRegistered, ColumnNotRegistered: The registry does not allow it.
            SourceFileError, AttachColumnMissing, NothingToAttach, AttachKeyType, AttachCell: The file can't be read, or
                does not hold what it has to.
            AttachKeyMissing: `key` is no such key, and no text column of the dataset.
            EmptyAttachKey, DuplicateAttachKey, UnmatchedKeys: A key is missing, repeated, or matches no record.
            AttachKeyAmbiguous: Several live records have a key that the file asks for.

        Example:
            >>> dataset.attach("scores.csv", "lab", key="id").rows_attached
            1
            >>> dataset.get(ids[2], columns=["lab__sigma"]).to_pylist()
            [{'lab__sigma': 'sigma54'}]
            >>> dataset.attach("scores.csv", "lab", key="id")
            Traceback (most recent call last):
                ...
            usr_core.store.changes.attach.errors.ValuesExist: scores.csv: 1 value can't be attached, because its ...
        """
        from usr_core.store.changes.attach.attachment import AttachOptions, AttachSource, attach
        from usr_core.store.changes.attach.repeats import read_repeats
        from usr_core.store.changes.attach.writer_source import attach_namespace, checked_options, key_among
        from usr_core.store.changes.import_.request import opening, spooled

        spec = None if writer is None else self.host.overlay_writer_spec(writer)
        for_writer = {**(options or {} if spec is not None else {}), **(writer_options or {})}
        told = checked_options(spec, for_writer, importer=importer, mapping=mapping)
        namespace = attach_namespace(spec, namespace)
        given = list(path) if isinstance(path, Sequence) and not isinstance(path, str) else [path]
        with contextlib.ExitStack() as closing:
            files = [closing.enter_context(spooled(one)) for one in given]
            names: Sequence[str] = ()
            sources = []
            for file, name in files:
                refuse_archived_path(file)
                if spec is None:
                    reader = self._importer(importer, file)[1]
                    opens = opening(reader, file, options or {}, parse_json=parse_json)
                    same = sum(Path(other).name == Path(name).name for _, other in files) > 1
                    sources.append(AttachSource(label=name if same else Path(name).name, open=opens))
                else:
                    source, names = self._writer_source(file, spec, namespace, columns=columns, options=told)
                    sources.append(source)
                if backend == "duckdb" and not file.name.endswith(".parquet"):
                    from usr_core.store.changes.attach.errors import AttachBackendError

                    raise AttachBackendError(backend=backend, reason=f"{file.name} is not a Parquet file")
            return attach(
                self._site(dry_run=dry_run),
                sources,
                AttachOptions(
                    namespace=namespace,
                    key=key_among(spec, key, names),
                    key_column=key_col,
                    columns=names_given(columns),
                    allow_overwrite=allow_overwrite,
                    allow_missing=allow_missing,
                    parse_json=parse_json,
                    mapping=dict(mapping or {}),
                    backend=backend,
                    repeats=read_repeats(repeats),
                    note=note,
                    paths=tuple(name for _, name in files),
                    writer=None if spec is None else spec.name,
                    writer_options=told,
                    importer_options=dict(options or {}) if spec is None else {},
                ),
                progress=progress,
            )

    def write_overlay_part(
        self,
        namespace: str,
        content: object,
        *,
        key: str = "id",
        key_col: str | None = None,
        allow_overwrite: bool = True,
        allow_missing: bool = False,
        dry_run: bool = False,
        actor: Actor | None = None,
        action: str = "write_overlay_part",
    ) -> AttachOutcome:
        """Add a part from memory: anything with ``__arrow_c_stream__`` (Arrow, pandas, Polars, DuckDB) or a reader.

        New values win over those that are there, unless `allow_overwrite` is false: then a value is refused where
        its record has one in that column already, and nothing is written.

        `content` has the key column, each key once, and columns of the namespace, with or without prefix, in any order
        of rows. With `dry_run` they are checked and counted. Errors as `attach`.

        Raises:
            ValuesExist: Values are there already, and `allow_overwrite` is false.

        Example:
            >>> import pyarrow as pa
            >>> values = pa.table({"id": ids[:2], "lab__gc": [0.4, None], "lab__sigma": [None, "sigma70"]})
            >>> dataset.write_overlay_part("lab", values).rows_attached
            2
            >>> dataset.to_arrow(columns=["lab__gc", "lab__sigma"]).to_pylist()[:2]
            [{'lab__gc': 0.4, 'lab__sigma': 'sigma70'}, {'lab__gc': 0.3, 'lab__sigma': 'sigma70'}]
        """
        from usr_core.store.changes.attach.attachment import AttachOptions, attach
        from usr_core.store.changes.attach.table_source import table_source

        site = replace(self._site(dry_run=dry_run), actor=actor or self.actor)
        return attach(
            site,
            [table_source(content, label=namespace)],
            AttachOptions(
                namespace=namespace,
                key=key,
                key_column=key_col,
                allow_overwrite=allow_overwrite,
                allow_missing=allow_missing,
                action=action,
            ),
        )

    def write_overlay(self, namespace: str, content: object, *, key: str = "id", **options: Any) -> AttachOutcome:
        """Add a part from memory, as `write_overlay_part` does; the event's action is ``write_overlay``.

        Example:
            >>> import pyarrow as pa
            >>> values = pa.table({"sequence": ["GATTACAGATTACAGATTAC"], "lab__sigma": ["sigma70"]})
            >>> dataset.write_overlay("lab", values, key="sequence").columns
            ('lab__sigma',)
        """
        return self.write_overlay_part(namespace, content, key=key, action="write_overlay", **options)

    def _writer_source(
        self,
        path: Path,
        spec: OverlayWriterSpec,
        namespace: str,
        *,
        columns: Sequence[str] | None,
        options: Mapping[str, object],
    ) -> tuple[AttachSource, list[str]]:
        from usr_core.plugin.specs import OverlayRequest
        from usr_core.registry.store import read_registry
        from usr_core.store.changes.attach.table_source import batch_source

        self._require_records()
        request = OverlayRequest(
            path=path,
            namespace=namespace,
            columns=names_given(columns),
            types={
                column.name: column.type.to_arrow()
                for column in read_registry(self.ref.root).namespace(namespace).columns
            },
            options=options,
            record_ids=self._record_ids,
        )
        return batch_source(self.host.overlay_writer(spec.name).batches(request), label=path.name)

    def _record_ids(self) -> Iterator[pa.Array]:
        with self.view(namespaces=()) as view:
            for batch in view.batches(["id"]):
                yield batch.column(0)

    # ------------------------------------------------------------- tools that run for hours

    def writer(
        self, *, namespaces: Sequence[str] = (), actor: Actor | None = None, name: str | None = None, **options: Any
    ) -> RecordWriter:
        """Return a session that takes records, and overlay values with them, over hours.

            with ds.writer(namespaces=["densegen"], actor=Actor(tool="densegen", run_id="r1")) as w:
                w.add([{"sequence": "ACGT"}], overlays={"densegen": [{"plan": "sigma70"}]})

        Rows are durable once flushed and visible once committed; see `usr_core.store.changes.session.writer`. A session
        that was killed is resumed by opening it again under its name.

        Args:
            namespaces: Registered namespaces whose values come with the records.
            actor: Who writes; by default the dataset's actor.
            name: The session's name; by default the actor's tool and run id.
            options: Further fields of `usr_core.store.changes.session.writer.SessionOptions`.

        Raises (on entering):
            SessionInUse: The session is open elsewhere.
            SessionSchemaChanged: The session was begun with other columns.
            NamespaceNotRegistered, RegistryMissing, RegistryInvalid: The registry is missing or invalid, or lacks
                a namespace.

        Example:
            >>> from usr_core import Actor
            >>> with dataset.writer(namespaces=["lab"], actor=Actor(tool="densegen", run_id="r1")) as writer:
            ...     writer.add([{"sequence": "TATAAT"}], overlays={"lab": [{"gc": 0.0}]})
            Added(added=1, skipped=0)
            >>> dataset.overview().last_action
            'densegen_write'
        """
        from usr_core.store.changes.session.writer import RecordWriter, SessionOptions

        site = replace(self._site(), actor=actor or self.actor)
        return RecordWriter(site, SessionOptions(namespaces=names_given(namespaces), name=name, **options))

    def map(
        self,
        function: str | Callable[..., Any],
        *,
        into: str | Sequence[str],
        columns: str | Sequence[str] | None = None,
        executor: str | None = "local",
        mode: Literal["missing", "all"] = "missing",
        where: str | None = None,
        params: Mapping[str, object] | None = None,
        per_record: bool = False,
        on_error: OnError = "fail",
        shards: int | None = None,
        batch_rows: int = 4096,
        workers: int | None = None,
        options: Mapping[str, Any] | None = None,
        sample: bool = True,
        dry_run: bool = False,
        say: Callable[[str], None] = print,
        progress: Callable[[RunProgress], None] | None = None,
    ) -> MapRun:
        """Run a function over the records that lack its value, in shards, and return the run, which `commit` ends.

        Nothing of the dataset changes before `MapRun.commit`. The run lies in the dataset's folder meanwhile: it can be
        resumed by asking the same again, or by `resume`, whatever has become of this process. Of a dataset that was
        opened `at` a version, its records of then are mapped, and the values are attached to the dataset as it is.

        Args:
            function: A plugin's function by name, ``package.module:function``, ``file.py:function``, or a function that
                a worker can import. It is called with a batch of `columns` and ``id``, and returns as many values, in
                the same order: a batch, a table, a mapping of names to arrays, or, for one column, an array. A class is
                made once a worker, with `params`, and its objects are called.
            into: The registered columns that it makes, all of one namespace.
            columns: What it is given; by default what a plugin says of its function, else ``sequence``.
            executor: Who runs the shards; None plans the run and starts nothing.
            mode: ``missing``: the records that lack one of `into`, where values that are there stay; ``all``: every
                one, where they are replaced.
            where: A condition in SQL that records have to meet.
            params: Keyword arguments of the function.
            per_record: The function takes the values of one record and returns one value (or a mapping, for several
                columns).
            on_error: A record that it fails on stops the run (``fail``), gets no value (``null``), or is left out
                (``skip``). NaN is a failure.
            shards: How many; by default so many that each takes about two minutes.
            batch_rows: The most rows of a batch.
            workers: How many; by default the executor's own.
            options: What the executor takes besides.
            sample: Call the function here on some records first: it tells what a shard costs, and whether it works.
            dry_run: Write nothing; `MapRun.planned` says what would be.
            say: Takes a line of the executor for the user.
            progress: Told how far the run is, while `MapRun.wait` waits.

        Raises:
            FunctionUnusable, FunctionFailed: The function can't be imported, or fails on the first records.
            ColumnNotRegistered, NamespaceNotRegistered, RunRequestInvalid: `into` can't be made.
            UnknownColumn, ConditionInvalid: The dataset has no such column; `where` is no condition.
            PluginMissing, OptionInvalid: No plugin has that function or executor, or it takes no such option.

        Example:
            >>> run = dataset.map("scores.py:gc", into="lab__gc", mode="all", executor="inline")
            >>> run.wait().commit().rows
            3
            >>> dataset.to_arrow(columns=["lab__gc"])["lab__gc"].to_pylist()
            [0.4, 0.3, 0.55]
        """
        from usr_core.runs.functions import find_function, plugin_function
        from usr_core.runs.map_run import start_run
        from usr_core.runs.planning import MapRequest

        if executor is not None:
            self.host.executor_options(executor, options or {})  # before anything is planned
        spec = plugin_function(function, self.host) if isinstance(function, str) else None
        ref, values = find_function(function, params or {}, self.host, per_record=per_record)
        default = ("sequence",) if spec is None else spec.columns
        request = MapRequest(
            function=ref,
            params=values,
            columns=tuple(names_given(columns) or default),
            into=tuple(names_given(into) or ()),
            mode=mode,
            where=where or "",
            shards=shards,
            batch_rows=batch_rows,
            on_error=on_error,
            workers=1 if workers is None else workers,
            executor=executor or "",
            sample=sample,
            version=self.version,
        )
        run = start_run(self._as_it_is()._site, request, host=self.host, dry_run=dry_run, seen=self._seen)
        if executor is not None and run.folder is not None and not dry_run:
            run.start(executor, workers=workers, options=options, say=say, progress=progress)
        return run

    def runs(self) -> list[MapRun]:
        """Return the runs of `map` that lie in the dataset's folder, the oldest first, committed ones too.

        Example:
            >>> run = dataset.map("scores.py:gc", into="lab__gc", mode="all", executor=None)
            >>> [found.status().state for found in dataset.runs()]
            ['planned']
        """
        from usr_core.runs.folder import runs_of
        from usr_core.runs.map_run import MapRun

        return [MapRun(self._site, folder, host=self.host) for folder in runs_of(self.path)]

    def run(self, run_id: str) -> MapRun:
        """Return the run whose id begins so.

        Raises:
            RunMissing: There is none, or there are several.

        Example:
            >>> run = dataset.map("scores.py:gc", into="lab__gc", mode="all", executor=None)
            >>> dataset.run(run.run_id[:6]).status().shards
            1
            >>> dataset.run(run.run_id).start("inline").wait().commit().rows
            3
        """
        from usr_core.runs.folder import find_run
        from usr_core.runs.map_run import MapRun

        return MapRun(self._site, find_run(self.path, run_id), host=self.host)

    def record_event(
        self,
        action: str,
        *,
        metrics: Mapping[str, object] | None = None,
        args: Mapping[str, object] | None = None,
        actor: Actor | None = None,
    ) -> dict[str, Any]:
        """Add an event of a tool's own to the log, such as how its run is getting on; nothing else changes.

        It is an ordinary change in all other respects: under the lock, chained to the lines before, handed to the
        event sinks. It costs a few milliseconds, whatever the dataset's size.

        Args:
            action: ``<tool>_<word>``, such as ``densegen_health``.
            metrics: What was counted; a tool puts its own figures below its name.
            args: What was asked; secrets are hidden.
            actor: Who says so; by default the dataset's actor.

        Returns:
            The event as it stands in the log.

        Raises:
            ToolActionInvalid: `action` is not an action of a tool.
            EventNotRecordable: `metrics` or `args` are not JSON values, or larger than 64 KiB.
            LockTimeout: Another writer holds the dataset.

        Example:
            >>> event = dataset.record_event("densegen_health", metrics={"densegen": {"tried": 1200, "kept": 3}})
            >>> event["action"], event["metrics"]["densegen"]["kept"]
            ('densegen_health', 3)
            >>> dataset.record_event("import")
            Traceback (most recent call last):
                ...
            usr_core.store.errors.ToolActionInvalid: 'import' can't be the action of a tool's event.
        """
        from usr_core.store.changes.tool_event import record_event

        site = replace(self._site(), actor=actor or self.actor)
        return record_event(site, action, metrics=metrics or {}, args=args or {})

    # ------------------------------------------------------------- the life of single records
    # Each takes the ids of records, or a condition that they meet, and treats all of them or none. Repeated ids count
    # once; ids that match no record are an error, or with `allow_missing` skipped and counted. What changes nothing
    # writes no event.

    def delete(
        self,
        ids: Iterable[str] | None = None,
        *,
        where: Where | None = None,
        reason: str | None = None,
        allow_missing: bool = False,
        dry_run: bool = False,
    ) -> DeleteOutcome:
        """Delete records: views leave them out, the base keeps them, `restore` brings them back.

        Records that are deleted already keep their time and reason, and are counted.

        Args:
            ids: The records.
            where: A condition, see `scan`, in place of ids: the records that meet it.
            reason: Why; kept with each record.
            allow_missing: Skip and count ids that match no record.
            dry_run: Check and count, and change nothing.

        Raises:
            RecordsNotNamed: Neither ids nor a condition is given, or both.
            ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used.
            RecordIdInvalid: A text is not 40 lower-case hexadecimal digits.
            RecordsMissing: Ids match no record.

        Example:
            >>> done = dataset.delete([ids[0]], reason="contaminated")
            >>> done.deleted, dataset.overview().rows
            (1, 2)
            >>> dataset.delete([ids[0], ids[1]]).already_deleted
            1
            >>> dataset.delete(where="lab__gc > 0.5").deleted
            1
        """
        from usr_core.store.changes.delete import DeleteOptions, delete_records

        site, asked = self._site(dry_run=dry_run), self._asked_ids(ids, where)
        return delete_records(site, DeleteOptions(ids=asked, allow_missing=allow_missing, reason=reason))

    def restore(
        self,
        ids: Iterable[str] | None = None,
        *,
        where: Where | None = None,
        allow_missing: bool = False,
        dry_run: bool = False,
    ) -> RestoreOutcome:
        """Bring deleted records back; those that are not deleted are counted. Errors as `delete`.

        With `where` in place of ids, they are the deleted records that meet it.

        Example:
            >>> dataset.delete(ids).deleted
            3
            >>> dataset.restore(ids[:2]).restored
            2
            >>> dataset.restore(where="lab__gc is not null").restored
            1
        """
        from usr_core.store.changes.delete import restore_records
        from usr_core.store.changes.record_options import RecordOptions

        site, asked = self._site(dry_run=dry_run), self._asked_ids(ids, where, deleted=True)
        return restore_records(site, RecordOptions(ids=asked, allow_missing=allow_missing))

    def set_state(
        self,
        ids: Iterable[str] | None = None,
        *,
        where: Where | None = None,
        masked: bool | None = None,
        qc_status: str | None = None,
        split: str | None = None,
        supersedes: str | None = None,
        lineage: Sequence[str] | None = None,
        allow_missing: bool = False,
        dry_run: bool = False,
    ) -> StateOutcome:
        """Set fields of the state of records; fields that are not given stay as they are.

        Args:
            ids: The records.
            where: A condition, see `scan`, in place of ids: the live records that meet it.
            masked: Whether they are to be left out of analyses.
            qc_status: ``pass``, ``fail``, ``warn`` or ``unknown``.
            split: ``train``, ``val``, ``test`` or ``holdout``.
            supersedes: The id of the record that they replace; it need not be in this dataset.
            lineage: Ids of the records that they came from; they need not be in this dataset.
            allow_missing: Skip and count ids that match no record.
            dry_run: Check and count, and change nothing.

        Raises:
            StateFieldMissing: No field is given.
            StateValueNotAllowed: A value is not one of those above.
            RecordsNotNamed, ConditionInvalid, RecordIdInvalid, RecordsMissing: As `delete`.

        Example:
            >>> dataset.set_state(ids[:2], split="train", qc_status="pass").changed
            2
            >>> [state.split for state in dataset.get_state(ids)]
            ['train', 'train', None]
            >>> dataset.set_state(ids, split="dev")
            Traceback (most recent call last):
                ...
            usr_core.store.changes.record_errors.StateValueNotAllowed: usr_state__split can't be 'dev'.
        """
        from usr_core.store.changes.state import StateChange, StateOptions, set_state

        change = StateChange(
            masked=masked,
            qc_status=qc_status,
            split=split,
            supersedes=supersedes,
            lineage=names_given(lineage),
        )
        site, asked = self._site(dry_run=dry_run), self._asked_ids(ids, where)
        return set_state(site, StateOptions(ids=asked, allow_missing=allow_missing, change=change))

    def clear_state(
        self,
        ids: Iterable[str] | None = None,
        *,
        where: Where | None = None,
        allow_missing: bool = False,
        dry_run: bool = False,
    ) -> StateOutcome:
        """Unset the whole state of records: null afterwards, not false. Arguments and errors as `delete`.

        Example:
            >>> dataset.set_state(ids[:2], masked=True).changed
            2
            >>> dataset.clear_state(ids).changed, dataset.get_state(ids[:1])[0].masked
            (2, None)
        """
        from usr_core.store.changes.record_options import RecordOptions
        from usr_core.store.changes.state import clear_state

        site, asked = self._site(dry_run=dry_run), self._asked_ids(ids, where)
        return clear_state(site, RecordOptions(ids=asked, allow_missing=allow_missing))

    # ------------------------------------------------------------- maintenance
    # Each needs a `maintenance` block where it says so, except for ``dry_run=True``, which makes the same checks,
    # counts what would change, and changes nothing.

    def materialize(
        self,
        *,
        namespaces: Sequence[str] | None = None,
        snapshot_before: bool = False,
        drop_overlays: bool = False,
        archive_overlays: bool = False,
        drop_deleted: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> MaterializeOutcome:
        """Fold overlay columns into the base. Needs a `maintenance` block.

        It takes the lock for as long as it runs, and so does a `dry_run`, which writes the new base and drops it.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            ValueError: Overlays can't be dropped and archived at once.

        Example:
            >>> with dataset.maintenance("fold the scores in"):
            ...     done = dataset.materialize(namespaces=["lab"], drop_overlays=True)
            >>> done.columns, [column.origin for column in dataset.columns() if column.name == "lab__gc"]
            (('lab__gc', 'lab__sigma'), ['base'])
            >>> dataset.materialize()
            Traceback (most recent call last):
                ...
            usr_core.store.errors.MaintenanceRequired: materialize rewrites the base and needs a maintenance block.
        """
        from usr_core.store.changes.materialize import MaterializeOptions, OverlaysAfter, materialize

        site = self._maintenance_site("materialize", dry_run=dry_run)
        if drop_overlays and archive_overlays:
            raise ValueError("overlays can be dropped or archived, not both")
        after: OverlaysAfter = "drop" if drop_overlays else "archive" if archive_overlays else "keep"
        return materialize(
            site,
            MaterializeOptions(
                namespaces=names_given(namespaces),
                overlays=after,
                snapshot_before=snapshot_before,
                drop_deleted=drop_deleted,
            ),
            progress=progress,
        )

    def freeze_registry(self, *, dry_run: bool = False) -> tuple[bool, str]:
        """Freeze the root's registry here and stamp its hash into the base. Needs a `maintenance` block.

        Returns:
            Whether anything changed, and the registry's hash.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            RegistryMissing, RegistryInvalid: The root has no valid registry.

        Example:
            >>> from usr_core.api.registry import read_registry, register_namespace
            >>> register_namespace(root, "infer", [("infer__ll", "float64")]).written
            True
            >>> with dataset.maintenance("take the new namespace up"):
            ...     changed, registry_hash = dataset.freeze_registry()
            >>> changed, registry_hash == read_registry(root).hash
            (True, True)
        """
        from usr_core.store.changes.freeze import freeze_registry

        return freeze_registry(self._maintenance_site("freeze_registry", dry_run=dry_run))

    def snapshot(self, *, dry_run: bool = False) -> Path:
        """Keep the base as it is under `_snapshots/`, at no cost where hard links work; return the file.

        With `dry_run` the file is not kept.

        Example:
            >>> dataset.snapshot().parent.name
            '_snapshots'
        """
        from usr_core.store.changes.snapshot import take_snapshot

        return self.path / take_snapshot(self._site(dry_run=dry_run))

    def rollback(self, version: int | str, *, dry_run: bool = False) -> RollbackOutcome:
        """Bring back the files of an earlier version, in one change of its own: the log is never rewritten.

        The base, overlays, tombstones and state are those of `version` again, byte for byte; notes and snapshots stay.
        What is replaced is kept, so that a rollback can be taken back by another one. With `dry_run` everything is
        looked up and checked, and nothing is changed.

        Args:
            version: An event's number, a tag, a time, or a field of an event, as for `at`.
            dry_run: Check, and change nothing.

        Raises:
            VersionTextInvalid, VersionMissing: `version` does not name a version of the dataset.
            VersionNotKept: Something that the version consists of is not kept any more.
            TailDamaged, KeptFileDamaged: What was kept is damaged.

        Example:
            >>> outcome = dataset.rollback(2)
            >>> outcome.version, [part[:18] for part in outcome.taken_away], dataset.columns()[-1].name
            (2, ['_derived/lab/part-'], 'created_at')
            >>> dataset.rollback(3).brought_back == outcome.taken_away
            True
        """
        from usr_core.store.changes.rollback import roll_back
        from usr_core.store.versions.version import find_version

        site = self._site(dry_run=dry_run)
        return roll_back(site, find_version(self.path, version, dataset=self.name).seq)

    def gc(
        self, *, keep_seconds: float = 30 * 86_400, keep_versions: Collection[int] = (), dry_run: bool = False
    ) -> GcOutcome:
        """Give up old versions: remove what is kept for them alone, in one change with an event.

        The version that was the last one `keep_seconds` ago stays, and all later ones; so do versions that have a tag,
        and `keep_versions`. The rest can't be seen or brought back any more. With `dry_run` it is only counted.

        Raises:
            NothingKept: The dataset keeps no history.
            VersionNotKept: One of `keep_versions` is not there, or has been given up.

        Example:
            >>> outcome = dataset.gc(keep_seconds=0)
            >>> outcome.since, outcome.forgotten, outcome.files
            (3, 2, 1)
        """
        from usr_core.store.changes.gc import collect

        return collect(self._site(dry_run=dry_run), keep_seconds=keep_seconds, keep_versions=keep_versions)

    def set_history(self, *, keep: bool, dry_run: bool = False) -> HistoryOutcome:
        """Let the dataset keep what later changes replace, or not; what was kept so far stays until `gc`.

        Where it begins to keep, versions can be seen and brought back from this event on. With `dry_run` nothing is
        changed.

        Example:
            >>> dataset.set_history(keep=False).history, dataset.set_history(keep=True).since
            ('none', 5)
        """
        from usr_core.store.changes.history_mode import set_history

        return set_history(self._site(dry_run=dry_run), keep=keep)

    def tag(self, name: str, *, at: str | int | None = None, dry_run: bool = False) -> TagOutcome:
        """Name a version of the dataset; ``@name`` stands for it wherever a version is asked for.

        The event that tells of the tag is a version of its own, behind the one that is named. With `dry_run` it is
        checked and not written.

        Args:
            name: Begins with a letter, and has letters, digits, ``.``, ``_`` and ``-``.
            at: The version, as `at` takes it; by default the last one.
            dry_run: Check, and write nothing.

        Raises:
            TagNameInvalid: `name` can't be a tag.
            TagExists: Another version has this tag.
            NothingToTag: The dataset has no version.
            VersionTextInvalid, VersionMissing: There is no version `at`.

        Example:
            >>> done = dataset.tag("v1.0")
            >>> done.version, dataset.tag("start", at=1).version, dataset.tags()
            (3, 1, {'start': 1, 'v1.0': 3})
            >>> done = dataset.tag("v1.0")
            Traceback (most recent call last):
                ...
            usr_core.store.changes.tag_errors.TagExists: The tag v1.0 of demo/promoters names version 3 already.
        """
        from usr_core.store.changes.tag import set_tag

        return set_tag(self._site(dry_run=dry_run), name, None if at is None else self.at(at).version)

    def remove_tag(self, name: str, *, dry_run: bool = False) -> TagOutcome:
        """Take a tag away; the version stays.

        Raises:
            TagMissing: No version has this tag.

        Example:
            >>> done = dataset.tag("v1.0")
            >>> dataset.remove_tag("v1.0").version, dataset.tags()
            (3, {})
        """
        from usr_core.store.changes.tag import remove_tag

        return remove_tag(self._site(dry_run=dry_run), name)

    def adopt(self, *, dry_run: bool = False) -> Mapping[str, Any] | None:
        """Accept the files as they are found: begin a new log if the old one is lost, or accept changes made by hand.

        Returns:
            The ``adopt`` event, or None where the log tells exactly these files already. With `dry_run` there is none,
            and what is returned is its action and metrics.

        Example:
            >>> dataset.adopt() is None
            True
            >>> dataset.layout.event_log.unlink()
            >>> dataset.adopt()["action"]
            'adopt'
        """
        from usr_core.store.checks.doctor.adoption import adopt_files

        return adopt_files(self._site(dry_run=dry_run))

    def clean(self, *, older_than_seconds: float, dry_run: bool = False) -> list[Removed]:
        """Remove what transfers have put aside and what interrupted writers left; no file of the dataset itself.

        Args:
            older_than_seconds: How old what pulls and pushes have put aside has to be.
            dry_run: Remove nothing, and return what would be removed.

        Returns:
            What was removed, each with its size in bytes.

        Example:
            >>> dataset.clean(older_than_seconds=7 * 86400)
            []
        """
        from usr_core.store.checks.doctor.cleaning import clean_dataset

        return clean_dataset(self._site(dry_run=dry_run), older_than_seconds=older_than_seconds)

    def compact_overlay(
        self, namespace: str, *, drop: bool = False, dry_run: bool = False, progress: Progress | None = None
    ) -> CompactOutcome:
        """Merge all parts of a namespace into one; what a reader sees stays the same. Needs a `maintenance` block.

        Args:
            namespace: A registered namespace.
            drop: Remove the old files; else they go to ``_derived/_archived/<namespace>/<stamp>/``.
            dry_run: Count, and change nothing.
            progress: Called with the number of rows just written.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            NoSuchOverlay, NamespaceNotRegistered, NamespaceReservedHere: `namespace` can't be compacted.
            OverlayKeysUnresolved, OverlayKeyFault: The keys of a part do not tell ids.

        Example:
            >>> dataset.attach("scores.csv", "lab", key="id").rows_attached
            1
            >>> with dataset.maintenance("two parts are one too many"):
            ...     done = dataset.compact_overlay("lab")
            >>> done.parts, done.rows_before, done.rows
            (2, 4, 3)
        """
        from usr_core.store.changes.compact import CompactOptions, compact_overlay

        site = self._maintenance_site("compact_overlay", dry_run=dry_run)
        options = CompactOptions(namespace=namespace, drop=drop)
        return compact_overlay(site, options, progress=progress)

    def remove_overlay(self, namespace: str, *, mode: str, dry_run: bool = False) -> RemoveOutcome:
        """Take away all values of a namespace. Needs a `maintenance` block.

        Args:
            namespace: A namespace with an overlay here; it need not be registered any more.
            mode: ``archive`` moves the files to ``_derived/_archived/<namespace>/<stamp>/``, ``delete`` removes them.
            dry_run: Count, and change nothing.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            NoSuchOverlay, NamespaceReservedHere, UnknownChoice: The overlay can't be removed that way.

        Example:
            >>> dataset.remove_overlay("lab", mode="archive", dry_run=True).rows
            3
            >>> with dataset.maintenance("the scores were wrong"):
            ...     done = dataset.remove_overlay("lab", mode="archive")
            >>> done.parts, [column.name for column in dataset.columns() if column.name.startswith("lab__")]
            (1, [])
        """
        from usr_core.store.changes.remove import RemoveOptions, remove_overlay

        site = self._maintenance_site("remove_overlay", dry_run=dry_run)
        return remove_overlay(site, RemoveOptions(namespace=namespace, mode=mode))

    def clear_overlay(
        self,
        namespace: str,
        columns: Sequence[str],
        *,
        ids: Sequence[str] | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ClearOutcome:
        """Unset values, attached ones as well as materialized ones. Needs a `maintenance` block.

        The files that held attached ones are archived; a base that is rewritten for it is kept as a snapshot.

        Args:
            namespace: A registered namespace.
            columns: Its columns, with or without prefix.
            ids: The records whose values are unset; None is all.
            dry_run: Count, and change nothing.
            progress: Called with the number of rows just done.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            IdsUnknown, ColumnNotRegistered, NoSuchOverlay, NamespaceReservedHere: An id, column or overlay to clear
                does not exist, or is reserved.

        Example:
            >>> with dataset.maintenance("the sigma factor was wrong"):
            ...     done = dataset.clear_overlay("lab", ["sigma"], ids=ids[:1])
            >>> done.columns, done.cells
            (('lab__sigma',), 1)
            >>> dataset.cell(0, "lab__sigma").as_py() is None
            True
        """
        from usr_core.store.changes.clear import ClearOptions, clear_overlay

        site = self._maintenance_site("clear_overlay", dry_run=dry_run)
        options = ClearOptions(
            namespace=namespace,
            columns=names_given(columns),
            ids=names_given(ids),
        )
        return clear_overlay(site, options, progress=progress)

    def dedupe(
        self, *, key: str, keep: str = "keep-first", dry_run: bool = False, progress: Progress | None = None
    ) -> DedupeOutcome:
        """Remove all but one of the records that share a key. Needs a `maintenance` block.

        Args:
            key: ``id``, ``sequence``, ``sequence_norm`` or ``sequence_ci``.
            keep: ``keep-first`` or ``keep-last``, in the base's order; a live record stays before a deleted one.
            dry_run: Count, and change nothing.
            progress: Called with the number of rows just written.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            UnknownChoice, KeyNeedsOneBioType, KeyNeedsDna4: The key does not exist, or does not suit the dataset.

        Example:
            >>> dataset.add_sequences([{"sequence": "gattacagattacagattac"}]).case_variants
            1
            >>> with dataset.maintenance("one record a sequence"):
            ...     done = dataset.dedupe(key="sequence_ci", keep="keep-first")
            >>> done.groups, done.rows_before, done.rows_after
            (1, 4, 3)
        """
        from usr_core.store.changes.dedupe import DedupeOptions, dedupe

        site = self._maintenance_site("dedupe", dry_run=dry_run)
        return dedupe(site, DedupeOptions(key=key, keep=keep), progress=progress)

    def drop_rows(
        self,
        choose: Callable[[MergedView], ChosenRows],
        *,
        action: str,
        args: Mapping[str, object] | None = None,
        snapshot_before: bool = True,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> DropOutcome:
        """Remove the rows that a function of the merged view chooses. Needs a `maintenance` block.

        For a tool that knows which of its rows are bad. Overlay values of records that go stay on disk, as `dedupe`
        leaves them.

        Args:
            choose: Returns the numbers of the rows that go; called under the lock, with the state that is changed.
            action: The event's action, ``<tool>_<word>``.
            args: What was asked, for the event.
            snapshot_before: Keep the base as it was under `_snapshots/`.
            dry_run: Choose, and change nothing.
            progress: Called with the number of rows just written.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            ToolActionInvalid: `action` is not an action of a tool.
            EventNotRecordable: `args`, or the metrics of what was chosen, are not JSON values.
            ValueError: The chosen rows are not rows of the base.

        Example:
            >>> import numpy as np
            >>> from usr_core.api.results import ChosenRows
            >>> def low_gc(view):
            ...     gc = [value for batch in view.batches(["lab__gc"]) for value in batch["lab__gc"].to_pylist()]
            ...     return ChosenRows(rows=np.flatnonzero(np.array(gc) < 0.35), metrics={"lab": {"below": 0.35}})
            >>> with dataset.maintenance("low GC does not bind"):
            ...     done = dataset.drop_rows(low_gc, action="lab_drop_low_gc")
            >>> done.rows_before, done.rows_after
            (3, 2)
        """
        from usr_core.store.changes.row_drop import DropOptions, drop_rows

        site = self._maintenance_site("drop_rows", dry_run=dry_run)
        options = DropOptions(choose=choose, action=action, args=args or {}, snapshot_before=snapshot_before)
        return drop_rows(site, options, progress=progress)

    def merge(
        self,
        source: DatasetSite | str | Path,
        *,
        require_same_columns: bool = False,
        if_duplicate: str = "skip",
        coerce_overlap: str = "to-dest",
        avoid_casefold_dups: bool = True,
        carry_namespaces: Sequence[str] = (),
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> MergeOutcome:
        """Add the records of another dataset to this one. Needs a `maintenance` block.

        Args:
            source: A dataset, an id in this root, or the folder of a dataset anywhere.
            require_same_columns: Refuse bases with different columns; else missing values are null.
            if_duplicate: ``error``, ``skip``, ``prefer-src`` or ``prefer-dest``, for records that are here already;
                what counts are the values that readers of the two see.
            coerce_overlap: ``to-dest`` casts values of another type exactly, text to numbers and back among them;
                ``none`` refuses them.
            avoid_casefold_dups: Leave out records that differ from one here only in the case of letters.
            carry_namespaces: Namespaces whose overlay values come along.
            dry_run: Check and count, and change nothing.
            progress: Called with the number of rows just written.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            UsrError: The datasets can't be merged that way (see `merge_datasets` in
                `usr_core.store.changes.merge_datasets.merge`).

        Example:
            >>> from usr_core import Dataset
            >>> motifs = Dataset.open(root, "demo/motifs").init()
            >>> motifs.add_sequences([{"sequence": "TATAAT"}, {"sequence": "GATTACAGATTACAGATTAC"}]).added
            2
            >>> with dataset.maintenance("one dataset for all"):
            ...     done = dataset.merge("demo/motifs")
            >>> done.rows_added, done.duplicates, done.rows_after
            (1, 1, 4)
        """
        from usr_core.roots.locate import locate_dataset
        from usr_core.store.changes.merge_datasets.merge import merge_datasets
        from usr_core.store.changes.merge_datasets.outcome import MergeOptions

        site = self._maintenance_site("merge", dry_run=dry_run)
        ref = source.ref if isinstance(source, DatasetSite) else locate_dataset(str(source), root=self.ref.root)
        return merge_datasets(
            site,
            ref,
            MergeOptions(
                same_columns=require_same_columns,
                if_duplicate=if_duplicate,
                coerce_overlap=coerce_overlap,
                avoid_case_variants=avoid_casefold_dups,
                carried=names_given(carry_namespaces),
            ),
            progress=progress,
        )

    def _maintenance_site(self, verb: str, *, dry_run: bool) -> Site:
        """Return where the change happens; a dry run needs no maintenance block.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            DatasetArchived: The dataset lies under ``_archive/``, where it can only be read.
        """
        from usr_core.store.mutation import refuse_archived, refuse_unchangeable

        if not dry_run:
            self._require_maintenance(verb)
            refuse_archived(self.ref)
            return self._site()
        site = self._site(dry_run=True)
        refuse_unchangeable(site)
        return site

    # ------------------------------------------------------------- the archive, and copies elsewhere

    def archive(self, *, dry_run: bool = False) -> Path:
        """Move the dataset to ``<root>/_archive/`` and return its folder there; this object goes with it.

        With `dry_run` it stays where it is, and the folder that it would go to is returned.

        Raises:
            DatasetArchived: The dataset lies under ``_archive/`` already.
            ArchiveRefused: Something is in the way; nothing was changed.
            ArchiveUnfinished: The folder could not be moved; nothing was changed.

        Example:
            >>> dataset.archive().relative_to(root).as_posix()
            '_archive/demo/promoters'
            >>> dataset.name
            '_archive/demo/promoters'
            >>> dataset.add_sequences([{"sequence": "TATAAT"}])
            Traceback (most recent call last):
                ...
            usr_core.store.errors.DatasetArchived: 'demo/promoters' is archived: it can be read by its path, but ...
        """
        from usr_core.store.changes.archive import archive_dataset

        return archive_dataset(self._site(dry_run=dry_run), moved=self._follow).ref.path

    def unarchive(self, *, dry_run: bool = False) -> Path:
        """Move the dataset back from ``_archive/`` and return its folder; this object goes with it.

        With `dry_run` it stays where it is.

        Raises:
            DatasetNotArchived: The dataset does not lie under ``_archive/``.
            DatasetExists, NestedDataset: Another dataset has its place by now.
            ArchiveRefused, ArchiveUnfinished: As `archive`.

        Example:
            >>> dataset.archive() == root / "_archive" / "demo" / "promoters"
            True
            >>> dataset.unarchive() == root / "demo" / "promoters"
            True
        """
        from usr_core.store.changes.archive import unarchive_dataset

        return unarchive_dataset(self._site(dry_run=dry_run), moved=self._follow).ref.path

    def _follow(self, ref: DatasetRef) -> None:
        self.ref = ref

    def diff(self, remote: str, **asked: Unpack[SyncAsked]) -> dict[str, Any]:
        """Compare with a remote's copy and return the audit (docs/reference/json.md); nothing changes anywhere.

        Args:
            remote: A remote of the remotes file.
            asked: ``options`` says how to compare (`usr_core.sync.SyncOptions`), ``remotes_file`` is by default
                ``USR_REMOTES_PATH``; ``confirm``, ``warn`` (by default the log) and ``progress`` as for
                `usr_core.sync.sync`.

        Raises:
            RemoteUnknown: The remotes file has no such remote.
            SyncError, TransportError: See `usr_core.sync.sync`.

        Example:
            >>> dataset.push("lab-server")["transfer_state"]
            'TRANSFERRED'
            >>> dataset.record_event("densegen_health")["seq"]
            4
            >>> audit = dataset.diff("lab-server")
            >>> audit["changed"], audit[".events.log"]["relation"]
            (True, 'ahead')
        """
        return self._synced("diff", remote, asked)

    def pull(self, remote: str, **asked: Unpack[SyncAsked]) -> dict[str, Any]:
        """Bring this copy up to a remote's and return the audit; a dataset that is not here yet is made.

        Takes the lock on both sides for moments only. Arguments as `diff`.

        Raises:
            HistoryAhead, HistoriesDiverged, CopiesDamaged: The copies can't be brought together; nothing changed.
            SyncError, TransportError, LockTimeout, FileSystemError: Nothing changed.

        Example:
            >>> dataset.push("lab-server")["transfer_state"]
            'TRANSFERRED'
            >>> dataset.pull("lab-server")["transfer_state"]
            'NO-OP'
            >>> dataset.pull("other-server")
            Traceback (most recent call last):
                ...
            usr_core.remotes.errors.RemoteUnknown: There is no remote 'other-server'.
        """
        return self._synced("pull", remote, asked)

    def push(self, remote: str, **asked: Unpack[SyncAsked]) -> dict[str, Any]:
        """Bring a remote's copy up to this one and return the audit. Arguments and errors as `pull`.

        Example:
            >>> from usr_core.api.sync import SyncOptions
            >>> dataset.push("lab-server", options=SyncOptions(dry_run=True))["transfer_state"]
            'DRY-RUN'
            >>> audit = dataset.push("lab-server")
            >>> audit["transfer_state"], audit["plan"]["events"], audit["verify"]["used"]
            ('TRANSFERRED', 3, 'hash')
        """
        return self._synced("push", remote, asked)

    def _synced(self, action: Action, remote: str, asked: SyncAsked) -> dict[str, Any]:
        import logging

        from usr_core.sync.run import sync

        self._refuse_past(f"a {action}")
        told: SyncAsked = {"warn": logging.getLogger("usr").warning, **asked}
        return sync(action, self.ref, remote, host=self.host, lock_timeout=self.lock_timeout, **told)
