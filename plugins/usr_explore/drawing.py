"""Histograms, bars and a time line as SVG: small, without a script, in the colours of the page around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from usr_explore.bins import Bars, Histogram

__all__ = ["STYLE", "bars_svg", "figures", "histogram_svg", "timeline_svg"]

STYLE = """
.usr-figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:14px}
.usr-figure{border:1px solid var(--usr-line);border-radius:8px;padding:10px 12px 6px;min-width:0}
.usr-figure h4{margin:0 0 4px;font-size:13px;font-weight:600;overflow-wrap:anywhere}
.usr-figure svg{display:block;width:100%;height:auto}
.usr-figure .all{fill:var(--usr-all)}.usr-figure .shown{fill:var(--usr-accent)}
.usr-figure text{fill:var(--usr-soft);font:11px system-ui,sans-serif}
.usr-figure line{stroke:var(--usr-line)}
.usr-figure .missing{font-size:11.5px;color:var(--usr-soft);margin:2px 0 0}
"""

_WIDTH, _HEIGHT, _BELOW = 300, 110, 16
_ROW = 19
_MOST_BARS = 12
_ACTIONS = ("#3b6fd4", "#2e8b57", "#b7791f", "#d1495b", "#7a5bd0", "#2b94a3", "#8a94a6")


def histogram_svg(found: Histogram) -> str:
    """Return a histogram: grey for all records, in colour for the chosen ones, drawn to the same scale of shares."""
    top = max(1, int(found.everything.max(initial=0)))
    chosen_top = max(1, int(found.chosen.max(initial=0)))
    # A hundredth of the records would be a line at the bottom, so it is drawn larger, which the figure says.
    times = _magnified(top, chosen_top)
    wide = _WIDTH / max(1, len(found.everything))
    parts = []
    for place, (everything, chosen) in enumerate(zip(found.everything.tolist(), found.chosen.tolist(), strict=True)):
        left, title = place * wide, _span(found, place)
        told = f"<title>{title}: {chosen:,} of {everything:,}</title>"
        tall, height = _HEIGHT * everything / top, min(_HEIGHT, _HEIGHT * times * chosen / top)
        if everything:
            parts.append(_bar("all", left, _HEIGHT - tall, wide - 0.6, tall, told))
        if chosen:
            parts.append(_bar("shown", left, _HEIGHT - height, wide - 0.6, height, told))
    least, most = (_short(float(found.edges[place])) for place in (0, -1))
    axis = (
        f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>'
        f'<text x="0" y="{_HEIGHT + 13}">{least}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 13}" text-anchor="end">{most}</text>'
    )
    remarks = [f"shown records drawn {times:,} times as tall"] if times > 1 else []
    remarks += [f"{found.missing:,} without a value"] if found.missing else []
    missing = f'<p class="missing">{"; ".join(remarks)}</p>' if remarks else ""
    return _figure(found.name, _WIDTH, _HEIGHT + _BELOW, "".join(parts) + axis) + missing + "</div>"


def bars_svg(found: Bars) -> str:
    """Return a bar for each value, the most frequent first: grey for all records, in colour for the chosen ones."""
    top = max(found.everything, default=1) or 1
    room = _WIDTH - 118
    parts = []
    shown = list(zip(found.labels, found.everything, found.chosen, strict=True))
    for row, (label, everything, chosen) in enumerate(shown[:_MOST_BARS]):
        above, told = row * _ROW, f"<title>{escape(label)}: {chosen:,} of {everything:,}</title>"
        short = label if len(label) <= 15 else label[:14] + "…"
        parts.append(f'<text x="0" y="{above + 13}">{escape(short)}</text>')
        parts.append(_bar("all", 100, above + 3, room * everything / top, _ROW - 6, told))
        parts.append(_bar("shown", 100, above + 3, room * chosen / top, _ROW - 6, told))
    more = len(shown) - _MOST_BARS
    after = f'<p class="missing">and {more:,} more values</p>' if more > 0 else ""
    return _figure(found.name, _WIDTH, _ROW * min(len(shown), _MOST_BARS) + 2, "".join(parts)) + after + "</div>"


def timeline_svg(days: Mapping[tuple[str, str], int]) -> str:
    """Return the events of each day as a stack, an action a colour."""
    dates = sorted({day for day, _ in days})
    actions = sorted({action for _, action in days}, key=lambda one: -sum(n for (_, a), n in days.items() if a == one))
    colours = {action: _ACTIONS[min(place, len(_ACTIONS) - 1)] for place, action in enumerate(actions)}
    top = max((sum(days.get((day, action), 0) for action in actions) for day in dates), default=1)
    wide = min(28.0, _WIDTH / max(1, len(dates)))
    parts = []
    for place, day in enumerate(dates):
        below = float(_HEIGHT)
        for action in actions:
            count = days.get((day, action), 0)
            if count:
                tall = _HEIGHT * count / top
                below -= tall
                told = f"<title>{escape(day)}: {count:,} {escape(action)}</title>"
                style = f' style="fill:{colours[action]}"'
                parts.append(_bar("shown", place * wide, below, max(0.8, wide - 1), tall, told, style))
    ends = f'<text x="0" y="{_HEIGHT + 13}">{escape(dates[0]) if dates else ""}</text>'
    if len(dates) > 1 and wide * len(dates) > 160:
        ends += f'<text x="{wide * len(dates)}" y="{_HEIGHT + 13}" text-anchor="end">{escape(dates[-1])}</text>'
    line = f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>'
    legend = " ".join(
        f'<span style="white-space:nowrap"><span style="color:{colours[one]}">■</span> {escape(one)}</span>'
        for one in actions
    )
    return _figure("events by day", _WIDTH, _HEIGHT + _BELOW, "".join(parts) + line + ends) + (
        f'<p class="missing">{legend}</p></div>'
    )


def _figure(name: str, width: int, height: int, inner: str) -> str:
    shown = escape(name)
    return (
        f'<div class="usr-figure"><h4>{shown}</h4>'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{shown}">{inner}</svg>'
    )


def _bar(name: str, x: float, y: float, width: float, height: float, told: str, style: str = "") -> str:
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}"{style}>'
        f"{told}</rect>"
    )


def _magnified(top: int, chosen_top: int) -> int:
    """Return by how much the chosen records are drawn larger: 1, or a round number where they would not be seen."""
    if chosen_top * 12 > top:
        return 1
    most = top // chosen_top
    step = 10 ** (len(str(most)) - 1)
    return int(most // step * step)


def _span(found: Histogram, place: int) -> str:
    least, most = float(found.edges[place]), float(found.edges[place + 1])
    if most - least == 1 and least.is_integer():
        return f"{least:,.0f}"
    return f"{_short(least)} to {_short(most)}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e9 else f"{value:.3g}"


def figures(parts: Sequence[str]) -> str:
    """Return pictures side by side, as many as there is room for."""
    return f'<div class="usr-figures">{"".join(parts)}</div>'
