"""How one cell is shown to people."""

from __future__ import annotations

import pyarrow as pa
import pytest

from usr_core.cli.output import Format
from usr_read.cells import CellStyle, cell, emit_rows, json_columns


class TestCell:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, None),
            ("", '""'),
            ("NA", "NA"),
            (True, True),
            (9007199254740993, 9007199254740993),
            (0.123456, 0.1235),
            (123456.0, 123500.0),
            ([0.123456, None, "a"], '[0.1235, null, "a"]'),
            ([1, 2, 3, 4, 5], "[1, 2, 3, … 2 more]"),
            ([[1, 2, 3, 4]], "[[1, 2, 3, … 1 more]]"),
            ({"a": 0.123456, "b": [1, 2, 3, 4]}, '{"a": 0.1235, "b": [1, 2, 3, … 1 more]}'),
            ("a\tb", "a\\tb"),
        ],
    )
    def test_is_rounded_and_its_lists_are_cut(self, value: object, text: object):
        """Null is empty, an empty text is quoted, numbers stay numbers."""
        assert text == cell(value, CellStyle(list_items=3, precision=4))

    def test_is_cut_to_its_width(self):
        """The sign that it goes on counts; a whole column is not cut."""
        style = CellStyle(width=5)

        assert ["abcde", "abcd…", "abcdef"] == [
            cell("abcde", style),
            cell("abcdef", style),
            cell("abcdef", style, whole=True),
        ]

    def test_without_style_it_is_all_there(self):
        """Every digit and every item."""
        assert [0.1 + 0.2, "[0.123456, 1, 2, 3, 4, 5, 6, 7]"] == [
            cell(0.1 + 0.2, None),
            cell([0.123456, *range(1, 8)], None),
        ]


class TestJsonColumns:
    def test_types_without_registry_form_are_shown_too(self):
        """A dictionary, a decimal, a large string."""
        table = pa.table(
            {
                "a": pa.array(["x"]).dictionary_encode(),
                "b": pa.array(["1.50"]).cast(pa.decimal128(5, 2)),
                "c": pa.array(["y"], pa.large_string()),
            }
        )

        assert [["x"], ["1.50"], ["y"]] == [list(column) for column in json_columns(table)]


class TestNarrowTerminals:
    def test_a_table_that_does_not_fit_is_shown_a_record_a_block(self, monkeypatch, capsys):
        """Ids and sequences stay whole on a narrow terminal; a table that fits stays a table."""
        table = pa.table({"id": ["a" * 40, "b" * 40], "sequence": ["ACGT" * 10, "GGGG" * 10]})
        monkeypatch.setenv("COLUMNS", "60")
        emit_rows(table, Format.RICH, CellStyle())
        narrow = capsys.readouterr().out
        monkeypatch.setenv("COLUMNS", "120")
        emit_rows(table, Format.RICH, CellStyle())
        wide = capsys.readouterr().out

        assert f"record 2\nid        {'b' * 40}\nsequence  {'GGGG' * 10}\n" in narrow
        assert "record" not in wide
        assert f"{'a' * 40}" in wide
