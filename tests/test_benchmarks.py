"""What benchmarks have measured becomes one table, one page and one plot."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
SHARED = {"__main__", "generate", "grid", "growth", "measure", "report", "targets"}


@pytest.fixture(autouse=True)
def benchmarks_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


def emitted(target: str, value: float, **at: int) -> dict[str, Any]:
    figure = {"name": "job", "runs": 1, "cpu_s": value, "wall_s": value, "peak_mib": 1.0}
    ratio = {"name": "job", "yardstick": "x", "value": value, "limit": 1.0, "target": target, "holds": True}
    return {"program": "program", "at": at, "figures": [figure], "ratios": [ratio]}


def row(*run: dict[str, Any], of: str) -> Any:
    from report import rows_of
    from targets import TARGETS

    return dict(zip(TARGETS, rows_of(run), strict=True))[of]


def test_every_benchmark_is_in_both_grids_and_every_entry_of_the_grids_is_a_benchmark() -> None:
    """`make bench` runs all of them; `make bench-quick` all but the page in a browser."""
    from grid import FULL, QUICK

    programs = {path.stem for path in FOLDER.glob("*.py")} - SHARED

    assert programs == set(FULL)
    assert programs - {"explore"} == set(QUICK)


def test_the_worst_figure_on_the_data_of_the_target_decides() -> None:
    """Figures on other data say nothing about the target."""
    run = [emitted("grep", value, rows=rows) for rows, value in ((1_000, 9.0), (10_000_000, 0.5), (10_000_000, 1.5))]

    assert ("1.5", False) == (row(*run, of="grep").today, row(*run, of="grep").met)
    assert row(*run[:2], of="grep").met


def test_a_figure_on_other_data_is_shown_and_not_judged() -> None:
    """The nearest data that was measured is named."""
    found = row(emitted("grep", 0.5, rows=1_000), emitted("grep", 0.6, rows=2_000), of="grep")

    assert ("0.6", None, "measured on 2,000 rows") == (found.today, found.met, found.remark)


def test_a_target_that_no_benchmark_stated_is_not_met() -> None:
    """It stands in the table as not measured."""
    assert (None, "not measured") == (row(of="grep").met, row(of="grep").remark)


def test_emit_adds_a_line_to_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures, ratios and the data they are for; the result says whether every ratio holds."""
    from measure import REPORT, emit, reached

    monkeypatch.setenv(REPORT, str(tmp_path / "run.jsonl"))
    monkeypatch.setattr(sys, "argv", ["benchmarks/query.py"])

    assert emit({}, [reached("grep", 0.5)], at={"rows": 3})
    assert not emit({}, [reached("grep", 1.5)], at={"rows": 4})

    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [("query", {"rows": 3}, 0.5), ("query", {"rows": 4}, 1.5)] == [
        (line["program"], line["at"], line["ratios"][0]["value"]) for line in lines
    ]


def test_the_table_is_quoted_between_the_marks_of_a_page(tmp_path: Path) -> None:
    """What stood there before goes, and nothing else."""
    from report import quote, rows_of

    page = tmp_path / "performance.md"
    page.write_text("before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n")

    quote(page, rows_of([emitted("grep", 0.75, rows=10_000_000)]), about="today")

    text = page.read_text()
    assert text.startswith("before\n<!-- figures -->\ntoday\n")
    assert text.endswith("<!-- end of figures -->\nafter\n")
    assert "old" not in text
    assert "| 0.75 | <= 1 x Polars | yes |" in text


def test_the_page_has_the_table_and_the_plot_has_a_line_for_each_job_on_several_sizes(tmp_path: Path) -> None:
    """Both are written from the lines of a run."""
    from report import write_pages

    run = [emitted("grep", value, rows=rows, parts=20) for rows, value in ((1_000, 0.5), (10_000_000, 0.75))]

    page, plot = write_pages(run, tmp_path, about="today")

    assert "| `grep` of what is not there; 10,000,000 rows | 0.75 | <= 1 x Polars | yes | 1.84 |" in page.read_text()
    drawn = ElementTree.parse(plot)
    lines = drawn.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert [2] == [len(line.attrib["points"].split()) for line in lines]
