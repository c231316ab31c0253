"""Reading a dataset whole: frames and streams, exports, validation, events. Nothing here changes a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from usr_core.dataset.querying import Querying
from usr_core.dataset.site import Progress

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from usr_core.events.chain import ChainFault
    from usr_core.events.log import LogLine
    from usr_core.store.checks.validate import RegistryMode, ValidationReport
    from usr_core.store.questions.export import ExportOutcome
    from usr_core.store.questions.overview import ColumnOverview, Overview
    from usr_core.store.questions.row_filter import Where
    from usr_core.store.questions.scan import Scan

__all__ = ["Reading"]


class Reading(Querying):
    """`head`, `scan`, `to_arrow`, `to_pandas`, `to_polars`, `overview`, `export`, `validate`, `events` and others."""

    def head(self, n: int = 10, *, columns: Sequence[str] | None = None, include_deleted: bool = False) -> pd.DataFrame:
        """Return the first `n` records of the merged view as a pandas DataFrame; `head_arrow` needs no pandas.

        Raises:
            PackageMissing: pandas is not installed.
        """
        from usr_core.store.questions.frames import pandas_frame, require_pandas

        require_pandas(instead="head_arrow()")
        return pandas_frame(self.head_arrow(n, columns=columns, include_deleted=include_deleted))

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

    def scan(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        include_deleted: bool = False,
    ) -> pa.RecordBatchReader:
        """Return the merged view as a stream of batches, in the base's row order.

        Its files are closed when it is exhausted, closed (it is a context manager), or dropped. An error while
        it reads, such as a damaged page, is Arrow's, with the message of ours; `to_arrow` raises ours.

        Args:
            columns: Names in the order wanted, or None for all.
            where: Conditions such as ``[("length", ">", 20), ("mock__tag", "in", ["a", "b"])]``, all of which
                a row must meet, or a list of such lists, one of which it must meet; see
                `usr_core.store.questions.row_filter`. Columns that only it names are read and not returned.
            include_deleted: Keep deleted rows, and show the tombstone columns.

        Raises:
            UnknownColumn: A name is not a column of the view.
            FilterInvalid, PatternInvalid: `where` can't be used.
        """
        import pyarrow as pa

        # By way of Arrow's C interface, whose streams can be closed; a reader over Python's batches can't.
        return pa.RecordBatchReader.from_stream(self._scan(columns, where, include_deleted).reader())

    def to_arrow(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        include_deleted: bool = False,
    ) -> pa.Table:
        """Return the merged view as one Arrow table, in memory; arguments as for `scan`."""
        return self._scan(columns, where, include_deleted).reader().read_all()

    def to_pandas(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        include_deleted: bool = False,
    ) -> pd.DataFrame:
        """Return the merged view as a pandas DataFrame; arguments as for `scan`.

        Integers and booleans keep every value: columns that may hold a null have pandas' nullable types.

        Raises:
            PackageMissing: pandas is not installed.
        """
        from usr_core.store.questions.frames import pandas_frame, require_pandas

        require_pandas()
        return pandas_frame(self.to_arrow(columns=columns, where=where, include_deleted=include_deleted))

    def to_polars(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        include_deleted: bool = False,
    ) -> pl.DataFrame:
        """Return the merged view as a Polars DataFrame; arguments as for `scan`.

        Raises:
            PackageMissing: Polars is not installed.
        """
        from usr_core.store.questions.frames import polars_frame

        return polars_frame(self.to_arrow(columns=columns, where=where, include_deleted=include_deleted))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Offer the merged view to whatever speaks Arrow's PyCapsule interface: pandas, Polars, DuckDB, Arrow."""
        return self._scan(None, None, False).reader().__arrow_c_stream__(requested_schema)

    def _scan(self, columns: Sequence[str] | None, where: Where | None, include_deleted: bool) -> Scan:
        from usr_core.store.questions.scan import Scan

        return Scan(self._open_view(), columns, where=where, include_deleted=include_deleted)

    def overview(self) -> Overview:
        """Return rows, columns, namespaces and advice, as ``usr info`` shows them."""
        from usr_core.store.questions.overview import read_overview

        self._require_records()
        return read_overview(self.ref)

    def columns(self) -> tuple[ColumnOverview, ...]:
        """Return the columns of the merged view with type and origin, as ``usr schema`` shows them."""
        from usr_core.store.questions.overview import read_columns

        self._require_records()
        return read_columns(self.ref)

    def base_rows(self) -> int:
        """Return the rows of the base, deleted ones included, from its footer."""
        from usr_core.store.base.facts import read_base_facts

        return read_base_facts(self.layout.records).rows

    def export(
        self,
        out: str | Path | BinaryIO,
        *,
        fmt: str,
        columns: Sequence[str] | None = None,
        include_deleted: bool = False,
        namespaces: Sequence[str] | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> ExportOutcome:
        """Write the merged view to a file, into a folder under a name of its own, or to a binary stream.

        A file appears whole or not at all, and one ending in ``.gz`` or ``.zst`` is compressed. Changes nothing here.

        Raises:
            TargetExists: The file is there, and `overwrite` is not set.
            TargetInDataset, TargetNotAFile, TargetFolderMissing, TargetUnsuitable: It can't be written there, or not
                in that form.
            PluginCallError: The exporter failed, or did not write what it was given.
        """
        from usr_core.store.questions.export import export_batches
        from usr_core.store.questions.export_target import export_target

        spec = self.host.exporter_spec(fmt)
        exporter = self.host.exporter(fmt)
        target = export_target(out, name=self.name, suffix=spec.suffix) if isinstance(out, (str, Path)) else out
        with self.view(namespaces=namespaces) as view:
            return export_batches(
                exporter,
                target,
                spec=spec,
                schema=view.schema(columns, include_deleted=include_deleted),
                batches=view.batches(columns, include_deleted=include_deleted, progress=progress),
                overwrite=overwrite,
            )

    def validate(
        self, *, strict: bool = False, registry_mode: RegistryMode = "either", progress: Progress | None = None
    ) -> ValidationReport:
        """Check everything that the format promises, streaming; changes nothing."""
        from usr_core.store.checks.validate import validate_dataset

        return validate_dataset(
            self.ref, strict=strict, registry_mode=registry_mode, checks=self.host.checks(), progress=progress
        )

    def events(self, *, n: int = 0, since: int | None = None) -> Iterator[LogLine]:
        """Yield the last `n` events (0 is all), those after number `since` only, in the log's order."""
        from usr_core.events.tail import tail_events

        return tail_events(self.layout.event_log, n=n, since=since)

    def verify_events(self) -> list[ChainFault]:
        """Return what is wrong with the log: its chain, lines that are not events, or that it has no event."""
        from usr_core.events.chain import verify_log

        return verify_log(self.layout.event_log)
