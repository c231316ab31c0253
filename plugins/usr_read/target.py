"""What a reading command's target is: a dataset, or a Parquet file that is shown as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.cli.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.cli.session import Session

__all__ = ["head_of"]


def head_of(
    session: Session,
    target: str | None,
    n: int,
    *,
    columns: Sequence[str] | None,
    include_deleted: bool,
    namespaces: Sequence[str] | None,
) -> pa.Table:
    """Return the first `n` records of a dataset, or rows of a Parquet file.

    Raises:
        UsageError: Overlays or deleted records were asked for of a file, which has neither.
        UsrError: There is no such target, or no such column.
    """
    file = _parquet_file(target)
    if file is None:
        return session.dataset(target).head_arrow(
            n, columns=columns, include_deleted=include_deleted, namespaces=namespaces
        )
    if include_deleted or namespaces is not None:
        raise UsageError(
            "A file has no overlays and no deleted records.",
            hint="Leave --namespaces and --include-deleted out, or name the dataset.",
            facts={"file": file},
        )
    from usr_core.store.file_head import head_of_file

    return head_of_file(file, n, columns)


def _parquet_file(target: str | None) -> Path | None:
    if target is None or "\0" in target:
        return None
    path = Path(target).expanduser()
    return path if path.is_file() or (target.endswith(".parquet") and not path.is_dir()) else None
