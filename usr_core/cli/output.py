"""Results on stdout and remarks on stderr, the same way for every command.

JSON is one document, ``{"usr_output_version": 1, "data": …}``, in strict JSON: times are RFC 3339 with Z,
bytes are base64, and floats without a JSON form are the texts ``NaN``, ``Infinity`` and ``-Infinity``.
Plain tables are aligned columns that never wrap and never cut a value. On a terminal they are fitted into its width
(`usr_core.cli.tables`). Control characters in values are made visible in both. Times of events are exact in JSON, and
minutes of local time elsewhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, StrEnum

from usr_core.errors import visible

__all__ = [
    "OUTPUT_VERSION",
    "Format",
    "cell_text",
    "confirm",
    "emit_json",
    "emit_record",
    "emit_table",
    "emit_text",
    "local_time",
    "note",
    "resolve_format",
    "warn",
]

OUTPUT_VERSION = 1
"""The version of the JSON output: ``usr_output_version`` in every document."""

_NO_LIMIT = sys.maxsize - 1


class Format(StrEnum):
    """How a reading command prints.

    Example:
        >>> from usr_core.api.commands import Format
        >>> [fmt.value for fmt in Format], Format("json") is Format.JSON
        (['auto', 'rich', 'plain', 'json'], True)
    """

    AUTO = "auto"
    RICH = "rich"
    PLAIN = "plain"
    JSON = "json"


def resolve_format(fmt: Format) -> Format:
    """Return what `auto` stands for here: rich where stdout is a terminal, else plain.

    Example:
        >>> from usr_core.api.commands import Format, resolve_format
        >>> resolve_format(Format.AUTO).value, resolve_format(Format.JSON).value
        ('plain', 'json')
    """
    if fmt is not Format.AUTO:
        return fmt
    on_terminal = sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Format.RICH if on_terminal else Format.PLAIN


def emit_json(data: object) -> None:
    """Print `data` as the one JSON document of a command.

    The document is ``{"usr_output_version": …, "data": data}``; times, paths and enums in `data` become text.

    Example:
        >>> from usr_core.api.commands import emit_json
        >>> emit_json({"gc": 0.55})
        {
          "usr_output_version": 1,
          "data": {
            "gc": 0.55
          }
        }
    """
    from usr_core.cli.json_values import json_text

    # A stream in another encoding would escape letters in a way that is not JSON.
    ascii_only = (getattr(sys.stdout, "encoding", None) or "utf-8").lower() not in ("utf-8", "utf8")
    print(json_text({"usr_output_version": OUTPUT_VERSION, "data": data}, ascii_only=ascii_only))


def emit_table(
    rows: Iterable[Mapping[str, object]], columns: Sequence[str], fmt: Format = Format.AUTO, *, empty: str = ""
) -> None:
    """Print rows: in JSON a list of objects, else a table.

    Args:
        rows: Cells by column name; a name that a row lacks is an empty cell, in JSON null.
        columns: Names in order; they are the header, and the keys in JSON.
        fmt: The command's ``--format``.
        empty: What to say on stderr instead of a table without rows.

    Example:
        >>> from usr_core.api.commands import Format, emit_table
        >>> rows = [{"sequence": "TTGACAGGCT", "gc": 0.5}, {"sequence": "GATTACAGAT"}]
        >>> emit_table(rows, ["sequence", "gc"], Format.PLAIN)
        sequence     gc
        TTGACAGGCT  0.5
        GATTACAGAT
        >>> emit_table(rows[:1], ["gc"], Format.JSON)
        {
          "usr_output_version": 1,
          "data": [
            {
              "gc": 0.5
            }
          ]
        }
    """
    table = [{name: row.get(name) for name in columns} for row in rows]
    fmt = resolve_format(fmt)
    if fmt is Format.JSON:
        emit_json(table)
        return
    if not table and empty:
        note(empty)
        return
    cells = [[cell_text(row[name]) for name in columns] for row in table]
    numeric = [all(_is_number(row[name]) for row in table) for name in columns]
    if fmt is Format.RICH:
        _print_fitted(cells, columns, numeric)
    else:
        _print_plain(cells, columns, numeric)


def emit_record(record: Mapping[str, object], fmt: Format = Format.AUTO) -> None:
    """Print one thing: in JSON the object itself, else a line ``name  value`` for each entry.

    A nested mapping is indented below its name; a list of plain values goes on one line, a list of mappings
    below each other.

    Example:
        >>> from usr_core.api.commands import Format, emit_record
        >>> emit_record({"dataset": "demo/promoters", "rows": 3, "lab": {"columns": ["gc", "sigma"]}}, Format.PLAIN)
        dataset  demo/promoters
        rows     3
        lab
          columns  gc, sigma
    """
    fmt = resolve_format(fmt)
    if fmt is Format.JSON:
        emit_json(record)
    else:
        emit_text("\n".join(_record_lines(record, "", _terminal_width() if fmt is Format.RICH else _NO_LIMIT)))


def emit_text(text: str) -> None:
    """Print text that is already in its final form (values in it made visible by the caller).

    Example:
        >>> from usr_core.api.commands import emit_text
        >>> emit_text("TTGACA-N17-TATAAT")
        TTGACA-N17-TATAAT
    """
    print(text)


def cell_text(value: object) -> str:
    r"""Return a value on one line, whole, with control characters made visible; None is empty.

    Example:
        >>> from usr_core.api.commands import cell_text
        >>> print(cell_text("sigma\t70"), cell_text(0.55), cell_text(True), cell_text([7, 13]))
        sigma\t70 0.55 true [7, 13]
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)) and not isinstance(value, Enum):
        return visible(str(value), limit=_NO_LIMIT)
    from usr_core.cli.json_values import json_line, plain_value

    plain = plain_value(value)
    return visible(plain if isinstance(plain, str) else json_line(plain), limit=_NO_LIMIT)


