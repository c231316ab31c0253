"""How what holds records shows itself at a prompt and in a notebook: its size and its first records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from usr_core.errors import visible
from usr_core.values.showing import escape

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Previewed", "first_columns"]

_MOST_COLUMNS = 12
_LAST = ("bio_type", "alphabet", "source", "created_at")
"""Columns that are mostly the same in every record, and shown where there is space for them."""


class Previewed:
    """Shows itself, whatever the state of its files: an error is told in the place of the records."""

    def _title(self) -> str:
        """Return what it is, on one line, without looking at a file."""
        raise NotImplementedError

    def _preview(self) -> tuple[str, pa.Table]:
        """Return what is said of its size, and the first records."""
        raise NotImplementedError

    def __repr__(self) -> str:
        title = self._title()
        try:
            size, table = self._preview()
            from usr_core.values.preview import preview_text

            return preview_text(f"{title}: {size}", table)
        except Exception as error:  # noqa: BLE001 - a debugger or a log asks for it, and a repr never raises
            return f"{title}: {_told(error)}"

    def _repr_html_(self) -> str:
        title = self._title()
        try:
            size, table = self._preview()
            from usr_core.values.preview import preview_html

            return preview_html(f"{title}: {size}", table)
        except Exception as error:  # noqa: BLE001 - as above
            return f"<div>{escape(f'{title}: {_told(error)}')}</div>"


def first_columns(names: Sequence[str]) -> list[str]:
    """Return the columns of a preview: the order is theirs, but for those that tell the least."""
    known = [name for name in names if name not in _LAST]
    return [*known, *(name for name in names if name in _LAST)][:_MOST_COLUMNS]


def _told(error: Exception) -> str:
    from usr_core.roots.errors import DatasetMissing

    if type(error) is DatasetMissing:
        return "not made yet"
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"can't be read ({visible(first, limit=200)})"
