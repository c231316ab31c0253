"""The documentation's examples do what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.docs import examples_of, run_page
from usr_core import Dataset

CHECKOUT = Path(__file__).parents[2]
# The first is run below with its Python, the others by test_sync_page.py and test_map_page.py with what they need.
RUN_ELSEWHERE = (
    CHECKOUT / "README.md",
    *(CHECKOUT / "docs" / "operations" / name for name in ("sync.md", "map.md")),
)
PAGES = sorted(
    page.relative_to(CHECKOUT).as_posix()
    for page in (CHECKOUT / "docs").rglob("*.md")
    if page not in RUN_ELSEWHERE and examples_of(page)
)


@pytest.mark.parametrize("page", PAGES)
def test_every_example_of_the_page_runs(page: str, tmp_path: Path):
    """In order, in one folder, with the exit codes and the output that are printed there."""
    run_page(CHECKOUT / page, tmp_path)


@pytest.mark.parametrize("name", ["plasmids-and-plate"])
def test_every_example_folder_does_what_its_page_says(name: str, tmp_path: Path):
    """Its commands run in a copy of it; what they export is read back."""
    folder = shutil.copytree(CHECKOUT / "examples" / name, tmp_path / name)
    run_page(folder / "README.md", folder)

    dataset = Dataset.open(folder, "again").init()
    assert 4 == dataset.import_file(folder / "strong.fasta").added


def test_every_example_folder_is_run():
    """One that has a page with commands has a test here; the plugin has its own."""
    pages = (CHECKOUT / "examples").glob("*/README.md")

    assert {"plasmids-and-plate", "embed"} == {page.parent.name for page in pages if examples_of(page)}


def test_there_are_examples():
    """The pages that are known to have some are found."""
    assert "docs/reference/cli.md" in PAGES
    assert all(examples_of(page) for page in RUN_ELSEWHERE)


def test_the_readmes_examples_run_and_its_python_after_them(tmp_path: Path):
    """The block of Python works on what the commands before it, each with its exit code and output, have made."""
    run_page(CHECKOUT / "README.md", tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```$", (CHECKOUT / "README.md").read_text("utf-8"), re.M | re.S)
    folder = tmp_path / "my-sequences"
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )

    assert 0 == done.returncode, done.stderr
    assert "write_overlay 3\n" == done.stdout.splitlines(keepends=True)[-1]
