"""The first rows of a Parquet file that is no dataset, as the file has them."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from usr_core.fs.errors import file_system_error
from usr_core.store.import_errors import NotAFile, RepeatedColumn, SourceMissing, SourceUnreadable
from usr_core.store.overlay_errors import UnknownColumn
from usr_core.store.view_files import OpenParquet

__all__ = ["head_of_file"]


def head_of_file(path: Path, n: int, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the first `n` rows in the file's order; no more row groups are read than hold them.

    Args:
        path: A Parquet file.
        n: Rows; fewer come where the file has fewer.
        columns: Names in the order wanted, or None for all in the file's order.

    Raises:
        SourceMissing, NotAFile: There is no such file, or it is something else.
        SourceUnreadable: It is no whole Parquet file.
        RepeatedColumn: Two of its columns share a name.
        UnknownColumn: It has no such column.
        FileSystemError: It can't be opened.
    """
    _check_file(path)
    try:
        source = OpenParquet.open(path)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise file_system_error(error, path, "read the file") from error
        raise _unreadable(path, error) from error
    try:
        names = source.schema.names
        for name in names:
            if names.count(name) > 1:
                raise RepeatedColumn(path, name)
        wanted = list(dict.fromkeys(columns)) if columns is not None else names
        for name in wanted:
            if name not in names:
                raise UnknownColumn(name, known=names)
        return _first_rows(source, n, wanted)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    finally:
        source.close()


def _first_rows(source: OpenParquet, n: int, columns: list[str]) -> pa.Table:
    schema = pa.schema([source.schema.field(name) for name in columns])
    held, left = [], min(n, source.rows)
    if left:
        for batch in source.file.iter_batches(batch_size=left, columns=columns):
            held.append(batch.select(columns).slice(0, left))
            left -= held[-1].num_rows
            if not left:
                break
    return pa.Table.from_batches(held, schema)


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(path) from error
    except OSError as error:
        raise file_system_error(error, path, "read the file") from error
    if not stat.S_ISREG(mode):
        raise NotAFile(path, kind="a folder" if stat.S_ISDIR(mode) else "no regular file")


def _unreadable(path: Path, error: Exception) -> SourceUnreadable:
    reason = (str(error).splitlines() or ["no reason given"])[0]
    return SourceUnreadable(
        path, f"It can't be read as Parquet: {reason}", hint="Give a Parquet file; copy it again if it is cut off."
    )
