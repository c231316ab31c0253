"""Make the table *job, today, target, met* of a run of benchmarks, its Markdown page and its plot of growth.

A run is a file of lines of JSON, one for each time that a benchmark called `measure.emit`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from growth import Line, Panel, svg
from targets import TARGETS, Target

__all__ = ["Row", "quote", "read_run", "rows_of", "table", "write_pages"]

_AXES = ("rows", "parts", "namespaces", "letters", "floats")
_HEADER = ("job", "today", "target", "met")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; `met` is None where it was not measured on the data that the target is for."""

    job: str
    today: str
    target: str
    met: bool | None
    remark: str = ""

    def cells(self) -> tuple[str, str, str, str]:
        verdict = {True: "yes", False: "no", None: ""}[self.met]
        return self.job, self.today, self.target, f"{verdict} {self.remark}".strip()


def read_run(path: Path) -> list[dict[str, Any]]:
    """Return what the benchmarks of a run have emitted, in order."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rows_of(run: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each target. The worst figure counts where there are several on the same data."""
    found: dict[str, list[tuple[int | None, float]]] = {}
    for emitted in run:
        for ratio in emitted["ratios"]:
            if ratio["target"] is not None:
                found.setdefault(ratio["target"], []).append((emitted["at"].get("rows"), ratio["value"]))
    return [_row(target, found.get(key, [])) for key, target in TARGETS.items()]


def table(rows: Sequence[Row]) -> str:
    """Return the table as text for a terminal."""
    lines = [_HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADER))]
    padded = [[f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def write_pages(run: Sequence[Mapping[str, Any]], folder: Path, *, about: str) -> tuple[Path, Path]:
    """Write ``bench.md``, with every figure beside its yardsticks, and ``growth.svg``, and return their paths."""
    page, plot = folder / "bench.md", folder / "growth.svg"
    befores = ["" if target.before is None else f"{target.before:g}" for target in TARGETS.values()]
    lines = [(*row.cells(), before) for row, before in zip(rows_of(run), befores, strict=True)]
    text = ["# Figures", "", about, "", *_markdown((*_HEADER, "before the work on it"), lines), ""]
    text += ["![Seconds over the size of the data](growth.svg)", ""]
    for program in dict.fromkeys(emitted["program"] for emitted in run):
        text += [f"## {program}", ""]
        mine = [emitted for emitted in run if emitted["program"] == program]
        figures = [
            (figure["name"], _data(one["at"]), f"{figure['cpu_s']:.3f}", f"{figure['wall_s']:.3f}", _mib(figure))
            for one in mine
            for figure in one["figures"]
        ]
        if figures:
            text += [*_markdown(("job", "data", "CPU s", "wall s", "peak MiB"), figures), ""]
        ratios = [
            (ratio["name"], _data(one["at"]), f"{ratio['value']:.3g}", ratio["yardstick"], f"{ratio['limit']:g}")
            for one in mine
            for ratio in one["ratios"]
        ]
        text += [*_markdown(("figure", "data", "value", "counted in", "at most"), ratios), ""]
    page.write_text("\n".join(text), encoding="utf-8")
    plot.write_text(svg(_panels(run)), encoding="utf-8")
    return page, plot


def quote(page: Path, rows: Sequence[Row], *, about: str) -> None:
    """Put the table between the marks of a page."""
    before, begin, rest = page.read_text(encoding="utf-8").partition("<!-- figures -->\n")
    _, end, after = rest.partition("<!-- end of figures -->")
    if not begin or not end:
        raise ValueError(f"{page} has no place for the table")
    shown = "\n".join([about, "", *_markdown(_HEADER, [row.cells() for row in rows]), ""])
    page.write_text(f"{before}{begin}{shown}{end}{after}", encoding="utf-8")


def _row(target: Target, measured: Sequence[tuple[int | None, float]]) -> Row:
    job = target.job if target.rows is None else f"{target.job}; {target.rows:,} rows"
    most = f"<= {target.limit:g} {target.unit}"
    if not measured:
        return Row(job=job, today="", target=most, met=None, remark="not measured")
    same = [value for rows, value in measured if target.rows is None or rows is None or rows == target.rows]
    if same:
        return Row(job=job, today=f"{max(same):.3g}", target=most, met=max(same) <= target.limit)
    nearest = min((rows for rows, _ in measured if rows is not None), key=lambda rows: abs(rows - (target.rows or 0)))
    value = max(value for rows, value in measured if rows == nearest)
    return Row(job=job, today=f"{value:.3g}", target=most, met=None, remark=f"measured on {nearest:,} rows")


def _panels(run: Sequence[Mapping[str, Any]]) -> list[Panel]:
    """Return a panel for each program and axis along which it was measured more than once, all else the same."""
    panels = []
    for program in dict.fromkeys(emitted["program"] for emitted in run):
        mine = [emitted for emitted in run if emitted["program"] == program]
        for axis in _AXES:
            points: dict[tuple[str, str], dict[int, float]] = {}
            for one in mine:
                if axis in one["at"]:
                    rest = _data({name: size for name, size in one["at"].items() if name != axis})
                    for figure in one["figures"]:
                        points.setdefault((figure["name"], rest), {})[one["at"][axis]] = figure["cpu_s"]
            lines = [
                Line(name=f"{name} ({rest})" if rest else name, points=sorted(line.items()))
                for (name, rest), line in points.items()
                if len(line) > 1
            ]
            if lines:
                panels.append(Panel(title=program, axis=axis, lines=lines))
    return panels


def _data(at: Mapping[str, int]) -> str:
    return ", ".join(f"{at[axis]:,} {axis}" for axis in _AXES if axis in at)


def _mib(figure: Mapping[str, Any]) -> str:
    return f"{figure['peak_mib']:.0f}"


def _markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    shown = [header, ["---"] * len(header), *lines]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in shown]
