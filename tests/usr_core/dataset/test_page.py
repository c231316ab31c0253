"""The page of `usr explore` from Python: served meanwhile, and ended."""

from __future__ import annotations

import http.client
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.reading import make_dataset
from usr_core import Dataset
from usr_core.dataset.page import PageNotServed


def status(url: str) -> int:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    connection.request("GET", f"{place.path}?{place.query}")
    found = connection.getresponse().status
    connection.close()
    return found


class TestNotebook:
    def test_the_panels_are_shown_below_the_link(self, tmp_path: Path) -> None:
        """In a frame that may run scripts and nothing else; what the dataset holds is text in it, not markup."""
        dataset, _ = make_dataset(tmp_path, 3)
        (tmp_path / "registry.yaml").write_text("namespaces: {}\n")
        with dataset.explore(browser=False) as page:
            shown = page._repr_html_()

            link, frame = shown.split("<iframe ")
            assert page.url in link
            assert frame.startswith('sandbox="allow-scripts" srcdoc="&lt;!doctype html')
            assert "3&lt;/b&gt; of 3 records" in frame
            assert 1 == frame.count("&lt;!doctype html") and 1 == frame.count("<")
            assert shown == page._repr_html_()

    def test_why_there_are_no_panels_is_told(self, tmp_path: Path) -> None:
        """The link is there all the same."""
        dataset, _ = make_dataset(tmp_path, 3)
        (tmp_path / "registry.yaml").write_text("namespaces: {}\n")
        with dataset.explore(browser=False) as page:
            shutil.rmtree(dataset.path)
            shown = page._repr_html_()

        assert page.url in shown
        assert "The panels can&#x27;t be shown here: There is no dataset" in shown.replace("can't", "can&#x27;t")
        assert "<iframe" not in shown


class TestExplore:
    def test_a_page_is_served_until_it_is_stopped(self, tmp_path: Path) -> None:
        """Its address lets in; afterwards nothing answers."""
        dataset, _ = make_dataset(tmp_path, 3)
        (tmp_path / "registry.yaml").write_text("namespaces: {}\n")
        with dataset.explore(browser=False) as page:
            assert 303 == status(page.url)

        with pytest.raises(ConnectionRefusedError):
            status(page.url)
        page.stop()

    def test_why_it_can_t_be_served_is_told(self, tmp_path: Path) -> None:
        """What the command says, in one line."""
        (tmp_path / "registry.yaml").write_text("namespaces: {}\n")
        with pytest.raises(PageNotServed) as caught:
            Dataset.open(tmp_path, "nope").explore(browser=False)

        assert "There is no dataset 'nope'" in str(caught.value)
