"""What a file of this checkout points at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "datasets", "docs", "examples", "plugins", "requirements", "scripts", "tests", "usr_core")
ENDINGS = ("csv", "md", "py", "sh", "toml", "txt", "yaml")

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")
# A path that begins at the top of the checkout and has no place holder in it.
PATH = re.compile(rf"(?<![\w/.<-])((?:{'|'.join(FOLDERS)})/[\w./-]*\w\.(?:{'|'.join(ENDINGS)}))(?![\w*])")


def files(suffix: str, *folders: str) -> list[Path]:
    """Return the files below these folders, and those at the top of the checkout, whose names end so."""
    below = [path for folder in folders for path in (CHECKOUT / folder).rglob(f"*{suffix}")]
    return sorted([*CHECKOUT.glob(f"*{suffix}"), *below])


def test_links_between_pages_lead_somewhere() -> None:
    """Relative links of every page."""
    dead = [
        f"{page.relative_to(CHECKOUT)}: {target}"
        for page in files(".md", *FOLDERS)
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert [] == dead


@pytest.mark.parametrize("suffix", [".toml", "Makefile", ".sh", ".py"])
def test_paths_in_comments_and_docstrings_exist(suffix: str) -> None:
    """A reader who follows one finds the file."""
    dead = [
        f"{file.relative_to(CHECKOUT)}: {path}"
        for file in files(suffix, "scripts", "usr_core", "plugins")
        for path in PATH.findall(file.read_text(encoding="utf-8"))
        if not (CHECKOUT / path).exists()
    ]

    assert [] == dead
