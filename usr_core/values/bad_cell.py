"""A value that does not fit its column, and where it stands."""

from __future__ import annotations

__all__ = ["BadCell"]


class BadCell(ValueError):
    """One value of a column can't be converted; the caller knows the file, and turns this into its own error.

    Attributes:
        index: The row inside the array that was converted, from 0.
        value: What stands there: the cell's text, or the part of its JSON that is wrong.
        reason: Why it is refused, a phrase such as ``it is not a whole number``.
        path: Where inside the cell, such as ``[2].a``; empty for the cell itself.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api import BadCell, UsrError
        >>> from usr_core.api.arrow import parse_text
        >>> try:
        ...     parse_text(pa.array(["0.4", "n/a"]), pa.float64(), parse_json=True)
        ... except BadCell as cell:
        ...     facts = {"file": "scan.out", "row": cell.index + 1, "column": "gc", "value": cell.value}
        ...     raise UsrError(f"A cell can't be used: {cell.reason}.", hint="Correct the cell.", facts=facts) from cell
        Traceback (most recent call last):
            ...
        usr_core.errors.UsrError: A cell can't be used: it is not a number.
    """

    def __init__(self, index: int, value: object, reason: str, *, path: str = "") -> None:
        super().__init__(f"row {index}{f', at {path}' if path else ''}: {value!r}: {reason}")
        self.index, self.value, self.reason, self.path = index, value, reason, path
