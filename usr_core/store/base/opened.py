"""The base of a dataset, opened for reading."""

from __future__ import annotations

import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.fs.errors import file_system_error
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import BaseMissing, BaseUnreadable

__all__ = ["open_base"]


def open_base(tree: FileTree) -> OpenParquet:
    """Open the base of a dataset; its footer is read.

    Raises:
        BaseMissing: The dataset has no base.
        BaseUnreadable: The base is not a whole Parquet file, or has no column ``id``.
        FileSystemError: The base can't be opened.
    """
    path = tree.path(RECORDS)
    if path is None:
        raise BaseMissing(file=RECORDS)
    try:
        base = OpenParquet.open(path, rows=tree.base_rows)
    except FileNotFoundError as error:
        raise BaseMissing(file=RECORDS) from error
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a name in the footer that is not UTF-8
        if isinstance(error, OSError) and error.errno is not None:
            raise file_system_error(error, path, "read the records") from error
        raise BaseUnreadable(path, error) from error
    if "id" not in base.schema.names:
        base.close()
        raise BaseUnreadable(path, "it has no column id")
    return base
