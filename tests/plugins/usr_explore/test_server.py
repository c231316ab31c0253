"""Where the page is served, and the command without a browser."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.cli import Usr, clean_env, usr_argv
from support.processes import Child
from usr_explore.ejecting import eject_notebook
from usr_explore.errors import HostNotLocal, PageInvalid, PortTaken
from usr_explore.exploring import Exploration
from usr_explore.server import listen


class TestPlace:
    def test_the_page_is_this_machine_s_alone(self) -> None:
        """At a free port, with a token that nobody guesses; another one each time."""
        first, place = listen("127.0.0.1", None, None, known=False)
        second, other = listen("127.0.0.1", None, None, known=False)
        with first, second:
            assert "127.0.0.1" == first.getsockname()[0]
            assert place.url == f"http://127.0.0.1:{place.port}/?token={place.token}"
            assert len(place.token) >= 32 and place.token != other.token
            assert f"-L {place.port}:127.0.0.1:{place.port}" in place.tunnel
            assert f"http://127.0.0.1:{place.port}" in place.origins

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
    def test_other_machines_are_let_in_only_if_somebody_knows(self, host: str) -> None:
        """Without --i-know, nothing listens."""
        with pytest.raises(HostNotLocal):
            listen(host, None, None, known=False)

    def test_a_proxy_s_address_is_where_requests_come_from(self) -> None:
        """Its origin and path; a path alone leaves the origin as it is."""
        listening, place = listen("127.0.0.1", None, "https://hub.example/user/me/", known=False)
        with listening:
            assert place.url.startswith("https://hub.example/user/me/?token=")
            assert "https://hub.example" in place.origins
        listening, place = listen("127.0.0.1", None, "/node7", known=False)
        with listening:
            assert place.url.startswith(f"http://127.0.0.1:{place.port}/node7/?token=")

    @pytest.mark.parametrize("text", ["ftp://x/y", "node7", "https:///x", "/a b", "/a?b=c", "/a\r\nSet-Cookie: x"])
    def test_what_is_not_an_address_is_refused(self, text: str) -> None:
        """Before anything listens."""
        with pytest.raises(PageInvalid):
            listen("127.0.0.1", None, text, known=False)

    def test_a_taken_port_is_an_error(self) -> None:
        """It is named."""
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTaken) as caught:
            listen("127.0.0.1", taken.getsockname()[1], None, known=False)

        assert str(taken.getsockname()[1] if taken.fileno() >= 0 else "") in str(caught.value)


class TestBehindAProxy:
    def test_the_page_is_under_its_path(self, explore_root: Path, tmp_path: Path) -> None:
        """The token leads there, the cookie is for it alone; Ctrl-C ends it, and nothing is left behind."""
        command = [*usr_argv(), "--root", str(explore_root), "explore", "demo/plain", "--no-browser"]
        command += ["--base-url", "/node7/me", "--quiet"]
        env = clean_env({"HOME": tmp_path / "home", "TMPDIR": tmp_path})
        with Child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as server:
            assert server.stdout is not None and server.stderr is not None
            place = urlsplit(server.stdout.readline().strip())
            connection = http.client.HTTPConnection("127.0.0.1", place.port or 0, timeout=30)
            connection.request("GET", f"{place.path}?{place.query}")
            first = connection.getresponse()
            first.read()
            cookie = first.headers["set-cookie"]
            connection.request("GET", first.headers["location"], headers={"Cookie": cookie.partition(";")[0]})
            second = connection.getresponse()
            text = second.read().decode()
            connection.close()
            server.send_signal(signal.SIGINT)
            status, told = server.wait(30), server.stderr.read()

        assert (303, "/node7/me/") == (first.status, first.headers["location"])
        assert "Path=/node7/me;" in cookie
        assert (200, True) == (second.status, "marimo" in text)
        assert (0, "", []) == (status, told, list(tmp_path.iterdir()))


class TestCommand:
    def test_what_is_missing_is_said(self, seeded: Usr) -> None:
        """Each package with its version."""
        assert ["ok"] * 5 == [line.split()[0] for line in seeded.ok("explore", "--check").out.splitlines()]

    def test_a_missing_package_is_an_error_with_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is imported to find out."""
        from usr_explore import needs
        from usr_explore.errors import ExploreMissing

        monkeypatch.setitem(needs._PACKAGES, "explore", (("marimo", "no_such_module"),))

        assert any(line.startswith("missing  marimo") for line in needs.lines())
        with pytest.raises(ExploreMissing) as caught:
            needs.require("explore")
        assert "universal-sequence-record[explore]" in caught.value.hint

    def test_what_can_t_be_is_refused(self, seeded: Usr) -> None:
        """Another host, both files, a dataset that is not there."""
        seeded.refuses(2, "explore", "ns/base", "--host", "0.0.0.0", "--no-browser")
        seeded.refuses(2, "explore", "ns/base", "--html", "a.html", "--eject", "b.py")
        seeded.refuses(3, "explore", "ns/nope", "--no-browser")

    def test_a_report_is_one_file_that_asks_for_nothing(self, seeded: Usr, tmp_path: Path) -> None:
        """It is not replaced unasked; its policy lets it load nothing, and no name of ours or address is in it."""
        path = tmp_path / "report.html"
        seeded.ok("explore", "ns/base", "--html", path)
        text = path.read_text()

        assert "6</b> of 6 records" in text
        assert "default-src 'none'" in text
        assert str(seeded.root) not in text
        assert "<script src" not in text and "<link" not in text
        assert "USR-EXPLORE-104" in seeded.refuses(2, "explore", "ns/base", "--html", path).err
        assert text == path.read_text()
        seeded.ok("explore", "ns/base", "--html", path, "--overwrite")

    def test_the_notebook_is_a_file_of_one_s_own(self, seeded: Usr, tmp_path: Path) -> None:
        """It runs by itself, with this root and dataset."""
        path = tmp_path / "page.py"
        seeded.ok("explore", "ns/base", "--eject", path)

        text = path.read_text()
        assert f"ROOT = {str(seeded.root)!r}" in text and "DATASET = 'ns/base'" in text
        run = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120, check=False)
        assert (0, "") == (run.returncode, run.stderr)

    def test_a_root_without_datasets_has_a_page_too(self, tmp_path: Path) -> None:
        """No cell of it fails."""
        (tmp_path / "registry.yaml").write_text("namespaces: {}\n")
        path = eject_notebook(Exploration(tmp_path), tmp_path / "page.py")

        run = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120, check=False)
        assert (0, "") == (run.returncode, run.stderr)
