"""Reading a dataset: views, exports, validation, events. Nothing here changes a file of the dataset."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usr_core.dataset.site import DatasetSite, Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.events.log import LogLine
    from usr_core.store.export import ExportOutcome
    from usr_core.store.overview import ColumnOverview, Overview
    from usr_core.store.validate import RegistryMode, ValidationReport
    from usr_core.store.view import MergedView

__all__ = ["Reading"]


class Reading(DatasetSite):
    """`view`, `head`, `scan`, `to_arrow`, `overview`, `columns`, `base_rows`, `export`, `validate`, `events`."""

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

    def columns(self) -> tuple[ColumnOverview, ...]:
        """Return the columns of the merged view with type and origin, as ``usr schema`` shows them."""
        from usr_core.store.overview import read_columns

        return read_columns(self.ref)

    def base_rows(self) -> int:
        """Return the rows of the base, deleted ones included, from its footer."""
        from usr_core.store.base_facts import read_base_facts

        return read_base_facts(self.layout.records).rows

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
