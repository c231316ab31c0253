"""Events that wait: with `follow`, with the event sink, and with `drain`."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from support.cli import Usr, start_usr
from support.tree import assert_unchanged
from support.webhook_server import Answer, WebhookServer, ca_folder, ended, wait_until, webhook_server
from usr_notify.message import Message
from usr_notify.spool import Spool

DS = "ns/base"
Words = list[str | Path]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where the spool goes; not there yet."""
    return tmp_path / "spool"


def drain(server: WebhookServer, spool: Path) -> Words:
    return ["notify", "drain", "--spool", spool, "--to", server.url, "--ca-bundle", ca_folder() / "ca.pem"]


def waiting(spool: Path) -> int:
    return len(Spool(spool).waiting())


def seqs(server: WebhookServer) -> list[int]:
    return [json.loads(request.body)["seq"] for request in server.received]


class TestFollow:
    def test_the_log_goes_on_while_the_server_is_down(self, busy: Usr, cursor: Path, spool: Path) -> None:
        """Every event waits in the spool; later everything is delivered once, in order."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        words: Words = ["notify", "follow", DS, "--cursor", cursor, "--to", f"https://localhost:{port}/hook", "--once"]
        words += ["--ca-bundle", ca_folder() / "ca.pem", "--retries", "0", "--spool", spool]
        result = busy.ok(*words)
        held = waiting(spool)
        busy.ok("snapshot", DS)
        with webhook_server(port=port) as server:
            busy.ok(*words)

        assert "4 kept in the spool" in result.out
        assert (4, 0) == (held, waiting(spool))
        assert [1, 2, 3, 4, 5] == seqs(server)

    def test_a_run_that_goes_on_delivers_what_waits(self, busy: Usr, cursor: Path, spool: Path) -> None:
        """As soon as the server is back, without another command."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        words: Words = ["notify", "follow", DS, "--cursor", cursor, "--to", f"https://localhost:{port}/hook"]
        words += ["--ca-bundle", ca_folder() / "ca.pem", "--retries", "0", "--spool", spool, "--poll", "0.05"]
        with ended(start_usr(*words, root=busy.root)):
            wait_until(lambda: waiting(spool) == 4)
            with webhook_server(port=port) as server:
                wait_until(lambda: len(server.received) == 4)
                wait_until(lambda: waiting(spool) == 0)

        assert [1, 2, 3, 4] == seqs(server)

    def test_a_refused_event_holds_up_no_other(
        self, busy: Usr, hook: Words, server: WebhookServer, spool: Path
    ) -> None:
        """It ends up under rejected/, the others arrive."""
        server.answers += [Answer(), Answer(status=422), Answer(status=422)]
        busy.ok(*hook, "--spool", spool)
        busy.run(*drain(server, spool))

        assert {1, 2, 3, 4} == set(seqs(server))
        assert (0, 1) == (waiting(spool), len(list((spool / "rejected").iterdir())))

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_a_target_that_is_set_up_wrongly_loses_no_event(
        self, busy: Usr, hook: Words, server: WebhookServer, spool: Path, status: int
    ) -> None:
        """A token that ran out or a wrong address is mended; until then everything waits."""
        server.answers += [Answer(status=status) for _ in range(20)]
        busy.run(*hook, "--spool", spool)
        busy.run(*drain(server, spool), "--retries", "0")
        assert (4, False) == (waiting(spool), (spool / "rejected").exists())
        server.answers.clear()
        busy.ok(*drain(server, spool))
        assert 0 == waiting(spool)
        assert {1, 2, 3, 4} == set(seqs(server))


