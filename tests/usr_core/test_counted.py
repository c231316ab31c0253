"""Numbers with their nouns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import usr_core
from usr_core.errors import counted, size_text


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 records"), (1, "1 record"), (2, "2 records"), (1_234_567, "1,234,567 records")]
)
def test_numbers_and_nouns_agree(count: int, said: str) -> None:
    """One is singular, nothing and everything else plural."""
    assert said == counted(count, "record")


def test_a_plural_of_its_own_is_given() -> None:
    """For nouns that take no s."""
    assert ("1 entry", "3 entries") == (counted(1, "entry", "entries"), counted(3, "entry", "entries"))


def test_no_message_says_one_of_many() -> None:
    """No text of the core or a plugin leaves it to the reader: ``1 row(s)``."""
    sources = Path(usr_core.__file__).parent.parent
    files = [*(sources / "usr_core").rglob("*.py"), *(sources / "plugins").rglob("*.py")]

    lazy = re.compile(r"\b(row|record|plugin|file|event|column|part|id|key|value|problem|byte)\(s\)")
    assert [] == [str(path) for path in files if lazy.search(path.read_text(encoding="utf-8"))]


def test_a_size_has_at_most_four_letters_of_number():
    """What would be rounded to a thousand of a unit is one of the next."""
    sizes = {0: "0 B", 999: "999 B", 1_000: "1.0 kB", 99_940: "99.9 kB", 99_950: "100 kB", 999_499: "999 kB"}
    sizes |= {999_500: "1.0 MB", 1_234_000_000: "1.2 GB", 5_000 * 10**12: "5,000.0 TB"}

    assert sizes == {size: size_text(size) for size in sizes}
