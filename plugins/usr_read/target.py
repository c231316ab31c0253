"""What `head` and `export` read: a dataset, or a Parquet file that is taken as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from usr_core.api.commands import UsageError, open_target
from usr_core.api.results import ParquetTable

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.api import Dataset
    from usr_core.api.commands import Session
    from usr_core.api.results import ExportOutcome

__all__ = ["export_of", "head_of", "opened"]


def opened(
    session: Session, text: str | None, *, glob: str | None, include_deleted: bool, namespaces: Sequence[str] | None
) -> Dataset | ParquetTable:
    """Return the dataset or Parquet file that `text` means, see `usr_core.api.commands.open_target`.

    Raises:
        UsageError: Overlays or deleted records were asked for of a file, which has neither.
        UsrError: There is no such target.
    """
    found = open_target(session, text, glob=glob)
    if isinstance(found, ParquetTable) and (include_deleted or namespaces is not None):
        raise UsageError(
            "A file has no overlays and no deleted records.",
            hint="Leave --namespaces and --include-deleted out, or name the dataset.",
            facts={"file": found.path},
        )
    return found


def head_of(
    source: Dataset | ParquetTable,
    n: int,
    *,
    columns: Sequence[str] | None,
    include_deleted: bool,
    namespaces: Sequence[str] | None,
) -> pa.Table:
    """Return the first `n` records of a dataset, or rows of a file."""
    if isinstance(source, ParquetTable):
        return source.head_arrow(n, columns=columns)
    return source.head_arrow(n, columns=columns, include_deleted=include_deleted, namespaces=namespaces)


def export_of(
    source: Dataset | ParquetTable,
    out: str | BinaryIO,
    *,
    fmt: str,
    columns: Sequence[str] | None,
    include_deleted: bool,
    namespaces: Sequence[str] | None,
    overwrite: bool,
    progress: Callable[[int], None],
) -> ExportOutcome:
    """Write the records of a dataset, or the rows of a file, to `out`, a file, a folder or a stream of bytes."""
    if isinstance(source, ParquetTable):
        return source.export(out, fmt=fmt, columns=columns, overwrite=overwrite, progress=progress)
    return source.export(
        out,
        fmt=fmt,
        columns=columns,
        include_deleted=include_deleted,
        namespaces=namespaces,
        overwrite=overwrite,
        progress=progress,
    )
