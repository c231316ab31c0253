"""The page in a real browser, Debian's Chromium: what a visitor sees, does, and can't do.

The tests run in their order and go on where the one before ended, as a visitor would. Pictures of the page are kept in
the folder that USR_EXPLORE_PICTURES names, for a person to look at.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.cli import clean_env
from support.explore import MOTIF, ROWS, WITH_MOTIF
from support.processes import Child
from usr_core import Dataset
from usr_explore.differing import version_labels
from usr_explore.exploring import Exploration
from usr_explore.report import write_report

SECONDS = 60_000  # milliseconds, as Playwright counts; a loaded machine is slow


@dataclass
class Visit:
    """A page that is open, and what the browser had to say about it."""

    page: Page
    url: str
    root: Path
    server: Child[str]
    browser: Browser
    elsewhere: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def token(self) -> str:
        return self.url.partition("token=")[2]

    def shows(self, text: str) -> None:
        """Wait until the header says so."""
        expect(self.page.locator("#shown")).to_have_text(text, timeout=SECONDS)

    def fill(self, label: str, text: str) -> None:
        """Type into a box; again where a box that was made anew has taken the text with it, as after a reset."""
        box = self.page.get_by_label(label, exact=True).first
        for _ in range(5):
            box.fill(text)
            box.press("Enter")
            self.page.wait_for_timeout(300)
            if box.input_value() == text:
                return

    def press(self, label: str | re.Pattern[str]) -> None:
        self.page.get_by_role("button", name=label).first.click()

    def picture(self, name: str, width: int) -> None:
        """Keep a picture of the whole page; marimo scrolls an inner element, so the window is made as tall as that."""
        page = self.page
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(400)
        tall = page.evaluate("Math.max(...[...document.querySelectorAll('*')].map(one => one.scrollHeight))")
        page.set_viewport_size({"width": width, "height": min(int(tall), 6_000)})
        page.wait_for_timeout(500)
        folder = os.environ.get("USR_EXPLORE_PICTURES")
        if folder:
            page.screenshot(path=str(Path(folder) / name))
        page.set_viewport_size({"width": width, "height": 900})

    def brush(self, chart: int, left: float, top: float, right: float, bottom: float) -> None:
        """Draw a rectangle over a chart, in shares of its width and height."""
        drawn = self.page.locator("marimo-vega canvas, marimo-vega svg.marks").nth(chart)
        expect(drawn).to_be_visible(timeout=SECONDS)
        self.page.wait_for_timeout(400)
        drawn.scroll_into_view_if_needed()
        box = drawn.bounding_box()
        assert box is not None
        mouse = self.page.mouse
        mouse.move(box["x"] + box["width"] * left, box["y"] + box["height"] * top)
        mouse.down()
        mouse.move(box["x"] + box["width"] * right, box["y"] + box["height"] * bottom, steps=5)
        mouse.up()


@pytest.fixture(scope="module")
def visit(explore_root: Path) -> Iterator[Visit]:
    chromium = shutil.which("chromium")
    assert chromium is not None, "chromium is missing; `make test` installs it"
    command = [str(Path(sys.executable).with_name("usr")), "--root", str(explore_root)]
    command += ["explore", "demo/first", "--no-browser"]
    with (
        Child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_env()) as server,
        sync_playwright() as driver,
    ):
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        browser = driver.chromium.launch(executable_path=chromium)
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        found = Visit(page, url, explore_root, server, browser)
        place = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
        page.on("request", lambda one: found.elsewhere.append(one.url) if not _ours(one.url, place) else None)
        page.on("pageerror", lambda one: found.faults.append(str(one)))
        page.on("console", lambda one: found.faults.append(one.text) if one.type == "error" else None)
        yield found
        browser.close()
        server.send_signal(signal.SIGINT)
        server.wait(20)


def _ours(url: str, place: str) -> bool:
    return url.startswith((place, place.replace("http:", "ws:"), "data:", "blob:"))


def asked(visit: Visit, path: str, **headers: str) -> int:
    """Return the status that the server answers with."""
    place = urlsplit(visit.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def upgrade(visit: Visit, **headers: str) -> int:
    """Return the status that a websocket is answered with; 101 is let in."""
    more = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    return asked(visit, "/ws?session_id=s_aaaaaa", **{**more, **headers})


class TestLettingIn:
    def test_without_the_token_nobody_is_let_in(self, visit: Visit) -> None:
        """Neither without one nor with a wrong one, as an address or as a cookie."""
        port = urlsplit(visit.url).port

        assert 403 == asked(visit, "/")
        assert 403 == asked(visit, "/?token=wrong")
        assert 403 == asked(visit, "/", Cookie=f"usr_explore_{port}=wrong")
        assert 303 == asked(visit, f"/?token={visit.token}")
        assert 200 == asked(visit, "/", Cookie=f"usr_explore_{port}={visit.token}")

    def test_another_host_or_origin_is_refused(self, visit: Visit) -> None:
        """Even with the token: a name that was made to point here, and a page that is not ours."""
        port = urlsplit(visit.url).port
        cookie = {"Cookie": f"usr_explore_{port}={visit.token}"}

        assert 421 == asked(visit, "/", Host="evil.example", **cookie)
        assert 421 == asked(visit, f"/?token={visit.token}", Host=f"evil.example:{port}")
        assert 403 == asked(visit, "/", Origin="http://evil.example", **cookie)

    def test_a_websocket_is_checked_as_every_request(self, visit: Visit) -> None:
        """It needs the cookie, our Host, and our Origin, which browsers always say."""
        port = urlsplit(visit.url).port
        cookie, origin = f"usr_explore_{port}={visit.token}", f"http://127.0.0.1:{port}"

        assert 403 == upgrade(visit, Origin=origin)
        assert 403 == upgrade(visit, Cookie=cookie)
        assert 403 == upgrade(visit, Cookie=cookie, Origin="http://evil.example")
        assert 403 == upgrade(visit, Cookie=cookie, Origin=origin, Host="evil.example")
        assert 101 == upgrade(visit, Cookie=cookie, Origin=origin)


class TestReport:
    def test_a_report_opens_from_disk_without_a_network(self, visit: Visit, tmp_path: Path) -> None:
        """Its charts are drawn, it asks for nothing, and nothing is wrong with it, on a phone either."""
        path = write_report(Exploration(visit.root), "demo/first", tmp_path / "report.html")
        context = visit.browser.new_context(offline=True, viewport={"width": 390, "height": 900})
        page = context.new_page()
        asked, faults = [], []
        page.on("request", lambda one: asked.append(one.url))
        page.on("pageerror", lambda one: faults.append(str(one)))
        page.on("console", lambda one: faults.append(one.text) if one.type == "error" else None)

        page.goto(path.as_uri())

        expect(page.locator("#usr-pair canvas, #usr-pair svg").first).to_be_visible(timeout=SECONDS)
        expect(page.locator("#usr-map canvas, #usr-map svg").first).to_be_visible(timeout=SECONDS)
        expect(page.locator("#shown")).to_have_text(f"{ROWS} of {ROWS} records")
        assert ([path.as_uri()], []) == (asked, faults)
        assert 390 >= page.evaluate("document.documentElement.scrollWidth")
        context.close()


class TestPage:
    @pytest.fixture(autouse=True)
    def _is_open(self, visit: Visit) -> None:
        """Each test can be run alone, too."""
        if visit.page.url == "about:blank":
            visit.page.goto(visit.url)
            visit.shows(f"{ROWS} of {ROWS} records")

    def test_the_token_leaves_the_address(self, visit: Visit) -> None:
        """The printed address leads to one without it."""
        assert urlsplit(visit.url)._replace(query="").geturl() == visit.page.url

    def test_names_are_text_and_not_markup(self, visit: Visit) -> None:
        """What a dataset holds is escaped."""
        expect(visit.page.get_by_text("<b>prom_0</b>").first).to_be_visible(timeout=SECONDS)

    def test_all_panels_are_there(self, visit: Visit) -> None:
        """In their order, light."""
        page = visit.page
        expect(page.locator("marimo-vega canvas, marimo-vega svg.marks").first).to_be_visible(timeout=SECONDS)
        tops = [
            page.get_by_text(text, exact=False).first.bounding_box()
            for text in ("across", "The first", "Values", "Map of vectors", "These records again", "History")
        ]

        heights = [box["y"] for box in tops if box is not None]
        assert 6 == len(heights)
        assert sorted(heights) == heights
        visit.picture("1280-light.png", 1280)

    def test_a_condition_filters(self, visit: Visit) -> None:
        """And the command that does the same is on the page."""
        visit.fill("Condition", "lab__strength >= 20 and lab__plate = 'p1'")

        truth = Dataset.open(visit.root, "demo/first").to_arrow(where="lab__strength >= 20 and lab__plate = 'p1'")
        visit.shows(f"{truth.num_rows} of {ROWS} records")
        expect(visit.page.locator("#usr-command")).to_contain_text("--where", timeout=SECONDS)

    def test_a_bad_condition_keeps_the_last_result(self, visit: Visit) -> None:
        """Its message is on the page."""
        before = visit.page.locator("#shown").inner_text()
        visit.fill("Condition", "nope > 3")

        expect(visit.page.get_by_role("alert").first).to_contain_text("no column 'nope'", timeout=SECONDS)
        visit.shows(before)

    def test_reset_empties_the_boxes(self, visit: Visit) -> None:
        """All records are shown again."""
        visit.press("Reset filters")

        visit.shows(f"{ROWS} of {ROWS} records")
        assert "" == visit.page.get_by_label("Condition", exact=True).first.input_value()

    def test_a_motif_is_found_on_both_strands(self, visit: Visit) -> None:
        """With gaps of several lengths; the exported condition finds the same records."""
        visit.fill("Motif", MOTIF)

        visit.shows(f"{WITH_MOTIF} of {ROWS} records")
        expect(visit.page.locator("#usr-python")).to_contain_text("where=", timeout=SECONDS)
        line = visit.page.locator("#usr-python").inner_text()
        where = re.search(r"where=(.*)\)$", line)
        assert where is not None
        again = Dataset.open(visit.root, "demo/first").to_arrow(where=eval(where[1]))
        assert WITH_MOTIF == again.num_rows

    def test_a_click_chooses_a_record(self, visit: Visit) -> None:
        """It is shown whole, the motif marked in it."""
        visit.fill("Motif", MOTIF)
        visit.shows(f"{WITH_MOTIF} of {ROWS} records")
        visit.page.get_by_role("checkbox").nth(1).click()

        expect(visit.page.get_by_role("heading", name=re.compile("^Record "))).to_be_visible(timeout=SECONDS)
        expect(visit.page.locator(".usr-seq mark").first).to_be_visible(timeout=SECONDS)
        visit.picture("1280-record.png", 1280)

    def test_what_can_not_be_used_and_no_hits_are_told(self, visit: Visit) -> None:
        """A condition and a motif each by a message below its own box, no hits by the name of what leaves nothing."""
        visit.fill("Motif", MOTIF)
        visit.shows(f"{WITH_MOTIF} of {ROWS} records")
        visit.fill("Motif", "TTGA-CA")
        expect(visit.page.get_by_role("alert").first).to_contain_text("not a motif", timeout=SECONDS)
        visit.shows(f"{WITH_MOTIF} of {ROWS} records")

        visit.fill("Condition", "length >")
        expect(visit.page.locator("#usr-fault-condition")).to_contain_text("can't be used", timeout=SECONDS)
        visit.shows(f"{WITH_MOTIF} of {ROWS} records")
        boxes = [visit.page.get_by_label(label, exact=True).first for label in ("Condition", "Motif")]
        faults = [visit.page.locator(f"#usr-fault-{name}") for name in ("condition", "motif")]
        below = [one.bounding_box() for one in (boxes[0], faults[0], boxes[1], faults[1])]
        heights = [box["y"] for box in below if box is not None]
        assert (4, sorted(heights)) == (len(heights), heights)
        visit.fill("Condition", "")

        visit.fill("Motif", "TTTTTTTTTTTTTTTTTTTTTT")
        visit.shows(f"0 of {ROWS} records")
        expect(visit.page.get_by_text("No record meets the motif.").first).to_be_visible(timeout=SECONDS)
        visit.press("Reset filters")
        visit.shows(f"{ROWS} of {ROWS} records")

    def test_brushing_filters(self, visit: Visit) -> None:
        """A rectangle over the chart leaves what lies in it, and says so as a condition."""
        visit.brush(0, 0.4, 0.2, 0.7, 0.6)
        command = visit.page.locator("#usr-command")
        expect(command).to_contain_text("lab__strength between", timeout=SECONDS)
        line = visit.page.locator("#usr-python").inner_text()
        where = re.search(r"where=(.*)\)$", line)
        assert where is not None

        rows = Dataset.open(visit.root, "demo/first").to_arrow(where=eval(where[1])).num_rows
        assert 0 < rows < ROWS
        visit.shows(f"{rows} of {ROWS} records")

    def test_marking_is_an_event_after_a_confirmation(self, visit: Visit) -> None:
        """The button asks; the second one marks the shown records, through the ordinary commit."""
        dataset = Dataset.open(visit.root, "demo/first")
        events = len(list(dataset.events()))
        shown = int(visit.page.locator("#shown b").inner_text())
        visit.page.get_by_label("split", exact=True).first.select_option(label="holdout")
        visit.press(re.compile("^Mark the"))
        sure = visit.page.get_by_role("button", name="Yes, mark them").first
        expect(sure).to_be_visible(timeout=SECONDS)
        assert events == len(list(dataset.events()))

        sure.click()

        expect(visit.page.get_by_text(re.compile(f"{shown} records marked")).first).to_be_visible(timeout=SECONDS)
        assert events + 1 == len(list(dataset.events()))
        assert shown == dataset.to_arrow(where="usr_state__split = 'holdout'").num_rows

    def test_the_map_of_vectors_is_drawn_and_brushed(self, visit: Visit) -> None:
        """On its button; a rectangle over one half of it leaves one of the two groups."""
        visit.press("Reset filters")
        visit.shows(f"{ROWS} of {ROWS} records")
        visit.press("Draw the map")
        expect(visit.page.get_by_text("on two axes of their vectors")).to_be_visible(timeout=SECONDS)
        visit.picture("1280-map.png", 1280)

        visit.brush(1, 0.1, 0.05, 0.5, 0.85)

        # One of two groups of 150; a few of them lie beyond the rectangle.
        expect(visit.page.locator("#shown")).to_have_text(re.compile(rf"^1[0-5]\d of {ROWS}"), timeout=SECONDS)
        expect(visit.page.locator("#usr-command")).to_contain_text("ids.txt", timeout=SECONDS)
        visit.press("Reset filters")

    def test_another_dataset_is_chosen(self, visit: Visit) -> None:
        """One without columns of its own, and an empty one, which says how to fill it."""
        picker = visit.page.get_by_label("Dataset", exact=True).first
        picker.select_option(label="demo/plain")
        visit.shows("3 of 3 records")
        picker.select_option(label="demo/empty")

        visit.shows("0 of 0 records")
        expect(visit.page.get_by_text("usr import demo/empty").first).to_be_visible(timeout=SECONDS)
        picker.select_option(label="demo/first")
        visit.shows(f"{ROWS} of {ROWS} records")

    def test_an_earlier_version_is_shown(self, visit: Visit) -> None:
        """Its records and columns; the commands say which version it is, and nothing can be marked there."""
        labels = {version: label for label, version in version_labels(Dataset.open(visit.root, "demo/first")).items()}
        picker = visit.page.get_by_label("Version", exact=True).first
        picker.select_option(label=labels["2"])

        expect(visit.page.locator("#usr-dataset")).to_have_text("demo/first as it was at version 2", timeout=SECONDS)
        expect(visit.page.locator("#usr-command")).to_contain_text("--at 2", timeout=SECONDS)
        expect(visit.page.get_by_text("records can't be marked here").first).to_be_visible(timeout=SECONDS)
        visit.page.get_by_label("Version", exact=True).first.select_option(label=labels["now"])
        expect(visit.page.locator("#usr-dataset")).to_have_text("demo/first", timeout=SECONDS)
        visit.shows(f"{ROWS} of {ROWS} records")

    def test_versions_are_compared(self, visit: Visit) -> None:
        """Counts, the first differences, and the commands that say and undo it."""
        labels = {version: label for label, version in version_labels(Dataset.open(visit.root, "demo/first")).items()}
        picker = visit.page.get_by_label("Compare with version", exact=True).first
        picker.select_option(label=labels["2"])

        told = visit.page.locator("#usr-compared")
        expect(told).to_contain_text(f"From demo/first@2 to demo/first, {ROWS} records in both", timeout=SECONDS)
        expect(visit.page.locator("#usr-compare-command")).to_contain_text("usr compare demo/first@2 demo/first")
        expect(visit.page.locator("#usr-compare-command")).to_contain_text("usr rollback demo/first --to 2")
        expect(visit.page.get_by_text("lab__strength", exact=True).first).to_be_visible(timeout=SECONDS)
        visit.picture("1280-compare.png", 1280)

    def test_a_phone_shows_it_too(self, visit: Visit) -> None:
        """390 pixels wide, nothing beyond them; and dark."""
        visit.picture("390-light.png", 390)

        assert 390 >= visit.page.evaluate("document.documentElement.scrollWidth")
        visit.page.emulate_media(color_scheme="dark")
        visit.page.wait_for_timeout(300)
        visit.picture("390-dark.png", 390)
        visit.picture("1280-dark.png", 1280)
        assert "dark" in visit.page.evaluate("document.body.className + document.documentElement.className")

    def test_nothing_went_wrong_and_nothing_elsewhere(self, visit: Visit) -> None:
        """No request to another host, no error on the console."""
        assert [] == visit.elsewhere
        assert [] == visit.faults

    def test_ctrl_c_ends_it_with_success(self, visit: Visit) -> None:
        """While the page is open; the address and the line for a tunnel were printed."""
        visit.server.send_signal(signal.SIGINT)
        status = visit.server.wait(30)
        assert visit.server.stderr is not None

        told = visit.server.stderr.read()
        assert (0, True, False) == (status, "ssh -L" in told, "Traceback" in told)
