"""Every error code is unique and has its line in docs/reference/errors.md."""

from __future__ import annotations

import re
from pathlib import Path

from support.error_codes import coded_errors

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"
LINE = re.compile(r"^\| `(USR-[A-Z]+-\d{3})` \| (\d+) \| (.+) \|$", re.MULTILINE)


def test_every_code_belongs_to_one_error() -> None:
    """Two errors never share a code, so that a code leads to one explanation."""
    shared = {code: [kind.__name__ for kind in kinds] for code, kinds in coded_errors().items() if len(kinds) > 1}

    assert {} == shared


def test_every_code_is_documented_with_its_exit_code() -> None:
    """The page lists exactly the codes that there are, each with the exit code that the command returns."""
    listed = {code: int(exit_code) for code, exit_code, _ in LINE.findall(PAGE.read_text(encoding="utf-8"))}
    real = {code: int(kinds[0].exit_code) for code, kinds in coded_errors().items()}

    assert real == listed


def test_the_page_is_sorted() -> None:
    """A code is found by looking, not by searching."""
    codes = [code for code, _, _ in LINE.findall(PAGE.read_text(encoding="utf-8"))]

    assert sorted(codes) == codes
