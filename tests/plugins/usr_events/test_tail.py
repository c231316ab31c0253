"""``usr events tail`` as it is typed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from support.cli import Usr, clean_env, start_usr, usr_argv
from support.tree import assert_unchanged

DS = "ns/base"


def raw_lines(usr: Usr) -> list[str]:
    return (usr.path(DS) / ".events.log").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def busy(seeded: Usr) -> Usr:
    """The seeded dataset after two snapshots: four events."""
    seeded.ok("snapshot", DS)
    seeded.ok("snapshot", DS)
    return seeded


class TestTail:
    def test_json_is_the_logs_lines_bare(self, busy: Usr):
        """Exactly, without a wrapper; reading changes nothing."""
        with assert_unchanged(busy.root):
            out = busy.ok("events", "tail", DS, "--format", "json", "--n", "0").out

        assert raw_lines(busy) == out.splitlines()

    def test_n_and_since(self, busy: Usr):
        """The last n of those after a number."""

        def numbers(*options: str) -> list[int]:
            out = busy.ok("events", "tail", DS, "--format", "json", *options).out
            return [json.loads(line)["seq"] for line in out.splitlines()]

        assert [4] == numbers("--n", "1")
        assert [3, 4] == numbers("--since", "2")
        assert [4] == numbers("--since", "2", "-n", "1")
        assert [] == numbers("--since", "4")

    def test_ten_by_default(self, seeded: Usr):
        """However many there are."""
        log = seeded.path(DS) / ".events.log"
        log.write_text("".join(f'{{"action":"x","seq":{number}}}\n' for number in range(1, 31)), encoding="utf-8")
        out = seeded.ok("events", "tail", DS, "--format", "json").out

        assert list(range(21, 31)) == [json.loads(line)["seq"] for line in out.splitlines()]

    def test_plain_is_one_line_an_event(self, busy: Usr):
        """Number, time, action, rows, actor."""
        env = {"USR_ACTOR_TOOL": "robot", "USR_ACTOR_RUN_ID": "r7"}
        busy.ok("snapshot", DS, env=env)
        line = busy.ok("events", "tail", DS, "--n", "1").out.splitlines()[-1]

        assert ["5", busy.events(DS)[-1]["timestamp_utc"], "snapshot", "6", "rows", "robot", "r7"] == line.split()

    def test_a_line_that_is_no_event_is_told_and_left_out(self, busy: Usr):
        """A reader of the stream meets JSON only."""
        log = busy.path(DS) / ".events.log"
        log.write_bytes(log.read_bytes() + b"no event\n" + b'{"seq":6,"action":"later"}\n')
        result = busy.ok("events", "tail", DS, "--format", "json", "--n", "2")

        assert [6] == [json.loads(line)["seq"] for line in result.out.splitlines()]
        assert "line 5" in result.err

    def test_an_unknown_dataset(self, busy: Usr):
        """Exit 3."""
        busy.refuses(3, "events", "tail", "ns/none")

    @pytest.mark.parametrize("options", [["--n", "-1"], ["--since", "x"]])
    def test_wrong_usage(self, busy: Usr, options: list[str]):
        """Exit 2."""
        busy.refuses(2, "events", "tail", DS, *options)

    def test_nothing_heavy_is_imported(self, busy: Usr):
        """Neither Arrow nor the rest of the store."""
        argv = [sys.executable, "-X", "importtime", *usr_argv(), "--root", str(busy.root), "events", "tail", DS]
        done = subprocess.run(argv, env=clean_env(), capture_output=True, text=True, check=True, timeout=120)

        loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
        assert "usr_core.events.tail" in loaded
        assert not {"pyarrow", "numpy", "yaml", "rich", "duckdb", "usr_core.store", "usr_core.dataset"} & loaded


class TestFollow:
    def test_gives_events_as_they_come_and_ends_on_ctrl_c(self, busy: Usr):
        """The last ones first, each later one at once; exit 130."""
        with start_usr("events", "tail", DS, "--format", "json", "--n", "1", "--follow", root=busy.root) as process:
            assert process.stdout is not None
            first = json.loads(process.stdout.readline())
            busy.ok("snapshot", DS)
            second = json.loads(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            rest, err = process.communicate(timeout=30)

        assert [4, 5] == [first["seq"], second["seq"]]
        assert ("", 130) == (rest, process.returncode)
        assert "Traceback" not in err

    def test_since_holds_for_later_ones_too(self, busy: Usr):
        """What is not after it is not shown."""
        with start_usr("events", "tail", DS, "--format", "json", "--since", "5", "--follow", root=busy.root) as process:
            assert process.stdout is not None
            busy.ok("snapshot", DS)
            busy.ok("snapshot", DS)
            seen = json.loads(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)

        assert 6 == seen["seq"]
