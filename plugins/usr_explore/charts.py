"""Charts that a visitor brushes: two columns against each other, and the map of vectors, for Vega by altair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from usr_explore.bins import Cloud

if TYPE_CHECKING:
    import altair as alt

__all__ = ["BRUSH", "cloud_chart", "map_chart", "selected_ids", "selected_ranges"]

BRUSH = "brush"
_HEIGHT = 300
_DIGITS = 4
_POINTS = "#4f83ee"  # seen on white and on black


def cloud_chart(found: Cloud, x: str, y: str) -> alt.Chart:
    """Return two columns against each other, as points or as squares whose colour tells the number of records."""
    import altair as alt

    brush = alt.selection_interval(name=BRUSH)
    columns, axes = {"x": _rounded(found.x), "y": _rounded(found.y)}, (_axis(x), _axis(y))
    scale = alt.Scale(zero=False, nice=False, padding=6)
    if found.counts is None:
        chart = alt.Chart(_rows(columns)).mark_circle(size=18, opacity=0.75, color=_POINTS)
        chart = chart.encode(x=alt.X("x:Q", title=axes[0], scale=scale), y=alt.Y("y:Q", title=axes[1], scale=scale))
    else:
        columns |= {
            "x2": _rounded(found.x + found.widths[0]),
            "y2": _rounded(found.y + found.widths[1]),
            "n": found.counts.tolist(),
        }
        chart = alt.Chart(_rows(columns)).mark_rect()
        chart = chart.encode(
            x=alt.X("x:Q", title=axes[0], scale=alt.Scale(zero=False, nice=False)),
            x2="x2:Q",
            y=alt.Y("y:Q", title=axes[1], scale=alt.Scale(zero=False, nice=False)),
            y2="y2:Q",
            color=alt.Color(
                "n:Q",
                title="records",
                scale=alt.Scale(type="log", scheme="blues", domainMin=0.3),
                legend=alt.Legend(orient="top", gradientLength=120),
            ),
            tooltip=[alt.Tooltip("n:Q", title="records", format=",")],
        )
    finished: alt.Chart = chart.add_params(brush).properties(width="container", height=_HEIGHT)
    return finished


def map_chart(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    shares: tuple[float, float],
    colours: Sequence[Any] | None = None,
    title: str = "",
) -> alt.Chart:
    """Return the map of vectors, coloured by the values of a column."""
    import altair as alt

    columns: dict[str, list[Any]] = {"x": _rounded(x), "y": _rounded(y)}
    kind = "Q"
    if colours is not None:
        kind = "N" if any(isinstance(one, str) for one in colours) else "Q"
        columns["c"] = _rounded(np.array(colours, np.float64)) if kind == "Q" else list(colours)
    scale = alt.Scale(zero=False, padding=6)
    chart = alt.Chart(_rows(columns)).mark_circle(size=18, opacity=0.6, color=_POINTS)
    encodings: dict[str, Any] = {
        "x": alt.X("x:Q", title=f"axis 1 ({shares[0]:.0%} of the variance)", scale=scale),
        "y": alt.Y("y:Q", title=f"axis 2 ({shares[1]:.0%})", scale=scale),
    }
    if colours is not None:
        legend = alt.Legend(orient="top", columns=4, symbolLimit=24)
        encodings["color"] = alt.Color(f"c:{kind}", title=_axis(title), legend=legend)
    brush = alt.selection_interval(name=BRUSH)
    chart = chart.encode(**encodings).add_params(brush)
    finished: alt.Chart = chart.properties(width="container", height=_HEIGHT)
    return finished


def selected_ranges(selections: object, x: str, y: str) -> tuple[tuple[str, float, float], ...]:
    """Return what a brush over two columns means, from what the browser says; nothing else is believed."""
    found = []
    for axis, name in (("x", x), ("y", y)):
        bounds = _bounds(selections, axis)
        if bounds is not None:
            found.append((name, *bounds))
    return tuple(found)


def selected_ids(
    selections: object, ids: Sequence[str], x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[str, ...] | None:
    """Return the records of a map that a brush covers, or None without a brush."""
    spans = [(_bounds(selections, axis), values) for axis, values in (("x", x), ("y", y))]
    if all(bounds is None for bounds, _ in spans):
        return None
    kept = np.ones(len(ids), np.bool_)
    for bounds, values in spans:
        if bounds is not None:
            kept &= (values >= bounds[0]) & (values <= bounds[1])
    return tuple(ids[row] for row in np.flatnonzero(kept).tolist())


def _bounds(selections: object, axis: str) -> tuple[float, float] | None:
    brush = selections.get(BRUSH) if isinstance(selections, Mapping) else None
    bounds = brush.get(axis) if isinstance(brush, Mapping) else None
    if not isinstance(bounds, Sequence) or isinstance(bounds, str) or len(bounds) != 2:
        return None
    if not all(isinstance(one, int | float) and np.isfinite(one) for one in bounds):
        return None
    return float(min(bounds)), float(max(bounds))


def _rows(columns: Mapping[str, Sequence[Any]]) -> alt.Data:
    import altair as alt

    names = list(columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def _rounded(values: npt.NDArray[np.float64]) -> list[float | None]:
    """Return values with the digits that a picture shows, to send fewer bytes; NaN and infinity become None."""
    finite = np.isfinite(values)
    spread = float(values[finite].max() - values[finite].min()) if finite.any() else 0.0
    digits = _DIGITS - int(np.floor(np.log10(spread))) if 0 < spread < np.inf else _DIGITS
    rounded = np.round(values, digits).tolist()
    return [float(one) if known else None for one, known in zip(rounded, finite.tolist(), strict=True)]


def _axis(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"
