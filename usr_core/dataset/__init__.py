"""`Dataset`: one dataset of a root, with a method for everything that can be done to it.

The command line is a thin layer over these methods. Importing this package loads nothing heavy; each
method imports what it uses. `site` says where a dataset is, `reading` what can be asked of it, `changing` what
can be done to it.
"""

from __future__ import annotations

from usr_core.dataset.changing import Changing

__all__ = ["Dataset"]


class Dataset(Changing):
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
