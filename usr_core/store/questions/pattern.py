"""Regular expressions as a test of many texts at once.

Patterns are RE2's: they take time linear in the text, whatever the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import text_array
from usr_core.store.ids.row_numbers import true_rows
from usr_core.store.questions.errors import PatternInvalid

__all__ = ["Matcher", "compile_pattern", "literal_of"]

Matcher = Callable[[pa.Array], npt.NDArray[np.bool_]]
"""Says of each text whether it matches; a null does not."""

_BLOCK = 256
"""Texts that are first searched as one: a call of RE2 for each costs as much as the search."""

_MEANING = re.compile(r"[\\.^$|?*+()\[\]{}]")
_ASSERTION = re.compile(r"[$^]|\\[ABbz]")


def compile_pattern(pattern: str, *, ignore_case: bool = False) -> Matcher:
    r"""Return the test for a pattern, which may match anywhere in the text.

    Raises:
        PatternInvalid: The pattern is not a regular expression of RE2.
    """
    import pyarrow.compute as pc

    joined = not _ASSERTION.search(pattern)

    def matcher(text: str) -> Matcher:
        def each(values: pa.Array) -> npt.NDArray[np.bool_]:
            return true_rows(pc.match_substring_regex(values, text, ignore_case=ignore_case))

        def matches(values: pa.Array) -> npt.NDArray[np.bool_]:
            if not joined or len(values) < 2 * _BLOCK:
                return each(values)
            found = np.zeros(len(values), np.bool_)
            for block in np.flatnonzero(each(_blocks(values))).tolist():
                rows = slice(block * _BLOCK, (block + 1) * _BLOCK)
                found[rows] = each(values[rows])
            return found

        each(text_array([""]))
        return matches

    try:
        plain = matcher(pattern)
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        reason = str(error).splitlines()[0].removeprefix("Invalid regular expression: ")
        raise PatternInvalid(pattern=pattern, reason=reason) from error
    if "\\Q" in pattern:
        return plain
    # RE2 looks for a literal beginning byte by byte; among four letters that stops it at every fourth byte, and
    # costs half as much again as its automaton, which an optional character before the pattern leads it to.
    try:
        return matcher(f"(?s:.?)(?:{pattern})")
    except pa.ArrowInvalid:  # just below RE2's limit of size
        return plain


def literal_of(pattern: str) -> bytes | None:
    """Return the text that a pattern is, in UTF-8, or None where a letter of it may mean something else."""
    return pattern.encode("utf-8", "surrogatepass") if pattern and not _MEANING.search(pattern) else None


def _blocks(values: pa.StringArray) -> pa.StringArray:
    """Return the texts joined, `_BLOCK` neighbours each: the same bytes with fewer bounds.

    What matches a text matches the block it lies in, unless the pattern asks where a text begins or ends.
    """
    bounds = np.frombuffer(values.buffers()[1], np.int32, len(values) + 1, 4 * values.offset)
    fewer = np.append(bounds[:-1:_BLOCK], bounds[-1])
    return pa.Array.from_buffers(
        pa.string(), len(fewer) - 1, [None, pa.py_buffer(fewer), values.buffers()[2] or pa.py_buffer(b"")]
    )
