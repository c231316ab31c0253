"""The pages of the documentation lead to each other, and none is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
PAGES = sorted(
    page.relative_to(CHECKOUT).as_posix() for page in [*CHECKOUT.glob("*.md"), *DOCS.rglob("*.md")] if page.is_file()
)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
_TERM = re.compile(r"^\| ([^|]+?) \| [^|]+ \|$", re.MULTILINE)


def links_of(page: str) -> set[Path]:
    """Return the files that a page's relative links name."""
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    return {
        (CHECKOUT / page).parent.joinpath(target).resolve()
        for target in _LINK.findall(text)
        if "://" not in target and not target.startswith("mailto:")
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_the_page_names_a_file(page: str):
    """A relative link leads to a file or folder of the checkout."""
    assert [] == sorted(target.as_posix() for target in links_of(page) if not target.exists())


def test_the_index_or_a_page_that_it_names_leads_to_every_page():
    """A page of docs/ is linked by docs/README.md, or by the index of its folder."""
    linked = links_of("docs/README.md") | links_of("docs/plugins/README.md") | links_of("docs/adr/README.md")

    assert [] == sorted(
        page
        for page in PAGES
        if page.startswith("docs/") and (CHECKOUT / page).resolve() not in {*linked, DOCS / "README.md"}
    )


def test_the_glossary_defines_each_term_once_in_alphabetical_order():
    """A reader finds a term where the alphabet puts it."""
    terms = [term.lower() for term in _TERM.findall((DOCS / "glossary.md").read_text(encoding="utf-8"))][1:]

    assert len(terms) > 30
    assert sorted(set(terms)) == terms


def test_the_table_of_findings_names_every_script():
    """A script that nobody lists is found by nobody."""
    scripts = {script.resolve() for script in (CHECKOUT / "findings").glob("*.sh")}

    assert scripts
    assert links_of("findings/README.md") >= scripts
