"""Lines of a JSON Lines file as records: objects, each with its row and line number."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from usr_core.api import LONGEST_RECORD, SourceFile, SourceUnreadable
from usr_core.api.arrow import loads
from usr_core.api.formats import other_content, text_format, utf_16

__all__ = ["RecordBlock", "record_blocks"]

_BOM = b"\xef\xbb\xbf"
_LOOK = 1000
"""Bytes at the beginning that tell a file of another kind."""
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
        _refuse_other_content(source, raw.peek(_LOOK)[:_LOOK])
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


def _refuse_other_content(source: SourceFile, start: bytes) -> None:
    other = other_content(start)
    if other is not None:
        raise SourceUnreadable(source.path, other.reason, hint=other.hint, line=other.line)
    if utf_16(start) is not None:
        hint = "Save it as UTF-8; JSON Lines files have no other encoding."
        raise SourceUnreadable(source.path, "The file is UTF-16 text.", hint=hint, line=1)


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
    found, hint = text_format(content), _HINT
    if found is not None and found[1] != "jsonl":
        hint = f"It looks like {found[0]}: --from {found[1]}."
    elif b"\r" in content.strip():
        hint = "End each line with a line feed (LF), not with a carriage return (CR) alone."
    shown = content.strip().decode("utf-8", "backslashreplace")
    raise SourceUnreadable(source.path, reason, hint=hint, row=row, line=line, value=shown)
