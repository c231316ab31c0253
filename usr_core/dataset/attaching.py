"""Attaching columns: from files, and from memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usr_core.dataset.site import Progress
from usr_core.dataset.viewing import Viewing
from usr_core.events.actor import Actor
from usr_core.roots.locate import refuse_archived_path

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.plugin.specs import OverlayWriterSpec
    from usr_core.store.changes.attach.attachment import AttachOutcome, AttachSource

__all__ = ["Attaching"]


class Attaching(Viewing):
    """`attach`, `write_overlay`, `write_overlay_part`."""

    def attach(
        self,
        path: str | Path,
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
        writer_options: Mapping[str, str] | None = None,
        importer: str | None = None,
        note: str | None = None,
        progress: Progress | None = None,
    ) -> AttachOutcome:
        """Attach columns of a file as a new overlay part.

        Args:
            path: A file of any format that an importer reads, or a tool's output for `writer`.
            namespace: A registered namespace; with a writer, by default the writer's.
            key: ``id``, ``sequence``, ``sequence_norm`` or ``sequence_ci``; with a writer, by default the writer's,
                or the one of ``id`` and ``sequence`` that its rows have.
            key_col: The file's column that holds the key; by default the key's name.
            columns: Columns to attach, with or without prefix; by default all that the namespace registers.
            allow_overwrite: Let new values win over those that are there; without it a value is refused where its
                record has one in that column already. A null is not a value, and changes nothing.
            allow_missing: Leave out and count rows that match no record.
            parse_json: Read text in nested columns as JSON.
            backend: ``pyarrow``, or ``duckdb`` for Parquet files larger than memory.
            writer: Name of an overlay writer that turns a tool's output into rows.
            writer_options: What the writer is to know besides, of the options that it takes.
            importer: Name of an importer; by default the one for the file's suffix.
            note: A line for `meta.md`.
            progress: Called with the number of rows just read.

        Raises:
            AttachRequestInvalid: Neither a namespace nor a writer is given, both a writer and an importer are, or the
                writer takes no such option.
            ValuesExist: Values are there already, and `allow_overwrite` is not set.
        """
        from usr_core.store.changes.attach.attachment import AttachOptions, attach
        from usr_core.store.changes.attach.writer_source import attach_namespace, checked_options, key_among

        file = Path(path)
        refuse_archived_path(file)
        spec = None if writer is None else self.host.overlay_writer_spec(writer)
        options = checked_options(spec, writer_options or {}, importer=importer)
        namespace = attach_namespace(spec, namespace)
        if spec is None:
            source = self._file_source(file, parse_json=parse_json, importer=importer)
        else:
            source = self._writer_source(file, spec, namespace, columns=columns, options=options)
        key = key_among(spec, key, source.columns)
        if backend == "duckdb" and not file.name.endswith(".parquet"):
            from usr_core.store.changes.attach.errors import AttachBackendError

            raise AttachBackendError(backend, f"{file.name} is not a Parquet file")
        return attach(
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
                    **({} if spec is None else {"writer": spec.name, "writer_options": options}),
                },
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
        actor: Actor | None = None,
        action: str = "write_overlay_part",
    ) -> AttachOutcome:
        """Add a part from memory: anything with ``__arrow_c_stream__`` (Arrow, pandas, Polars, DuckDB) or a reader.

        New values win over those that are there, unless `allow_overwrite` is false: then a value is refused where
        its record has one in that column already, and nothing is written.

        Raises:
            ValuesExist: Values are there already, and `allow_overwrite` is false.
        """
        from usr_core.store.changes.attach.attachment import AttachOptions, attach
        from usr_core.store.changes.attach.table_source import table_source

        site = replace(self._site(), actor=actor or self.actor)
        return attach(
            site,
            table_source(content, label=namespace),
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
        """Add a part from memory, as `write_overlay_part` does; the event's action is ``write_overlay``."""
        return self.write_overlay_part(namespace, content, key=key, action="write_overlay", **options)

    def _file_source(self, path: Path, *, parse_json: bool, importer: str | None) -> AttachSource:
        from usr_core.plugin.specs import ImportRequest
        from usr_core.store.changes.attach.attachment import AttachSource

        _, reader = self._importer(importer, path)
        return AttachSource(
            label=path.name,
            columns=lambda: reader.columns(ImportRequest(path=path)),
            batches=lambda wanted, types: reader.read(
                ImportRequest(path=path, columns=tuple(wanted), types=types, parse_json=parse_json)
            ),
        )

    def _writer_source(
        self,
        path: Path,
        spec: OverlayWriterSpec,
        namespace: str,
        *,
        columns: Sequence[str] | None,
        options: Mapping[str, str],
    ) -> AttachSource:
        from usr_core.plugin.specs import OverlayRequest
        from usr_core.registry.store import read_registry
        from usr_core.store.changes.attach.table_source import batch_source

        self._require_records()
        request = OverlayRequest(
            path=path,
            namespace=namespace,
            columns=None if columns is None else tuple(columns),
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
