"""The documentation's examples do what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.docs import examples_of, run_example

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if examples_of(page))


@pytest.mark.parametrize("page", PAGES)
def test_every_example_of_the_page_runs(page: str, tmp_path: Path):
    """In order, in one folder, with the exit codes and the output that are printed there."""
    for example in examples_of(DOCS / page):
        run_example(example, tmp_path)


def test_there_are_examples():
    """The pages that are known to have some are found."""
    assert "reference/cli.md" in PAGES
