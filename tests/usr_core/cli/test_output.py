"""Results come out whole, in one form for each format, and questions are answered or refused."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path

import pytest

from usr_core.cli.errors import AnswerMissing, Declined, UsageError
from usr_core.cli.json_values import plain_value
from usr_core.cli.options import split_names
from usr_core.cli.output import Format, cell_text, confirm, emit_json, emit_record, emit_table
from usr_core.cli.progress import Progress


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Point:
    x: float
    y: float


class TestPlainValue:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (datetime(2026, 11, 20, 8, 5, 3, 120, tzinfo=UTC), "2026-11-20T08:05:03.000120Z"),
            (datetime(2026, 11, 20, 8, tzinfo=timezone(timedelta(hours=2))), "2026-11-20T06:00:00Z"),
            (date(2026, 11, 20), "2026-11-20"),
            (timedelta(seconds=1.5), 1.5),
            (b"\x00\xff", "AP8="),
            (float("nan"), "NaN"),
            (float("-inf"), "-Infinity"),
            (Decimal("1.10"), "1.10"),
            (Path("/a/b"), "/a/b"),
            (Colour.RED, "red"),
            (Format.JSON, "json"),
            (Point(x=1.0, y=float("inf")), {"x": 1.0, "y": "Infinity"}),
            ((1, [None, {2: True}]), [1, [None, {"2": True}]]),
            ("caf\udce9", "caf\\udce9"),
            (2**70, 2**70),
        ],
    )
    def test_has_one_form_for_each_type(self, value: object, expected: object) -> None:
        """The form is the documented one and strict JSON can hold it."""
        found = plain_value(value)

        assert expected == found
        json.dumps(found, allow_nan=False).encode()

    def test_refuses_what_has_none(self) -> None:
        """An object is a mistake of the command, not text with an address in it."""
        with pytest.raises(TypeError, match="object"):
            plain_value(object())


class TestEmitJson:
    def test_wraps_the_data(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One document with a version."""
        emit_json({"rows": 3})

        assert {"usr_output_version": 1, "data": {"rows": 3}} == json.loads(capsys.readouterr().out)


class TestEmitTable:
    ROWS = ({"id": "f" * 300, "rows": 3, "note": "a\tb"}, {"id": "b", "rows": 12})

    def test_plain_neither_wraps_nor_cuts(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A long id stays whole on its line; numbers are right-aligned; control characters are visible."""
        emit_table(self.ROWS, ("id", "rows", "note"), Format.PLAIN)
        lines = capsys.readouterr().out.splitlines()

        assert 3 == len(lines)
        assert ["f" * 300, "3", "a\\tb"] == lines[1].split()
        assert lines[1].index(" 3 ") + 1 == lines[2].index("12") + 1

    def test_auto_is_plain_off_a_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        """No escape sequences in a pipe."""
        emit_table(self.ROWS, ("id", "rows"))

        assert "\x1b" not in capsys.readouterr().out

    def test_json_has_every_column_in_every_row(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A missing cell is null, and values are not texts."""
        emit_table(self.ROWS, ("rows", "note"), Format.JSON)

        assert [{"rows": 3, "note": "a\tb"}, {"rows": 12, "note": None}] == json.loads(capsys.readouterr().out)["data"]

    def test_json_of_no_rows_is_an_empty_list(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Also where people would be told that there is nothing."""
        emit_table([], ("id",), Format.JSON, empty="nothing")
        streams = capsys.readouterr()

        assert ([], "") == (json.loads(streams.out)["data"], streams.err)

    def test_plain_of_no_rows_says_so_on_stderr(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The result itself stays empty."""
        emit_table([], ("id",), Format.PLAIN, empty="nothing here")

        assert ("", "nothing here\n") == capsys.readouterr()

    def test_rich_shows_markup_as_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A cell is data, not formatting."""
        emit_table([{"id": "[red]x[/red]"}], ("id",), Format.RICH)

        assert "[red]x[/red]" in capsys.readouterr().out


class TestEmitRecord:
    def test_plain_indents_what_is_nested(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Mappings below their name, lists of mappings with dashes, plain lists on one line."""
        emit_record({"name": "a", "of": {"rows": 3}, "parts": [{"x": 1, "y": 2}], "tags": ["p", "q"]}, Format.PLAIN)

        assert "name   a\nof\n  rows  3\nparts\n  - x  1\n    y  2\ntags   p, q\n" == capsys.readouterr().out


class TestCellText:
    @pytest.mark.parametrize(
        ("value", "text"),
        [(None, ""), (True, "true"), (0.1, "0.1"), ([1, None], "[1, null]"), (b"a", "YQ=="), ("x\r\n", "x\\r\\n")],
    )
    def test_is_one_line(self, value: object, text: str) -> None:
        """Whatever the value."""
        assert text == cell_text(value)


class TestConfirm:
    @pytest.mark.parametrize("answer", ["y\n", "YES\n", " y \n", "y"])
    def test_takes_yes(self, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
        """In any case, with or without a newline."""
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))

        assert confirm("Go on?")

    @pytest.mark.parametrize("answer", ["\n", "n\n", "yesterday\n"])
    def test_takes_anything_else_for_no(self, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
        """Exit 1: nothing was done."""
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))

        with pytest.raises(Declined) as caught:
            confirm("Go on?")

        assert 1 == caught.value.exit_code

    def test_does_not_wait_for_a_closed_input(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The end of input is exit 2 with the way to answer beforehand; stdout stays clean."""
        monkeypatch.setattr("sys.stdin", io.StringIO(""))

        with pytest.raises(AnswerMissing) as caught:
            confirm("Go on?")

        assert (2, True, "") == (caught.value.exit_code, "-y" in caught.value.hint, capsys.readouterr().out)

    def test_is_not_asked_when_answered(self, capsys: pytest.CaptureFixture[str]) -> None:
        """``-y`` prints no question."""
        assert confirm("Go on?", True)
        assert ("", "") == capsys.readouterr()


class TestSplitNames:
    def test_keeps_order(self) -> None:
        """White space around names is dropped; None stays None."""
        assert ("b", "a") == split_names(" b, a")
        assert split_names(None) is None

    @pytest.mark.parametrize("text", ["", "a,,b", "a,", "a,a"])
    def test_refuses_empty_and_repeated_names(self, text: str) -> None:
        """A slip is wrong usage, not a silent choice."""
        with pytest.raises(UsageError):
            split_names(text)


class TestProgress:
    def test_is_silent_off_a_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Not one byte on stderr."""
        with Progress("importing", total=10) as progress:
            progress.advance(10)

        assert ("", "") == capsys.readouterr()

    def test_line_has_rows_rate_and_time_left(self) -> None:
        """Whole numbers, thousands separated."""
        progress = Progress("importing", total=4000)
        progress.update(1000)

        assert "importing: 1,000 of 4,000 rows, 500 rows/s, 0:06 left" == progress.line(2.0)

    def test_line_without_a_total(self) -> None:
        """Where nobody knows the end, no time is promised."""
        progress = Progress("reading", unit="bytes")
        progress.update(10)

        assert "reading: 10 bytes, 5 bytes/s" == progress.line(2.0)
