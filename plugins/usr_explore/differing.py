"""What differs between two versions of a dataset, as the page shows it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from html import escape
from typing import Any

from usr_core.api import counted
from usr_core.api.results import Comparison

__all__ = ["comparison_panel", "version_labels"]

_SHOWN = 20
_LETTERS = 60


def version_labels(dataset: Any, limit: int = 50) -> dict[str, str]:
    """Return what the pickers offer: the dataset as it is, then its last versions, each by what changed.

    Values are texts, as ``--at`` takes them.
    """
    found = {"as it is now": "now"}
    for one in dataset.log(limit=limit):
        tags = f" [{', '.join(one.tags)}]" if one.tags else ""
        found[f"{one.version}{tags}: {one.action}, {_short(one.change)} ({one.time[:16].replace('T', ' ')})"] = str(
            one.version
        )
    return found


def comparison_panel(found: Comparison, name: str) -> str:
    """Return counts of what differs, the first differences, and the commands that say and undo it."""
    told = f"{counted(found.common, 'record')} in both: "
    if found.same:
        told += f"no difference in {counted(found.compared, 'column')}."
    else:
        told += f"{found.added:,} added, {found.gone:,} gone, {found.restored:,} restored, "
        told += f"{counted(found.values, 'value')} set, unset or changed."
    parts = [f'<p id="usr-compared">From {escape(found.old)} to {escape(found.new)}, {escape(told)}</p>']
    if found.columns:
        head = '<tr><th>column</th><th class="n">set</th><th class="n">unset</th><th class="n">changed</th></tr>'
        rows = "".join(
            f'<tr><td>{escape(one.name)}</td><td class="n">{one.set:,}</td><td class="n">{one.unset:,}</td>'
            f'<td class="n">{one.changed:,}</td></tr>'
            for one in found.columns
        )
        parts.append(f'<div class="usr-scroll"><table>{head}{rows}</table></div>')
    cells = [*_records(found), *_values(found)][:_SHOWN]
    if cells:
        head = "<tr><th>record</th><th>change</th><th>column</th><th>old</th><th>new</th></tr>"
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
        parts.append(f'<div class="usr-scroll"><table>{head}{rows}</table></div>')
    lines = [f"usr compare {shlex.quote(found.old)} {shlex.quote(found.new)}"]
    if "@" not in found.new and "@" in found.old and not found.same:
        lines.append(f"usr rollback {shlex.quote(name)} --to {found.old.partition('@')[2]}")
    parts.append(f'<pre id="usr-compare-command">{escape(chr(10).join(lines))}</pre>')
    return f'<div class="usr-panel">{"".join(parts)}</div>'


def _records(found: Comparison) -> Iterator[tuple[str, ...]]:
    kinds = (("gone", found.first_gone), ("restored", found.first_restored), ("added", found.first_added))
    for change, ids in kinds:
        for one in ids[: 5 if found.values else _SHOWN]:
            yield one[:8], change, "", "", ""


def _values(found: Comparison) -> Iterator[tuple[str, ...]]:
    for place in range(_SHOWN):
        for column in found.columns:
            for cell in column.first[place : place + 1]:
                yield cell.id[:8], cell.kind, column.name, _text(cell.old), _text(cell.new)


def _text(value: object) -> str:
    return "(none)" if value is None else _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
