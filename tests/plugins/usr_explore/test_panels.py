"""What the page shows, as HTML."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from usr_core import Dataset
from usr_explore import charts, panels
from usr_explore.condition import Query, choose
from usr_explore.exploring import Exploration
from usr_explore.letters import coloured, marked


def text_of(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


def check(markup: str) -> None:
    """Fail unless every element that begins ends in its order."""
    open_: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in {"meta", "line", "rect"}:
                open_.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in {"line", "rect"}:
                assert tag == open_.pop()

    Reader().feed(markup)
    assert [] == open_


@pytest.fixture(scope="module")
def exploration(explore_root: Path) -> Exploration:
    return Exploration(explore_root, "demo/first")


class TestLetters:
    def test_letters_are_coloured_and_hits_marked(self) -> None:
        """Text stays the text; where two hits overlap, the first is seen."""
        markup = marked("ACGTNACGT" * 10, "dna", [(1, 4, "+"), (2, 6, "-")])
        check(markup)

        assert "ACGTNACGT" * 10 == re.sub(r"[^A-Z]", "", text_of(markup))
        assert ["CGT", "NA"] == [text_of(one) for one in re.findall(r"<mark.*?</mark>", markup)]

    def test_a_long_sequence_is_cut(self) -> None:
        """In a cell, and whole; the length is told."""
        assert "… 1,000" in coloured("A" * 1_000, "dna")
        assert "30,000 letters in all" in marked("A" * 30_000, "dna")
        assert "&lt;" in coloured("<b>", "protein")


class TestPanels:
    def test_what_a_dataset_holds_is_text(self, exploration: Exploration) -> None:
        """Names with markup are escaped everywhere but in what is given to the table as plain text."""
        loaded = exploration.load("demo/first")
        chosen = choose(loaded, Query(motif="TTGACA"))
        for markup in (
            panels.header(loaded, chosen),
            panels.figures(loaded, chosen),
            panels.said_again(loaded, chosen),
            panels.record_panel(*exploration.record(loaded, 0, chosen.query)),
            panels.history_panel(exploration.history("demo/first"), loaded),
            panels.note("<script>", bad=True),
        ):
            check(markup)
            assert "<b>prom" not in markup
            assert "<script>" not in markup

    def test_a_record_is_shown_whole(self, exploration: Exploration) -> None:
        """Its values by namespace, hits with their places, and the events behind them."""
        loaded = exploration.load("demo/first")
        record, spans, events = exploration.record(loaded, 0, Query(motif="TTGACAN{4,6}TATAAT"))
        text = text_of(panels.record_panel(record, spans, events))

        assert [(10, 26, "+")] == spans
        assert "10 to 26 (+)" in text
        assert "<b>prom_0</b>" in text
        assert {"import", "write_overlay_part"} <= {one.action for one in events}

    def test_nothing_shown_says_why(self, exploration: Exploration) -> None:
        """Which part leaves nothing, that all of them together do, or how to fill an empty dataset."""
        loaded, empty = exploration.load("demo/first"), None
        alone = choose(loaded, Query(condition="length < 0", motif="TTGACA"))
        both = choose(loaded, Query(condition="lab__strength > 20", motif="TTGACAN{4,6}TATAAT"))

        assert "No record meets the condition." in panels.no_records(loaded, alone)
        assert "the motif alone leaves 40 records" in panels.no_records(loaded, both)
        empty = exploration.load("demo/empty")
        assert "usr import demo/empty" in panels.no_records(empty, choose(empty, Query()))

    def test_a_table_has_short_cells(self, exploration: Exploration) -> None:
        """A short id, three digits, and no column that is the same in every record."""
        loaded = exploration.load("demo/first")
        (row,) = panels.table_rows(loaded, [123])

        assert (123, 12.3, 8) == (row["#"], row["lab__strength"], len(row["id"]))
        assert "source" not in row
        assert 0.00123 == panels.short_value(0.0012345)
        assert panels.short_value(float("nan")) is None


class TestBrush:
    @pytest.mark.parametrize(
        "said",
        [None, {}, {"brush": None}, {"brush": {"x": "ab"}}, {"brush": {"x": [1]}}, {"brush": {"x": [1, "2"]}}, 3],
    )
    def test_what_is_not_a_brush_filters_nothing(self, said: object) -> None:
        """What the browser says is not believed."""
        assert () == charts.selected_ranges(said, "a", "b")

    def test_a_brush_is_a_range_of_each_column(self) -> None:
        """From the lower to the upper bound, whichever comes first."""
        said = {"brush": {"x": [3, 1.5], "y": [0, 2]}}

        assert (("a", 1.5, 3.0), ("b", 0.0, 2.0)) == charts.selected_ranges(said, "a", "b")


class TestMarking:
    def test_marking_is_one_ordinary_event(self, exploration: Exploration) -> None:
        """What was confirmed is set, and the page reads the dataset again."""
        loaded = exploration.load("demo/plain")
        plan = exploration.plan(loaded, choose(loaded, Query(condition="length = 7")), None, "warn")
        dataset = Dataset.open(exploration.root, "demo/plain")
        before = len(list(dataset.events()))

        told = exploration.mark(plan)

        assert before + 1 == len(list(dataset.events()))
        assert told.startswith("1 record marked")
        assert ["--qc-status warn"] == plan.options
        assert exploration.load("demo/plain") is not loaded
        assert 1 == choose(exploration.load("demo/plain"), Query(condition="usr_state__qc_status = 'warn'")).count
