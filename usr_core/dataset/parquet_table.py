"""`ParquetTable`: one Parquet file, read as it is, with the verbs that it shares with a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from usr_core.dataset.previewed import Previewed, first_columns
from usr_core.dataset.site import Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.dataset.compared import Comparable
    from usr_core.plugin.host import PluginHost
    from usr_core.store.questions.compare.outcome import Comparison
    from usr_core.store.questions.compare.sides import Side
    from usr_core.store.questions.export import ExportOutcome
    from usr_core.store.questions.overview import ColumnOverview
    from usr_core.store.questions.parquet_target import ParquetTarget
    from usr_core.store.questions.row_filter import Where

__all__ = ["ParquetTable"]


class ParquetTable(Previewed):
    """A Parquet file: no overlays, no deleted records, its own types; `Readable`, as a dataset is.

    Args:
        path: The file; it is opened by each verb.
        host: The plugin host to take exporters from; by default one of its own.

    Example:
        >>> from usr_core.api.results import ParquetTable
        >>> table = ParquetTable(dataset.layout.records)
        >>> table.base_rows(), [column.name for column in table.columns()][:3], table.cell(1, "length").as_py()
        (3, ['id', 'bio_type', 'sequence'], 20)
        >>> table.head_arrow(1, columns=["sequence"]).to_pylist()
        [{'sequence': 'TTGACAGGCTAACTGGATAT'}]
        >>> table.export("records.csv", fmt="csv", columns=["sequence"]).rows
        3
    """

    def __init__(self, path: str | Path, *, host: PluginHost | None = None) -> None:
        self.path = Path(path)
        self._given_host = host

    def _title(self) -> str:
        return f"ParquetTable({str(self.path)!r})"

    def _preview(self) -> tuple[str, pa.Table]:
        from usr_core.errors import counted
        from usr_core.values.preview import PREVIEW_ROWS

        with self._open() as opened:
            names = opened.schema().names
            size = f"{counted(opened.rows, 'row')}, {counted(len(names), 'column')}"
            return size, opened.head(PREVIEW_ROWS, first_columns(names))

    @property
    def name(self) -> str:
        """The file's name without ``.parquet``."""
        return self.path.stem

    @cached_property
    def host(self) -> PluginHost:
        """The plugin host.

        Example:
            >>> from usr_core.api.results import ParquetTable
            >>> "csv" in ParquetTable(dataset.layout.records).host.names_of("exporter")
            True
        """
        if self._given_host is not None:
            return self._given_host
        from usr_core.plugin.host import PluginHost

        return PluginHost()

    def _open(self) -> ParquetTarget:
        from usr_core.store.questions.parquet_target import ParquetTarget

        return ParquetTarget.open(self.path)

    def columns(self) -> tuple[ColumnOverview, ...]:
        """Return the file's columns with their types."""
        with self._open() as opened:
            return opened.columns()

    def base_rows(self) -> int:
        """Return the rows of the file, from its footer."""
        with self._open() as opened:
            return opened.rows

    def head_arrow(
        self,
        n: int | None = 10,
        *,
        columns: Sequence[str] | None = None,
        include_deleted: bool = False,
        namespaces: Sequence[str] | None = None,
        where: Where | None = None,
        sample: int | None = None,
        seed: int = 0,
        sort: str | None = None,
    ) -> pa.Table:
        """Return the first `n` rows, of those that meet `where`.

        Raises:
            UnknownColumn: The file has no such column.
            ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used.
            SourceFileError: The file can't be read.
        """
        with self._open() as opened:
            if n is not None and where is None and sample is None and sort is None:
                return opened.head(n, columns)
            import pyarrow as pa

            from usr_core.store.questions.choice import Choice, choose_rows

            schema = opened.schema(columns, plain=True)
            choice = Choice(sample=sample, seed=seed, sort=sort, limit=n)
            batches = partial(opened.batches, plain=True)
            return pa.Table.from_batches(choose_rows(batches, schema, opened.schema(plain=True), where, choice), schema)

    def cell(self, row: int, column: str) -> pa.Scalar:
        """Return one cell; rows are counted from 0. Errors as `Dataset.cell`."""
        with self._open() as opened:
            return opened.cell(row, column)

    def export(
        self,
        out: str | Path | BinaryIO,
        *,
        fmt: str | None = None,
        options: Mapping[str, object] | None = None,
        columns: Sequence[str] | None = None,
        include_deleted: bool = False,
        namespaces: Sequence[str] | None = None,
        where: Where | None = None,
        limit: int | None = None,
        sample: int | None = None,
        seed: int = 0,
        sort: str | None = None,
        overwrite: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ExportOutcome:
        """Write the file's rows to another file, into a folder under a name of its own, or to a binary stream.

        Raises:
            ColumnNotExportable: A column has a type that the format can't hold.
            UnknownColumn: The file has no such column.
            ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used.
            TargetExists, TargetUnsuitable, PluginCallError: As `Dataset.export`.
        """
        from usr_core.plugin.errors import PluginCallError
        from usr_core.store.questions.choice import Choice, choose_rows
        from usr_core.store.questions.errors import ColumnNotExportable
        from usr_core.store.questions.export import export_batches
        from usr_core.store.questions.export_target import chosen_format, export_target

        choice = Choice(sample=sample, seed=seed, sort=sort, limit=limit)
        fmt = chosen_format(self.host, fmt, out)
        spec = self.host.exporter_spec(fmt)
        exporter = self.host.exporter(fmt)
        target = export_target(out, name=self.name, suffix=spec.suffix) if isinstance(out, (str, Path)) else out
        with self._open() as opened:
            foreign = opened.unregistrable(columns)
            schema = opened.schema(columns, plain=True)
            batches = partial(opened.batches, plain=True, progress=progress)
            try:
                return export_batches(
                    exporter,
                    target,
                    spec=spec,
                    schema=schema,
                    batches=choose_rows(batches, schema, opened.schema(plain=True), where, choice),
                    overwrite=overwrite,
                    options=options,
                    dry_run=dry_run,
                )
            except PluginCallError as error:
                # Exporters promise the registry's types; those that know more may be given more.
                if foreign is None or not isinstance(error.__cause__, TypeError):
                    raise
                kind = str(foreign.type)
                raise ColumnNotExportable(file=str(self.path), column=foreign.name, kind=kind, fmt=fmt) from error

    def compare(
        self,
        other: Comparable | str | Path,
        *,
        columns: Sequence[str] | None = None,
        out: str | Path | BinaryIO | None = None,
        fmt: str | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Comparison:
        """Tell what differs in `other`; the file needs ids of records. Arguments and errors as `Dataset.compare`.

        Example:
            >>> from usr_core.api.results import ParquetTable
            >>> done = dataset.delete(ids[:1])
            >>> found = ParquetTable(dataset.layout.records).compare(dataset)
            >>> found.gone, found.common
            (1, 2)
        """
        from usr_core.dataset.compared import compare

        new = ParquetTable(other) if isinstance(other, (str, Path)) else other
        return compare(self, new, columns=columns, out=out, fmt=fmt, overwrite=overwrite, progress=progress)

    @contextmanager
    def _side(self) -> Iterator[Side]:
        from usr_core.store.questions.compare.sides import FileSide

        with self._open() as opened:
            yield FileSide(str(self.path), opened)
