"""Lines of a JSON Lines file as records: objects, each with its row and line number."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from usr_core.api import LONGEST_RECORD, SourceFile, SourceUnreadable
from usr_core.api.arrow import loads

__all__ = ["RecordBlock", "record_blocks"]

_BOM = b"\xef\xbb\xbf"
_HINT = "Write one JSON object a line, in UTF-8, each key once."


@dataclass(slots=True)
class RecordBlock:
    """Consecutive records.

    Attributes:
        first_row: The number of the first; 1 is the first of the file.
        records: The objects.
        lines: The line each stands on, from 1; blank lines count.
    """

    first_row: int
    records: list[dict[str, object]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def keys(self) -> list[str]:
        """Return the keys of all records, in order of their first appearance."""
        return list(dict.fromkeys(key for record in self.records for key in record))


def record_blocks(source: SourceFile, *, limit: int) -> Iterator[RecordBlock]:
    """Yield the records in blocks of about `limit` bytes of text; blank lines are skipped.

    Raises:
        SourceUnreadable: A line is not a JSON object in UTF-8, repeats a key, or is longer than `LONGEST_RECORD`; row
            and line are told.
    """
    row, held = 0, 0
    block = RecordBlock(first_row=1)
    with io.BufferedReader(source.stream(), 1 << 20) as raw:
        for number, line in enumerate(iter(lambda: raw.readline(LONGEST_RECORD + 1), b""), start=1):
            if len(line) > LONGEST_RECORD:
                reason = f"The line is longer than {LONGEST_RECORD >> 20} MiB, the most for one record."
                raise SourceUnreadable(source.path, reason, hint=_HINT, row=row + 1, line=number)
            text = line.removeprefix(_BOM) if number == 1 else line
            if not text.strip():
                continue
            row += 1
            block.records.append(_record(source, text, row=row, line=number))
            block.lines.append(number)
            held += len(text)
            if held >= limit:
                yield block
                block, held = RecordBlock(first_row=row + 1), 0
    if block.records:
        yield block


def _record(source: SourceFile, content: bytes, *, row: int, line: int) -> dict[str, object]:
    try:
        value = loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        reason = "The line is not UTF-8 text."
    except (ValueError, RecursionError) as error:
        reason = f"The line is not valid JSON: {error}."
    else:
        if isinstance(value, dict):
            return value
        reason = "The line is not a JSON object."
    shown = content.strip().decode("utf-8", "backslashreplace")
    raise SourceUnreadable(source.path, reason, hint=_HINT, row=row, line=line, value=shown)
