"""What a comparison found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from usr_core.values.showing import Shown

__all__ = ["EXAMPLES", "CellChange", "ChangeKind", "ColumnChanges", "Comparison"]

EXAMPLES = 20
"""So many ids of each kind of record, and changes of each column, are kept as examples."""

ChangeKind = Literal["set", "unset", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CellChange(Shown):
    """One value that differs.

    Attributes:
        id: The record.
        kind: ``set`` where only the new side has a value, ``unset`` where only the old one has, else ``changed``.
        old, new: The values as JSON has them; None where there is none.

    Example:
        >>> from usr_core.api.results import CellChange
        >>> CellChange(id="f3", kind="set", old=None, new=0.5).new
        0.5
    """

    id: str
    kind: ChangeKind
    old: object
    new: object


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ColumnChanges(Shown):
    """One column, over the records that both sides have.

    Attributes:
        name: The column.
        set, unset, changed: Values of each kind, see `CellChange`.
        side: ``old`` or ``new`` where only that side has the column, else ``both``.
        first: The first changes, in the order of the old side's records.

    Example:
        >>> from usr_core.api.results import ColumnChanges
        >>> ColumnChanges(name="lab__gc", set=2, unset=0, changed=1).total
        3
    """

    name: str
    set: int
    unset: int
    changed: int
    side: Literal["both", "old", "new"] = "both"
    first: tuple[CellChange, ...] = ()

    @property
    def total(self) -> int:
        """Values that differ."""
        return self.set + self.unset + self.changed


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison(Shown):
    """What differs between an old and a new side.

    Attributes:
        old, new: What was compared.
        common: Records that both sides have, not deleted.
        added: Records that only the new side has.
        gone: Records that only the old side has; in the new one they are deleted, or not there.
        restored: Records that are deleted in the old side, and are not in the new one.
        columns: Those in which a value differs, and those that one side lacks; in the order of the columns.
        compared: How many columns were compared.
        first_added, first_gone, first_restored: Ids of the first ones.
        out: The file with every difference, where one was written.

    Example:
        >>> dataset.compare(dataset).same
        True
    """

    old: str
    new: str
    common: int
    added: int
    gone: int
    restored: int
    columns: tuple[ColumnChanges, ...] = field(default=())
    compared: int = 0
    first_added: tuple[str, ...] = ()
    first_gone: tuple[str, ...] = ()
    first_restored: tuple[str, ...] = ()
    out: str | None = None

    @property
    def values(self) -> int:
        """Values that differ, in records that both sides have."""
        return sum(column.total for column in self.columns)

    @property
    def same(self) -> bool:
        """Whether nothing differs, not even which columns there are."""
        return not (self.added or self.gone or self.restored or self.columns)
