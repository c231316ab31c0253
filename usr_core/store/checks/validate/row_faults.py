"""What can be wrong with single rows, and the counts of it while a file streams past."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from usr_core.errors import visible
from usr_core.store.checks.validate.report import FIRST_ROWS, FindingList, Severity

__all__ = [
    "ALPHABET_MISFIT",
    "ALPHABET_UNKNOWN",
    "BIO_TYPE_UNKNOWN",
    "ID_DIFFERS",
    "ID_REPEATED",
    "KEY_NULL",
    "KEY_REPEATED",
    "KEY_UNMATCHED",
    "LENGTH_DIFFERS",
    "LETTER_FOREIGN",
    "NOT_NORMALIZED",
    "NULL_VALUE",
    "SEQUENCE_EMPTY",
    "SEQUENCE_TOO_LONG",
    "VALUE_NOT_ALLOWED",
    "RowKind",
    "RowTally",
]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowKind:
    """One kind of fault of a row: its code, what it says of the column, and what to do."""

    code: str
    what: str
    hint: str
    severity: Severity = "error"


_RESTORE = "Restore the base from `_snapshots/` or a remote copy (usr pull); its rows are never edited by hand."
_REATTACH = "Move the file out of _derived/ and attach its values again with `usr attach`."

NULL_VALUE = RowKind("USR-VALID-020", "is null", _RESTORE)
BIO_TYPE_UNKNOWN = RowKind("USR-VALID-021", "is not one of dna, rna, protein", _RESTORE)
ALPHABET_UNKNOWN = RowKind("USR-VALID-022", "is not a known alphabet", _RESTORE)
ALPHABET_MISFIT = RowKind("USR-VALID-023", "does not fit the bio_type", _RESTORE)
SEQUENCE_EMPTY = RowKind("USR-VALID-024", "is empty", _RESTORE)
NOT_NORMALIZED = RowKind("USR-VALID-025", "has white space around it", _RESTORE)
LETTER_FOREIGN = RowKind("USR-VALID-026", "has a letter outside its alphabet", _RESTORE)
LENGTH_DIFFERS = RowKind("USR-VALID-027", "is not the number of the sequence's letters", _RESTORE)
ID_DIFFERS = RowKind("USR-VALID-028", "is not the sha1 of bio_type|sequence", _RESTORE)
ID_REPEATED = RowKind("USR-VALID-029", "is repeated", "Look at `usr maintenance dedupe --key id --dry-run`.")
SEQUENCE_TOO_LONG = RowKind("USR-VALID-030", "is longer than 256 MiB", "Store it as several records.")

KEY_NULL = RowKind("USR-VALID-060", "is null; a key names a record", _REATTACH)
KEY_REPEATED = RowKind("USR-VALID-061", "is repeated; a part needs unique keys", _REATTACH)
KEY_UNMATCHED = RowKind(
    "USR-VALID-062",
    "matches no record; the values are kept and not shown",
    "Import the missing records, or leave it: nothing depends on them.",
    "note",
)
VALUE_NOT_ALLOWED = RowKind("USR-VALID-063", "holds a value that is not allowed there", "Set it with `usr state set`.")


@dataclass(slots=True)
class _Count:
    count: int = 0
    rows: list[int] = field(default_factory=list)
    sample: str = ""


class RowTally:
    """Counts of faulty rows by kind and column, with the first row numbers of each; small whatever the file's size."""

    def __init__(self) -> None:
        self._counts: dict[tuple[RowKind, str], _Count] = {}

    def add(self, kind: RowKind, column: str, rows: Rows, *, sample: str = "") -> None:
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
