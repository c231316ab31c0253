"""The page of `usr explore` from Python: served meanwhile, and ended."""

from __future__ import annotations

import http.client
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


class TestExplore:
    def test_a_page_is_served_until_it_is_stopped(self, tmp_path: Path) -> None:
        """Its address lets in; afterwards nothing answers."""
        dataset, _ = make_dataset(tmp_path, 3)
        (tmp_path / "registry.yaml").write_text("namespaces: {}\n")
        with dataset.explore(browser=False) as page:
            assert 303 == status(page.url)
            assert page.url in page._repr_html_()

        with pytest.raises(ConnectionRefusedError):
            status(page.url)
        page.stop()

    def test_why_it_can_t_be_served_is_told(self, tmp_path: Path) -> None:
        """What the command says, in one line."""
        (tmp_path / "registry.yaml").write_text("namespaces: {}\n")
        with pytest.raises(PageNotServed) as caught:
            Dataset.open(tmp_path, "nope").explore(browser=False)

        assert "There is no dataset 'nope'" in str(caught.value)
