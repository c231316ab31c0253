"""Looking at the footers of Parquet files before they count."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from usr_core.sync.errors import GiverDamaged

__all__ = ["check_footers"]


def check_footers(files: Mapping[str, Path]) -> None:
    """Check that every Parquet file of these is whole.

    Raises:
        GiverDamaged: A file is not whole, and it is what the side that gives has.
    """
    wanted = {name: path for name, path in files.items() if name.endswith(".parquet")}
    if not wanted:
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    broken = []
    for name, path in wanted.items():
        try:
            pq.ParquetFile(path, pre_buffer=False).close()
        except (pa.ArrowException, OSError):
            broken.append(name)
    if broken:
        raise GiverDamaged(broken)
