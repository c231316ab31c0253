"""`Dataset`: one dataset of a root, with a method for everything that can be done to it.

The command line is a thin layer over these methods. Importing this package loads nothing heavy; each
method imports what it uses. `site` says where a dataset is, `reading` what can be asked of it, `changing` what
can be done to it; here is what Python's own words do with one.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from usr_core.dataset.changing import Changing
from usr_core.dataset.previewed import Previewed, first_columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Dataset"]

_MOST_COUNTED = 1_000_000
"""Rows of a base with deleted records up to which a preview counts the others: it reads their ids for that."""


class Dataset(Previewed, Changing):
    """One dataset, existing or to be made; see `Dataset.open`.

    Reading takes no lock, and sees one state of the dataset, whatever writers do meanwhile. Rows are in the order in
    which they were added.

    A change holds the dataset's lock while it runs. Where another writer holds it for more than `lock_timeout` seconds,
    the change raises `LockTimeout`; where a file can't be written, `FileSystemError`. The dataset is then as it was.

    Example:
        >>> from usr_core import Dataset
        >>> dataset = Dataset.open(root, "demo/motifs").init(source="motifs.csv")
        >>> dataset.add_sequences([{"sequence": "TTGACA"}, {"sequence": "TATAAT"}]).added
        2
        >>> dataset.to_arrow(columns=["sequence", "length"]).to_pylist()
        [{'sequence': 'TTGACA', 'length': 6}, {'sequence': 'TATAAT', 'length': 6}]
    """

    @classmethod
    def list(cls, root: str | PathLike[str], *, archived: bool = False) -> builtins.list[Self]:
        """Return the datasets of a root, sorted by name; with `archived` those of its ``_archive/`` instead.

        Raises:
            RootMissing, RootNotAFolder: There is no such root.

        Example:
            >>> from usr_core import Dataset
            >>> [(one.name, one.rows) for one in Dataset.list(root)]
            [('demo/promoters', 3)]
            >>> Dataset.list(root / "nowhere")
            Traceback (most recent call last):
                ...
            usr_core.roots.errors.RootMissing: The root .../nowhere does not exist.
        """
        from usr_core.roots.dataset_id import list_datasets
        from usr_core.roots.find_root import existing_root

        return [cls(ref) for ref in list_datasets(existing_root(Path(root)), archived)]

    @property
    def rows(self) -> int:
        """How many records there are, without the deleted ones; `len` says the same.

        Raises:
            DatasetMissing, BaseUnreadable: The dataset does not exist, or its base is not a whole Parquet file.

        Example:
            >>> dataset.delete(ids[:1]).deleted
            1
            >>> dataset.rows, len(dataset)
            (2, 2)
        """
        with self.view(namespaces=()) as view:
            return view.rows - view.deleted_count()

    def __len__(self) -> int:
        return self.rows

    def __bool__(self) -> bool:
        return True  # an empty dataset is one, and so is one that is not made yet

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the merged view batch by batch, as `scan` does.

        Example:
            >>> sum(batch.num_rows for batch in dataset)
            3
        """
        return self._scan(None, None, False)

    def __contains__(self, record: object) -> bool:
        """Tell whether a record that is not deleted has this id.

        Example:
            >>> ids[0] in dataset, "0" * 40 in dataset
            (True, False)
        """
        from usr_core.records.ids import is_record_id
        from usr_core.store.questions.errors import RecordsDeleted, RecordsNotFound

        if not isinstance(record, str) or not is_record_id(record):
            return False
        try:
            return bool(self.get(record, columns=["id"]).num_rows)
        except (RecordsDeleted, RecordsNotFound):
            return False

    def __array__(self, *_: object, **__: object) -> NoReturn:
        # pandas and NumPy would make an array of batches, as a dataset can be iterated.
        raise TypeError("a dataset is not an array: take ds.to_pandas(), ds.to_polars() or ds.to_arrow()")

    def _title(self) -> str:
        at = "" if self.version is None else f", version={self.version}"
        return f"Dataset({self.ref.name!r}, root={str(self.ref.root)!r}{at})"

    def _preview(self) -> tuple[str, pa.Table]:
        from usr_core.errors import counted
        from usr_core.registry.document import TOMBSTONE_NAMESPACE
        from usr_core.values.preview import PREVIEW_ROWS

        with self.view() as view:
            names = view.schema().names
            exact = view.rows <= _MOST_COUNTED or TOMBSTONE_NAMESPACE not in view.overlays
            rows = view.rows - view.deleted_count() if exact else view.rows
            some = "" if exact else ", some of them deleted"
            size = f"{counted(rows, 'record')}{some}, {counted(len(names), 'column')}"
            return size, view.head(PREVIEW_ROWS, first_columns(names))
