"""What can be wrong with single rows, and the counts of it while a file streams past."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from usr_core.errors import visible
from usr_core.store.checks.validate.report import FIRST_ROWS, FindingList
from usr_core.store.rules.record import Rule

__all__ = [
    "KEY_NULL",
    "KEY_REPEATED",
    "KEY_UNMATCHED",
    "VALUE_NOT_ALLOWED",
    "RowTally",
]

Rows = npt.NDArray[np.int64]


_REATTACH = "Move the file out of _derived/ and attach its values again with `usr attach`."

KEY_NULL = Rule("USR-VALID-060", "is null; a key names a record", _REATTACH)
KEY_REPEATED = Rule("USR-VALID-061", "is repeated; a part needs unique keys", _REATTACH)
KEY_UNMATCHED = Rule(
    "USR-VALID-062",
    "matches no record; the values are kept and not shown",
    "Import the missing records, or leave it: nothing depends on them.",
    "note",
)
VALUE_NOT_ALLOWED = Rule("USR-VALID-063", "holds a value that is not allowed there", "Set it with `usr state set`.")


@dataclass(slots=True)
class _Count:
    count: int = 0
    rows: list[int] = field(default_factory=list)
    sample: str = ""


class RowTally:
    """Counts of faulty rows by kind and column, with the first row numbers of each; small whatever the file's size."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Rule, str], _Count] = {}

    def add(self, kind: Rule, column: str, rows: Rows, *, sample: str = "") -> None:
        """Count `rows` (1 is the first); `sample` is the value of the first of them, or what to say of it."""
        if not len(rows):
            return
        counted = self._counts.setdefault((kind, column), _Count())
        if not counted.count:
            counted.sample = sample
        counted.count += len(rows)
        counted.rows += [int(row) for row in rows[: FIRST_ROWS - len(counted.rows)]]

    def merge(self, later: RowTally) -> None:
        """Add the counts of rows that come after those of this tally."""
        for key, counted in later._counts.items():
            mine = self._counts.setdefault(key, _Count())
            if not mine.count:
                mine.sample = counted.sample
            mine.count += counted.count
            mine.rows += counted.rows[: FIRST_ROWS - len(mine.rows)]

    def report(self, findings: FindingList, *, file: str) -> None:
        """Turn the counts into findings about `file`."""
        for (kind, column), counted in sorted(self._counts.items(), key=lambda item: (item[0][0].code, item[0][1])):
            rows = "1 row" if counted.count == 1 else f"{counted.count:,} rows"
            shown = f": {visible(counted.sample, limit=80)}" if counted.sample else ""
            findings.add(
                kind.code,
                f"{column} {kind.what} in {rows}, first in row {counted.rows[0]:,}{shown}",
                hint=kind.hint,
                file=file,
                severity=kind.severity,
                rows=counted.rows,
                count=counted.count,
            )
