"""The panels of the page as HTML: what is shown to a visitor, and the same in a report. Every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite
from typing import Any

from usr_core.api import counted, size_text
from usr_explore import drawing, letters
from usr_explore.bins import count_words, histogram
from usr_explore.condition import Chosen, export_line, python_line
from usr_explore.history import EventLine, History
from usr_explore.load import Loaded

__all__ = [
    "STYLE",
    "anew",
    "figures",
    "header",
    "history_panel",
    "no_records",
    "note",
    "record_panel",
    "said_again",
    "short_value",
    "table_rows",
]

STYLE = (
    """
.usr-page,.usr-panel{--usr-line:#d9dee7;--usr-soft:#5d6777;--usr-all:#d5dae3;--usr-accent:#3b6fd4;--usr-bad:#b3261e;
--usr-code:#f3f5f8;font-size:14px;line-height:1.45;overflow-wrap:anywhere}
.dark .usr-page,.dark .usr-panel{--usr-line:#3a4150;--usr-soft:#a3adbd;--usr-all:#454d5e;--usr-accent:#7fa6ff;
--usr-bad:#ff9c94;--usr-code:#242a35}
.usr-panel h3{font-size:16px;font-weight:650;margin:14px 0 6px}
.usr-panel p{margin:4px 0}
.usr-count{font-size:26px;line-height:1.2;margin:0}.usr-count b{font-weight:700}
.usr-soft{color:var(--usr-soft)}.usr-bad{color:var(--usr-bad)}
.usr-panel pre{background:var(--usr-code);border-radius:6px;padding:8px 10px;margin:4px 0;white-space:pre-wrap;
overflow-wrap:anywhere;font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;user-select:all}
.usr-panel dl{display:grid;grid-template-columns:minmax(90px,max-content) minmax(0,1fr);gap:2px 14px;margin:4px 0}
.usr-panel dt{color:var(--usr-soft)}.usr-panel dd{margin:0;overflow-wrap:anywhere}
.usr-panel table{border-collapse:collapse;font-size:13px;width:100%}
.usr-panel th{text-align:left;color:var(--usr-soft);font-weight:500}
.usr-panel td,.usr-panel th{padding:3px 12px 3px 0;border-bottom:1px solid var(--usr-line);vertical-align:top}
.usr-panel td.n,.usr-panel th.n{text-align:right;font-variant-numeric:tabular-nums}
.usr-scroll{overflow-x:auto}.usr-scroll td,.usr-scroll th{white-space:nowrap;overflow-wrap:normal}
"""
    + letters.STYLE
    + drawing.STYLE
)

_MOST_FIGURES = 18
_DIGITS = 3
_SHOWN_EVENTS = 12


def header(loaded: Loaded, chosen: Chosen) -> str:
    """Return how many of how many records are shown."""
    at = "" if loaded.version is None else f" as it was at version {loaded.version}"
    return _panel(
        f'<p class="usr-count" id="shown"><b>{chosen.count:,}</b> of {loaded.rows:,} records</p>'
        f'<p class="usr-soft" id="usr-dataset">{escape(loaded.name)}{escape(at)}</p>'
    )


def note(text: str, *, bad: bool = False) -> str:
    """Return a line of text."""
    return _panel(f'<p class="{"usr-bad" if bad else "usr-soft"}"{" role=alert" if bad else ""}>{escape(text)}</p>')


def fault(chosen: Chosen, name: str) -> str:
    """Return what is wrong with a part of the query, such as its motif, for below its box."""
    return f'<div id="usr-fault-{name}">{note(chosen.faults[name], bad=True)}</div>'


def anew(inner: str, turn: int) -> str:
    """Return a chart in another element at every turn: in the same one, the browser would keep the brush."""
    tag = ("section", "article")[turn % 2]
    return f"<{tag}>{inner}</{tag}>"


def no_records(loaded: Loaded, chosen: Chosen) -> str:
    """Return why nothing is shown: which part of the query leaves nothing, or that the dataset is empty."""
    if not loaded.rows:
        return _panel(
            f"<p>This dataset has no records yet. Import some:</p><pre>usr import {escape(loaded.name)} FILE.csv</pre>"
        )
    words = {
        "condition": "the condition",
        "motif": "the motif",
        "selection": "the selection in the chart",
        "map": "the selection in the map",
    }
    empty = [words[name] for name, count in chosen.counts.items() if not count]
    met = ", ".join(
        f"{words[name]} alone leaves {counted(count, 'record')}" for name, count in chosen.counts.items() if count
    )
    told = f"No record meets {empty[0]}." if empty else f"No record meets all of it: {met}."
    return _panel(f"<p>{escape(told)} Change it, or reset the filters.</p>")


def figures(loaded: Loaded, chosen: Chosen) -> str:
    """Return histograms of the columns of numbers, and bars of those with few values."""
    numbers = loaded.numbers or (["length"] if loaded.rows else [])
    parts = [drawing.histogram_svg(histogram(loaded, name, chosen.mask)) for name in numbers[:_MOST_FIGURES]]
    parts += [drawing.bars_svg(count_words(loaded, name, chosen.mask)) for name in loaded.words[:_MOST_FIGURES]]
    more = max(0, len(numbers) - _MOST_FIGURES) + max(0, len(loaded.words) - _MOST_FIGURES)
    after = f'<p class="usr-soft">{counted(more, "more column")} not drawn</p>' if more else ""
    return _panel("<h3>Values</h3>" + drawing.figures(parts) + after)


def record_panel(record: Mapping[str, Any], spans: Sequence[tuple[int, int, str]], events: Sequence[EventLine]) -> str:
    """Return one record whole: its letters with the hits of the motif, its values by namespace, and events."""
    groups: dict[str, list[tuple[str, Any]]] = {}
    for name, value in record.items():
        namespace, _, rest = name.rpartition("__") if "__" in name else ("record", "", name)
        if name != "sequence":
            groups.setdefault(namespace, []).append((rest, value))
    hits = "".join(f" {start:,} to {end:,} ({strand})" for start, end, strand in spans[:20])
    parts = [
        f"<h3>Record {escape(str(record['id'])[:8])}</h3>",
        letters.marked(str(record["sequence"]), str(record["bio_type"]), spans),
        f'<p class="usr-soft">{counted(len(spans), "hit")}:{escape(hits)}, counted from 0</p>' if spans else "",
    ]
    for namespace, values in groups.items():
        rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_long(value))}</dd>" for name, value in values)
        parts.append(f"<h3>{escape(namespace)}</h3><dl>{rows}</dl>")
    if events:
        parts += ["<h3>Events behind it</h3>", _event_table(events[:_SHOWN_EVENTS])]
    return _panel("".join(parts))


def history_panel(found: History, loaded: Loaded) -> str:
    """Return events over time, the last of them, and what lies on disk."""
    states = [
        drawing.bars_svg(count_words(loaded, name, loaded_mask(loaded)))
        for name in ("usr_state__split", "usr_state__qc_status")
        if name in loaded.table.schema.names
    ]
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="n">{files:,}</td><td class="n">{count:,}</td>'
        f'<td class="n">{size_text(size)}</td></tr>'
        for name, files, count, size in found.namespaces
    )
    parts = (
        '<div class="usr-figure usr-scroll"><h4>files by namespace</h4><table><tr><th>namespace</th><th class="n">files'
        f'</th><th class="n">rows</th><th class="n">size</th></tr>{rows}</table></div>'
    )
    return _panel(
        "<h3>History</h3>"
        + drawing.figures([drawing.timeline_svg(found.days), parts, *states])
        + f'<p class="usr-soft">{counted(found.total, "event")}, the last ones:</p>'
        + _event_table(found.events[:_SHOWN_EVENTS])
    )


def said_again(loaded: Loaded, chosen: Chosen) -> str:
    """Return the command and the line of Python that give the records that are shown."""
    by_hand = (
        '<p class="usr-soft">Records were chosen in the map: save their ids as <code>ids.txt</code> first.</p>'
        if chosen.query.ids is not None
        else ""
    )
    return _panel(
        f'<h3>These records again</h3>{by_hand}<pre id="usr-command">{escape(export_line(loaded, chosen.query))}</pre>'
        f'<pre id="usr-python">{escape(python_line(loaded, chosen.query))}</pre>'
    )


def table_rows(loaded: Loaded, rows: Sequence[int], wrap: Any = str) -> list[dict[str, Any]]:
    """Return records for a table: short id, name, coloured sequence, own columns to 3 digits, constants left out.

    Args:
        loaded: The dataset.
        rows: Numbers of the records.
        wrap: Makes a cell of HTML.
    """
    import pyarrow as pa

    shown = [name for name in loaded.own if loaded.kind(name) != "constant"]
    titles = [name for name in shown if name.endswith("__name")] or loaded.titles[:1]
    length = ["length"] if loaded.kind("length") != "constant" else []
    names = ["id", *titles[:1], "sequence", *length, *(name for name in shown if name not in titles[:1])]
    table = loaded.table.select([*names, "bio_type"]).take(pa.array(rows, pa.int64()))
    found = []
    for number, row in zip(rows, table.to_pylist(), strict=True):
        kind = row.pop("bio_type")
        cells = {"#": number, **{name: short_value(value) for name, value in row.items()}}
        cells |= {"id": row["id"][:8], "sequence": wrap(letters.coloured(row["sequence"], kind))}
        found.append(cells)
    return found


def short_value(value: Any) -> Any:
    """Return a value as a table shows it: numbers to 3 digits, text to 60 letters."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if isfinite(value) else None
    if isinstance(value, str) and len(value) > 60:
        return value[:59] + "…"
    return value if isinstance(value, bool | int | str) or value is None else str(value)


def loaded_mask(loaded: Loaded) -> Any:
    """Return a mask of all records."""
    import numpy as np

    return np.ones(loaded.rows, np.bool_)


def _event_table(events: Sequence[EventLine]) -> str:
    head = (
        "<tr><th>event</th><th>time (UTC)</th><th>action</th><th>namespace</th>"
        '<th class="n">rows</th><th>tool</th></tr>'
    )
    rows = "".join(
        f"<tr><td>{one.number:,}</td><td>{escape(one.time[:19].replace('T', ' '))}</td><td>{escape(one.action)}</td>"
        f'<td>{escape(one.namespace)}</td><td class="n">{"" if one.rows is None else f"{one.rows:,}"}</td>'
        f"<td>{escape(one.tool)}</td></tr>"
        for one in events
    )
    return f'<div class="usr-scroll"><table>{head}{rows}</table></div>'


def _panel(inner: str) -> str:
    return f'<div class="usr-panel">{inner}</div>'


def _long(value: Any) -> str:
    if value is None:
        return "(none)"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 2_000 else f"{text[:2_000]}… ({len(text):,} characters)"
