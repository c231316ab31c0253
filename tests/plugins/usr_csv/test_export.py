"""Tables of text by `usr export`."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Usr
from support.tables import write_csv
from usr_core import Dataset


@pytest.fixture
def labelled(seeded: Usr, tmp_path: Path) -> Usr:
    """The seeded dataset with one label that a spreadsheet would take for a formula."""
    seeded.ok("namespace", "register", "plate", "--columns", "plate__label:string")
    labels = write_csv(tmp_path / "labels.csv", ["sequence", "label"], [["CCCC", "=1+1"]])
    seeded.ok("import", "ns/base", labels, "--keep", "plate")
    return seeded


class TestExport:
    @pytest.mark.parametrize("name", ["o.tsv", "o.tab", "o.tsv.gz"])
    def test_the_ending_says_tabs(self, labelled: Usr, tmp_path: Path, name: str) -> None:
        """And what is written is read again by its ending."""
        Dataset.open(labelled.root, "ns/base").export(tmp_path / name, columns=["sequence", "plate__label"])
        labelled.ok("init", "ns/other")
        labelled.ok("import", "ns/other", tmp_path / name, "--keep", "plate")

        assert "=1+1" in labelled.ok("head", "ns/other", "--format", "json").out

    @pytest.mark.parametrize("option", [("--spreadsheet-safe",), ("--option", "spreadsheet_safe=true")])
    def test_formulas_become_text(self, labelled: Usr, option: tuple[str, ...]) -> None:
        """By the option of the command, and by that of the format."""
        out = ("--fmt", "tsv", "--out", "-", "--columns", "sequence,plate__label")

        assert "CCCC\t'=1+1\n" in labelled.ok("export", "ns/base", *out, *option).out
        assert "CCCC\t=1+1\n" in labelled.ok("export", "ns/base", *out).out

    def test_a_format_that_has_no_formulas_refuses_the_option(self, labelled: Usr, tmp_path: Path) -> None:
        """Else somebody would rely on it."""
        out = tmp_path / "o.parquet"

        words = ("--fmt", "parquet", "--out", out, "--spreadsheet-safe")
        assert "spreadsheet_safe" in labelled.refuses(2, "export", "ns/base", *words).err
