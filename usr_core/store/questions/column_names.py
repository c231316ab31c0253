"""The names of a dataset's columns without a Parquet library, for a command line that is being typed.

No consistent state is waited for: a name that comes or goes in this moment may be missing.
"""

from __future__ import annotations

from pathlib import Path

from usr_core.roots.layout import DERIVED, RECORDS
from usr_core.store.base.thrift import footer_names

__all__ = ["column_names"]

_MOST_PARTS = 50
"""So many of a namespace's newest parts are opened; parts of one namespace mostly have the same columns."""


def column_names(folder: Path) -> list[str]:
    """Return the names of the columns of the dataset in `folder`: those of the base, then those of its overlays.

    Raises:
        UsrError, OSError, ValueError: A file can't be read.
    """
    names = dict.fromkeys(footer_names(folder / RECORDS))
    derived = folder / DERIVED
    for place in sorted(derived.iterdir()) if derived.is_dir() else ():
        files = [place] if place.suffix == ".parquet" else sorted(place.glob("part-*.parquet"))[-_MOST_PARTS:]
        for file in files:
            names |= dict.fromkeys(name for name in footer_names(file) if name.startswith(f"{place.stem}__"))
    return [name for name in names if not name.startswith("usr__")]
