"""A report: the panels of the page in one file, which opens without the internet and without us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from usr_core.api import package_version
from usr_explore import charts, panels
from usr_explore.bins import cloud
from usr_explore.condition import Query, choose
from usr_explore.ejecting import write_text
from usr_explore.exploring import Exploration

__all__ = ["write_report"]

_ROWS = 200
_POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
body{margin:0 auto;max-width:1180px;padding:18px;font-family:system-ui,sans-serif;color:#1b2230;background:#fff}
body.dark{color:#e6e9ef;background:#151a23}
.usr-chart{width:100%}.usr-chart .vega-embed{width:100%}
footer{margin-top:24px;font-size:12px;color:#7a8494}
"""


def write_report(exploration: Exploration, name: str, path: Path, *, overwrite: bool = False) -> Path:
    """Write a report about a dataset, about 1 MB, and return its path.

    Raises:
        TargetTaken: The file is there, and `overwrite` is not set.
        UsrError: The dataset can't be read.
    """
    loaded = exploration.load(name)
    chosen = choose(loaded, Query())
    parts = [panels.header(loaded, chosen)]
    if not loaded.rows:
        parts.append(panels.no_records(loaded, chosen))
    if len(loaded.numbers) > 1:
        x, y = loaded.numbers[:2]
        parts.append(_chart(charts.cloud_chart(cloud(loaded, x, y, chosen.mask), x, y), "usr-pair"))
    if loaded.rows:
        parts += [_table(panels.table_rows(loaded, range(min(_ROWS, loaded.rows)), _Markup), loaded.rows)]
        parts += [panels.figures(loaded, chosen)]
    if loaded.rows and loaded.vectors:
        found = exploration.map(loaded, loaded.vectors[0], chosen, 0)
        colour = next(iter(loaded.words), None)
        chart = charts.map_chart(
            found.x, found.y, found.shares, exploration.colours(loaded, colour, found.ids), colour or ""
        )
        parts.append(f'<div class="usr-panel"><h3>Map of {escape(loaded.vectors[0])}</h3></div>')
        parts.append(_chart(chart, "usr-map"))
    parts.append(panels.history_panel(exploration.history(name), loaded))
    return write_text(path, _page(name, "\n".join(parts)), overwrite=overwrite)


class _Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _table(rows: Sequence[Mapping[str, Any]], total: int) -> str:
    names = list(rows[0]) if rows else []
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(_cell(row[name]) for name in names) + "</tr>" for row in rows)
    return (
        f'<div class="usr-panel"><h3>Records</h3><p class="usr-soft">The first {len(rows):,} of {total:,}</p>'
        '<div class="usr-scroll" style="max-height:420px;overflow:auto">'
        f"<table><tr>{head}</tr>{body}</table></div></div>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, _Markup):
        return f"<td>{value}</td>"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"<td{' class=n' if number else ''}>{'' if value is None else escape(str(value))}</td>"


def _chart(chart: Any, name: str) -> str:
    grey = {"labelColor": "#7a8494", "titleColor": "#7a8494"}
    chart = chart.configure(background="transparent").configure_axis(gridOpacity=0.25, **grey).configure_legend(**grey)
    # A text of the dataset must not end the script.
    spec = chart.to_json(indent=None).replace("<", "\\u003c")
    return f'<div class="usr-chart" id="{name}"></div><script>vegaEmbed("#{name}",{spec},{{actions:false}})</script>'


def _vega() -> str:
    """Return Vega, whole, as one script."""
    import altair
    import vl_convert

    version = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    bundle = vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]
    return "<script>" + bundle.replace("</script", "<\\/script") + "</script>"


def _page(name: str, inner: str) -> str:
    dark = "if(matchMedia('(prefers-color-scheme: dark)').matches)document.body.classList.add('dark')"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{panels.STYLE}{_STYLE}</style>{_vega() if 'vegaEmbed(' in inner else ''}</head>\n"
        f"<body><script>{dark}</script>\n"
        f'<main class="usr-page">\n{inner}\n</main>\n'
        f"<footer>universal-sequence-record {escape(package_version())}</footer></body></html>\n"
    )
