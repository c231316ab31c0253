"""Deliveries to a real HTTPS server."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from support.cli import Usr
from support.tree import assert_unchanged
from support.webhook_server import Answer, WebhookServer, ca_folder, webhook_server

DS = "ns/base"
Words = list[str | Path]


def lines_of(usr: Usr) -> list[bytes]:
    return (usr.path(DS) / ".events.log").read_bytes().splitlines()


class TestDelivery:
    def test_every_event_once_as_the_log_has_it(self, busy: Usr, hook: Words, server: WebhookServer) -> None:
        """Byte by byte, in order; the second run has nothing to do, and the dataset is not touched."""
        with assert_unchanged(busy.root):
            first = busy.ok(*hook)
            second = busy.ok(*hook)

        assert lines_of(busy) == [request.body for request in server.received]
        assert "delivered 4 events" in first.out
        assert "delivered 0 events" in second.out

    def test_the_idempotency_key_is_dataset_and_number(
        self, busy: Usr, hook: Words, server: WebhookServer, cursor: Path
    ) -> None:
        """The same at each delivery, another one for each event."""
        busy.ok(*hook)
        cursor.unlink()
        busy.ok(*hook)

        assert server.taken[:4] == server.taken[4:]
        assert (
            [1, 2, 3, 4]
            == [
                int(re.fullmatch(r"ns/base:(\d+):[0-9a-f]{12}", key).group(1))  # type: ignore[union-attr]
                for key in server.taken[:4]
            ]
        )
        assert "application/json" == server.received[0].headers["content-type"]

    def test_only_the_actions_asked_for(self, busy: Usr, hook: Words, server: WebhookServer) -> None:
        """The others count as dealt with."""
        busy.ok(*hook, "--only-actions", "import,delete")
        busy.ok(*hook)

        assert ["import"] == [json.loads(request.body)["action"] for request in server.received]

    def test_from_now_begins_at_the_end(self, busy: Usr, hook: Words, server: WebhookServer) -> None:
        """Only what comes after the first run is delivered; with a cursor the option says nothing."""
        busy.ok(*hook, "--from-now")
        busy.ok("snapshot", DS)
        busy.ok(*hook, "--from-now")

        assert [5] == [json.loads(request.body)["seq"] for request in server.received]

    def test_dry_run_sends_nothing_and_keeps_nothing(
        self, busy: Usr, hook: Words, server: WebhookServer, tmp_path: Path
    ) -> None:
        """It says what would go."""
        with assert_unchanged(tmp_path):
            result = busy.ok(*hook, "--dry-run")

        assert [] == server.received
        assert "would deliver 4 events" in result.out

    def test_thousands_of_events(self, seeded: Usr, hook: Words, server: WebhookServer) -> None:
        """All of them, in order, over one connection."""
        log = seeded.path(DS) / ".events.log"
        log.write_text("".join(f'{{"action":"x","seq":{n}}}\n' for n in range(1, 2001)), encoding="utf-8")

        seeded.ok(*hook, "--quiet")

        assert list(range(1, 2001)) == [json.loads(request.body)["seq"] for request in server.received]


class TestTrouble:
    def test_a_server_that_fails_first(self, busy: Usr, hook: Words, server: WebhookServer) -> None:
        """500, 503 and 429 are tried again until they work; nothing is lost."""
        server.answers += [Answer(status=500), Answer(status=503), Answer(), Answer(status=429)]
        busy.ok(*hook)

        assert 7 == len(server.received)
        assert 4 == len(set(server.taken))

    def test_retry_after_is_honoured(self, busy: Usr, hook: Words, server: WebhookServer) -> None:
        """No attempt comes before the time that the server asked for."""
        import time

        server.answers += [Answer(status=503, headers={"Retry-After": "2"})]
        started = time.monotonic()
        busy.ok(*hook)

        assert 2.0 <= time.monotonic() - started
        assert server.taken[0] == server.taken[1]

    def test_down_then_up(self, busy: Usr, cursor: Path) -> None:
        """A run against nobody ends with exit 7 and is continued where it stopped."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        words: Words = ["notify", "follow", DS, "--cursor", cursor, "--to", f"https://localhost:{port}/hook", "--once"]
        words += ["--ca-bundle", ca_folder() / "ca.pem", "--retries", "1"]
        down = busy.refuses(7, *words)
        with webhook_server(port=port) as server:
            busy.ok(*words)

        assert "USR-NOTIFY-107" in down.err
        assert lines_of(busy) == [request.body for request in server.received]

    def test_an_event_that_is_refused_is_the_next_one_again(
        self, busy: Usr, hook: Words, server: WebhookServer
    ) -> None:
        """400 is not tried again: exit 1, and what was delivered before stays delivered."""
        server.answers += [Answer(), Answer(status=400)]
        result = busy.refuses(1, *hook)
        busy.ok(*hook)

        assert "USR-NOTIFY-108" in result.err
        assert [1, 2, 2, 3, 4] == [json.loads(request.body)["seq"] for request in server.received]

    def test_a_slow_server_is_given_up(self, busy: Usr, hook: Words, server: WebhookServer) -> None:
        """After the time given; the next attempt works."""
        server.answers += [Answer(seconds=3)]
        busy.ok(*hook, "--timeout", "0.5")

        assert 5 == len(server.received)

    def test_a_server_of_an_unknown_ca(self, busy: Usr, hook: Words, server: WebhookServer) -> None:
        """It gets nothing, at once, whether the bundle is another one or the system's."""
        others: Words = [*hook[:-1], ca_folder() / "other-ca.pem"]
        results = [busy.refuses(1, *others), busy.refuses(1, *hook[:-2])]

        assert [] == server.received
        assert all("USR-NOTIFY-108" in one.err and "--ca-bundle" in one.err for one in results)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_to_another_place_is_not_followed(
        self, busy: Usr, hook: Words, server: WebhookServer, status: int
    ) -> None:
        """Neither event nor token goes to another host or port."""
        with webhook_server() as other:
            server.answers += [Answer(status=status, headers={"Location": other.url})]
            busy.refuses(1, *hook, env={"USR_NOTIFY_TOKEN": "t0psecret"})

        assert ([], 1) == (other.received, len(server.received))

    def test_a_redirect_on_the_same_place_is_followed(self, busy: Usr, hook: Words, server: WebhookServer) -> None:
        """With the same method and body; an endless one is not."""
        server.answers += [Answer(status=307, headers={"Location": "/there"})]
        busy.ok(*hook)
        paths = [request.path for request in server.received]
        server.answers += [Answer(status=307, headers={"Location": "/there"})] * 10
        busy.ok("snapshot", DS)
        busy.refuses(1, *hook)

        assert ["/hook", "/there", "/hook", "/hook", "/hook"] == paths
        assert server.received[0].body == server.received[1].body