def local_time(time: str) -> str:
    """Return a time of JSON as people read it: local, to the minute; what is not such a time stays as it is.

    Example:
        >>> from usr_core.api.commands import local_time
        >>> len(local_time("2026-11-20T08:05:03.000120Z")), local_time("unknown")
        (16, 'unknown')
    """
    from datetime import datetime

    if not time.endswith("Z"):
        return time
    try:
        return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):  # a year that is out of range here
        return time


def warn(text: str) -> None:
    """Print a warning to stderr.

    Example:
        >>> import sys
        >>> from contextlib import redirect_stderr
        >>> from usr_core.api.commands import warn
        >>> with redirect_stderr(sys.stdout):
        ...     warn("2 records have no value")
        warning: 2 records have no value
    """
    _remark(f"warning: {visible(text, limit=_NO_LIMIT)}")


def note(text: str) -> None:
    """Print a remark to stderr; the caller leaves it out under ``--quiet``.

    Example:
        >>> import sys
        >>> from contextlib import redirect_stderr
        >>> from usr_core.api.commands import note
        >>> with redirect_stderr(sys.stdout):
        ...     note("2 records have no value")
        2 records have no value
    """
    _remark(visible(text, limit=_NO_LIMIT))


def confirm(question: str, yes: bool = False) -> bool:
    """Ask a question and return True if the answer is yes.

    Off a terminal one line is read from stdin. The question goes to stderr, so that stdout stays the result.

    Raises:
        AnswerMissing: The input ended before an answer (exit 2).
        Declined: The answer was no (exit 1).

    Example:
        >>> from usr_core.api.commands import confirm
        >>> confirm("Remove 3 records?", yes=True)
        True
    """
    if yes:
        return True
    from usr_core.cli.errors import AnswerMissing, Declined

    sys.stdout.flush()
    print(f"{visible(question, limit=_NO_LIMIT)} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer:
        print(file=sys.stderr)
        raise AnswerMissing("a question needs an answer and the input has ended", hint="Answer it beforehand with -y.")
    if not sys.stdin.isatty():
        print(file=sys.stderr)  # nobody's Enter has ended the line
    if answer.strip().lower() not in ("y", "yes"):
        raise Declined("aborted; nothing was changed", hint="Answer y, or give -y, to go on.")
    return True


def _remark(text: str) -> None:
    if sys.stdout is not None:
        sys.stdout.flush()
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _print_plain(cells: Sequence[Sequence[str]], columns: Sequence[str], numeric: Sequence[bool]) -> None:
    header = [visible(name, limit=_NO_LIMIT) for name in columns]
    widths = [max(map(len, texts)) for texts in zip(header, *cells, strict=True)]
    for texts in (header, *cells):
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(texts, widths, numeric, strict=True)
        )
        print("  ".join(padded).rstrip())


def _print_fitted(cells: Sequence[Sequence[str]], columns: Sequence[str], numeric: Sequence[bool]) -> None:
    from usr_core.cli.tables import fitted_table

    header = [visible(name, limit=_NO_LIMIT) for name in columns]
    print("\n".join(fitted_table(cells, header, numeric, width=_terminal_width())))


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _record_lines(record: Mapping[str, object], indent: str, width: int) -> list[str]:
    from usr_core.cli.tables import record_block

    lines: list[str] = []
    pairs: list[tuple[str, str]] = []
    names = [visible(str(name)) for name in record]
    start = max(map(len, names), default=0)
    for name, value in zip(names, record.values(), strict=True):
        nested = _nested_lines(value, indent, width)
        if nested is None:
            shown = ", ".join(map(cell_text, value)) if isinstance(value, (list, tuple)) else cell_text(value)
            pairs.append((name.ljust(start), shown))
            continue
        lines += [*record_block(pairs, width=width, indent=indent), f"{indent}{name}", *nested]
        pairs = []
    return lines + record_block(pairs, width=width, indent=indent)


def _nested_lines(value: object, indent: str, width: int) -> list[str] | None:
    """Return what stands below the name of a mapping or of a list of mappings; None for everything else."""
    if isinstance(value, Mapping) and value:
        return _record_lines(value, f"{indent}  ", width)
    if not isinstance(value, (list, tuple)) or not any(isinstance(item, Mapping) for item in value):
        return None
    lines: list[str] = []
    for item in value:
        inner = _record_lines(item, "", width - len(indent) - 4) if isinstance(item, Mapping) else [cell_text(item)]
        lines += [f"{indent}  - {inner[0]}" if inner else f"{indent}  -"]
        lines += [f"{indent}    {line}" for line in inner[1:]]
    return lines
