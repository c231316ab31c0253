"""What a word of the command line names that is compared: a dataset, or a Parquet file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.api.commands import Session, open_target

if TYPE_CHECKING:
    from usr_core import Dataset
    from usr_core.api.results import ParquetTable

__all__ = ["open_side"]


def open_side(session: Session, text: str) -> Dataset | ParquetTable:
    """Return the dataset or the Parquet file that `text` names.

    Raises:
        UsrError: There is no such thing.
    """
    from usr_core import Dataset
    from usr_core.api.results import ParquetTable

    found = open_target(session, text)
    assert isinstance(found, (Dataset, ParquetTable))
    return found