class TestSecrets:
    def test_a_token_from_a_file_or_the_environment(
        self, busy: Usr, hook: Words, server: WebhookServer, tmp_path: Path
    ) -> None:
        """It goes into the header and nowhere else; a header file adds headers."""
        token, headers = tmp_path / "token", tmp_path / "headers"
        token.write_text("t0psecret-file\n", encoding="utf-8")
        headers.write_text("# mine\nX-Team: promoters\n", encoding="utf-8")
        results = [busy.ok(*hook, "--token-file", token, "--header-file", headers)]
        busy.ok("snapshot", DS)
        results.append(busy.ok(*hook, env={"USR_NOTIFY_TOKEN": "t0psecret-env"}))

        assert "Bearer t0psecret-file" == server.received[0].headers["authorization"]
        assert "promoters" == server.received[0].headers["x-team"]
        assert "Bearer t0psecret-env" == server.received[-1].headers["authorization"]
        assert "t0psecret" not in "".join(one.out + one.err for one in results)

    @pytest.mark.parametrize("status", [400, 401, 500])
    def test_an_error_shows_neither_token_nor_path(
        self, busy: Usr, hook: Words, server: WebhookServer, tmp_path: Path, status: int
    ) -> None:
        """Only the host, and also under --debug."""
        url = tmp_path / "url"
        url.write_text(f"{server.url}/s3cretpath?token=s3cretquery\n", encoding="utf-8")
        server.answers += [Answer(status=status, headers={"X-Echo": "t0psecret"})] * 3
        words = [word for word in hook if word not in ("--to", server.url)]
        done = busy.run("--debug", *words, "--to-file", url, "--retries", "0", env={"USR_NOTIFY_TOKEN": "t0psecret"})

        assert "/hook/s3cretpath?token=s3cretquery" == server.received[0].path
        assert 0 != done.rc
        assert f"https://localhost:{server.port} did not take" in done.err
        assert not any(secret in done.out + done.err for secret in ("s3cret", "t0psecret"))

    def test_the_url_from_the_environment(self, busy: Usr, hook: Words, server: WebhookServer) -> None:
        """Where no option names a target."""
        words = [word for word in hook if word not in ("--to", server.url)]
        busy.ok(*words, env={"USR_NOTIFY_URL": server.url})

        assert 4 == len(server.received)

    @pytest.mark.parametrize(
        ("url", "told"),
        [
            ("https://me:t0psecret@example.org/x", "secret"),
            ("https://example.org/x?token=t0psecret", "secret"),
            ("https://hooks.slack.com/services/T0/B0/t0psecret", "secret"),
            ("http://example.org/x", "https only"),
            ("http://localhost:9/x", "--allow-http-localhost"),
            ("ftp://example.org/x", "not a URL of a webhook"),
            ("example.org", "not a URL of a webhook"),
            ("https://example.org:99999/", "not a URL"),
            ("https://exa mple.org/", "a space"),
        ],
    )
    def test_a_url_that_is_not_safe(self, busy: Usr, cursor: Path, tmp_path: Path, url: str, told: str) -> None:
        """Exit 2, nothing sent, nothing written, and the secret is not repeated."""
        with assert_unchanged(tmp_path):
            result = busy.refuses(2, "notify", "follow", DS, "--cursor", cursor, "--to", url, "--once")

        assert told in result.err
        assert "t0psecret" not in result.err

    @pytest.mark.parametrize(
        ("option", "content"),
        [
            ("--token-file", "t0p secret"),
            ("--token-file", ""),
            ("--token-file", "t0psecret\nt0psecret2"),
            ("--header-file", "t0psecret"),
            ("--header-file", "X: t0psecret\nx: t0psecret"),
            ("--header-file", "Host: t0psecret"),
            ("--header-file", "X: t0p\u00e9secret"),
            ("--ca-bundle", "t0psecret"),
            ("--to-file", "t0psecret\nt0psecret"),
        ],
    )
    def test_a_bad_secret_file(
        self, busy: Usr, hook: Words, server: WebhookServer, tmp_path: Path, option: str, content: str
    ) -> None:
        """Exit 2; the file is named and its content is not."""
        file = tmp_path / "given"
        file.write_text(content, encoding="utf-8")
        drop = ("--to", server.url) if option == "--to-file" else ()
        with assert_unchanged(tmp_path):
            result = busy.refuses(2, *[word for word in hook if word not in drop], option, file)

        assert str(file) in result.err
        assert "t0p" not in result.err
        assert [] == server.received

    def test_http_to_this_machine_on_request(self, busy: Usr, cursor: Path) -> None:
        """With the flag that says so."""
        with webhook_server(tls=False) as server:
            words: Words = ["notify", "follow", DS, "--cursor", cursor, "--to", server.url, "--once"]
            busy.ok(*words, "--allow-http-localhost")

        assert 4 == len(server.received)
