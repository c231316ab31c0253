"""`Readable`: what a command that reads asks of its target, whether that is a dataset or a Parquet file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from usr_core.dataset.site import Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.store.questions.export import ExportOutcome
    from usr_core.store.questions.overview import ColumnOverview
    from usr_core.store.questions.row_filter import Where

__all__ = ["Readable"]


class Readable(Protocol):
    """Rows and columns that can be read: `Dataset`, or `ParquetTable` for a file as it is.

    ``include_deleted`` and ``namespaces`` are about what a file does not have; there they change nothing.

    Example:
        >>> from usr_core.api.results import ParquetTable, Readable
        >>> def first_sequence(readable: Readable) -> str:
        ...     return readable.cell(0, "sequence").as_py()
        >>> first_sequence(dataset), first_sequence(ParquetTable(dataset.layout.records))
        ('TTGACAGGCTAACTGGATAT', 'TTGACAGGCTAACTGGATAT')
    """

    @property
    def name(self) -> str:
        """What an export into a folder is called."""
        ...

    def base_rows(self) -> int:
        """Return how many rows there are, deleted ones included."""
        ...

    def columns(self) -> tuple[ColumnOverview, ...]:
        """Return the columns with their types and where they come from."""
        ...

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
        """Return the first `n` rows, of those that are chosen."""
        ...

    def cell(self, row: int, column: str) -> pa.Scalar:
        """Return one cell; rows are counted from 0."""
        ...

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
        """Write the rows to a file, into a folder, or to a binary stream."""
        ...