class TestDrain:
    def fill(self, spool: Path, count: int = 3) -> None:
        for number in range(1, count + 1):
            Spool(spool).add(
                Message(dataset=DS, action="x", seq=number, key=f"{DS}:{number}:0", payload=b'{"seq":%d}' % number)
            )

    def test_delivers_in_order_and_empties_the_spool(self, usr: Usr, server: WebhookServer, spool: Path) -> None:
        """A second run has nothing to do; a spool that is not there is empty."""
        empty = usr.ok(*drain(server, spool))
        self.fill(spool, 500)
        usr.ok(*drain(server, spool))
        again = usr.ok(*drain(server, spool))

        assert "delivered 0 events" in empty.out and "delivered 0 events" in again.out
        assert list(range(1, 501)) == seqs(server)

    def test_stops_where_the_server_is_down(self, usr: Usr, server: WebhookServer, spool: Path) -> None:
        """Exit 7; what was delivered is gone from the spool, the rest waits."""
        self.fill(spool)
        server.answers += [Answer(), Answer(status=503)]
        result = usr.refuses(7, *drain(server, spool), "--retries", "0")
        left = waiting(spool)
        usr.ok(*drain(server, spool))

        assert "waiting: 2" in result.err and 2 == left
        assert [1, 2, 2, 3] == seqs(server)

    def test_a_file_that_is_no_event_is_put_aside(self, usr: Usr, server: WebhookServer, spool: Path) -> None:
        """Exit 1, after the others were delivered."""
        self.fill(spool)
        for name, content in (("0.event", b"junk"), ("1.event", b'{"usr_notify_spool":1}\n{}\n'), ("2.event", b"")):
            (spool / name).write_bytes(content)
        usr.refuses(1, *drain(server, spool))

        assert [1, 2, 3] == seqs(server)
        assert ["0.event", "1.event", "2.event"] == sorted(path.name for path in (spool / "rejected").iterdir())

    def test_one_at_a_time(self, usr: Usr, server: WebhookServer, spool: Path) -> None:
        """A second drain is refused: exit 5."""
        self.fill(spool)
        server.answers += [Answer(seconds=4)]
        with ended(start_usr(*drain(server, spool), root=usr.root)) as running:
            wait_until(lambda: len(server.received) == 1)
            usr.refuses(5, *drain(server, spool))
            running.communicate(timeout=30)

        assert (0, [1, 2, 3]) == (running.returncode, seqs(server))

    def test_dry_run(self, usr: Usr, server: WebhookServer, spool: Path) -> None:
        """It counts, and changes nothing."""
        self.fill(spool)
        with assert_unchanged(spool):
            result = usr.ok(*drain(server, spool), "--dry-run")

        assert "would deliver 3 events" in result.out
        assert [] == server.received

    def test_a_spool_that_can_not_be_used(self, usr: Usr, server: WebhookServer, spool: Path) -> None:
        """A file in its place: exit 1; none at all: exit 2."""
        spool.write_bytes(b"")
        usr.refuses(1, *drain(server, spool))
        usr.refuses(2, "notify", "drain", "--to", server.url)


class TestSink:
    def settings(self, tmp_path: Path, text: str) -> dict[str, str | Path]:
        folder = tmp_path / "config" / "usr"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(text, encoding="utf-8")
        return {"XDG_CONFIG_HOME": tmp_path / "config"}

    def test_keeps_nothing_unless_it_is_asked_to(self, seeded: Usr, tmp_path: Path) -> None:
        """Without a section there is no file anywhere, and no remark."""
        result = seeded.ok("snapshot", DS, env=self.settings(tmp_path, "[plugins]\n"))

        assert "" == result.err
        assert [] == list(tmp_path.rglob("*.event"))

    def test_keeps_the_events_that_the_settings_want(
        self, seeded: Usr, server: WebhookServer, tmp_path: Path, spool: Path
    ) -> None:
        """`drain` delivers the log's very line, with the key that `follow` would give it."""
        env = self.settings(tmp_path, f'[notify]\nspool = "{spool}"\nactions = ["snapshot"]\n')
        seeded.ok("snapshot", DS, env=env)
        seeded.ok("state", "set", DS, "--id", self.first_id(seeded), "--split", "train", env=env)
        seeded.ok("notify", "drain", "--to", server.url, "--ca-bundle", ca_folder() / "ca.pem", env=env)
        log = (seeded.path(DS) / ".events.log").read_bytes().splitlines()
        seeded.ok(
            *("notify", "follow", DS, "--cursor", tmp_path / "c", "--to", server.url, "--once"),
            *("--only-actions", "snapshot", "--ca-bundle", ca_folder() / "ca.pem"),
        )

        assert [log[2], log[2]] == [request.body for request in server.received]
        assert server.taken[0] == server.taken[1]

    def first_id(self, usr: Usr) -> str:
        return str(usr.ok("head", DS, "--format", "json", "--columns", "id").data[0]["id"])

    @pytest.mark.parametrize(
        "section",
        [
            'spool = "{file}/below-a-file"',
            'spool = "relative"',
            "spool = 7",
            'spools = "/x"',
            'actions = "snapshot"',
        ],
    )
    def test_a_spool_that_fails_costs_a_warning(self, seeded: Usr, tmp_path: Path, section: str) -> None:
        """The change is made, the command ends with exit 0."""
        file = tmp_path / "file"
        file.touch()
        env = self.settings(tmp_path, "[notify]\n" + section.format(file=file))
        result = seeded.ok("snapshot", DS, env=env)

        assert "warning" in result.err and "Traceback" not in result.err
        assert "snapshot" == seeded.events(DS)[-1]["action"]
