"""The cursor, and what happens to a log while it is followed; events go to a program that keeps them."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path

import pytest

from support.cli import Usr, start_usr
from support.tree import assert_unchanged
from support.webhook_server import ended, wait_until

DS = "ns/base"
KEEP = "import sys, os; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"
KEEP_AND_KILL = KEEP + "; os.kill(os.getppid(), 9)"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The file that the program keeps events in."""
    return tmp_path / "kept.jsonl"


def program(kept: Path, code: str = KEEP) -> str:
    script = kept.with_name("keep.py")
    script.write_text(code, encoding="utf-8")
    return f"{sys.executable} '{script}' '{kept}'"


def follow(cursor: Path, kept: Path, *more: str | Path) -> list[str | Path]:
    return ["notify", "follow", DS, "--cursor", cursor, "--exec", program(kept), *more]


def seqs(kept: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in kept.read_bytes().splitlines()] if kept.exists() else []


class TestProgram:
    def test_takes_each_event_on_its_stdin(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """The log's lines as they are."""
        busy.ok(*follow(cursor, kept, "--once"))

        assert (busy.path(DS) / ".events.log").read_bytes() == kept.read_bytes()

    def test_there_is_no_shell(self, busy: Usr, cursor: Path, kept: Path, tmp_path: Path) -> None:
        """What a shell would do is an argument."""
        show = tmp_path / "show.py"
        show.write_text("import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))", encoding="utf-8")
        words = f"{sys.executable} {show} {kept} '$HOME' ; touch {tmp_path / 'no'} && false | x"
        busy.ok("notify", "follow", DS, "--cursor", cursor, "--exec", words, "--once")

        assert ["$HOME", ";", "touch", str(tmp_path / "no"), "&&", "false", "|", "x"] == eval(kept.read_text("utf-8"))
        assert not (tmp_path / "no").exists()

    def test_knows_the_idempotency_key(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """From the environment."""
        code = "import os, sys; open(sys.argv[1], 'a').write(os.environ['USR_NOTIFY_KEY'] + '\\n')"
        busy.ok("notify", "follow", DS, "--cursor", cursor, "--exec", program(kept, code), "--once")

        assert ["ns/base:1", "ns/base:2"] == [line[:9] for line in kept.read_text("utf-8").splitlines()][:2]

    def test_another_exit_code_is_no_delivery(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """Exit 1 after the retries; the next run begins with that event."""
        failing = program(kept, KEEP + "; sys.exit(3)")
        words = ["notify", "follow", DS, "--cursor", cursor, "--exec", failing, "--once", "--retries", "1"]
        result = busy.refuses(1, *words)
        tried = seqs(kept)
        kept.unlink()
        busy.ok(*follow(cursor, kept, "--once"))

        assert "exit code 3" in result.err
        assert [1, 1] == tried
        assert [1, 2, 3, 4] == seqs(kept)

    def test_one_that_hangs_is_ended_with_its_children(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """No process of it is left."""
        code = (
            "import subprocess, sys; p = subprocess.Popen(['sleep', '300']);"
            " open(sys.argv[1], 'w').write(str(p.pid)); p.wait()"
        )
        words = ["notify", "follow", DS, "--cursor", cursor, "--exec", program(kept, code), "--once", "--retries", "0"]
        busy.refuses(1, *words, "--timeout", "2")
        child = Path(f"/proc/{kept.read_text('utf-8')}/stat")

        wait_until(lambda: not child.exists() or ") Z " in child.read_text("utf-8"))

    @pytest.mark.parametrize(("words", "code"), [("no-such-program x", 3), ("'open", 2), ("", 2)])
    def test_a_program_that_is_none(self, busy: Usr, cursor: Path, tmp_path: Path, words: str, code: int) -> None:
        """It is told before anything happens."""
        with assert_unchanged(tmp_path):
            busy.refuses(code, "notify", "follow", DS, "--cursor", cursor, "--exec", words, "--once")


class TestCursor:
    def test_a_kill_between_delivery_and_cursor_delivers_again(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """Each event at least once, each run one further."""
        words = ["notify", "follow", DS, "--cursor", cursor, "--exec", program(kept, KEEP_AND_KILL), "--once"]
        codes = [busy.run(*words, apart=True).rc for _ in range(3)]
        first = seqs(kept)
        busy.ok(*follow(cursor, kept, "--once"))

        assert [-signal.SIGKILL] * 3 == codes
        assert [1, 1, 1] == first
        assert [1, 1, 1, 1, 2, 3, 4] == seqs(kept)

    def test_a_cursor_of_another_dataset(self, busy: Usr, cursor: Path, kept: Path, tmp_path: Path) -> None:
        """Refused; nothing is delivered, the cursor stays, also under restart."""
        busy.ok("init", "ns/other")
        busy.ok(*follow(cursor, kept, "--once"))
        words = ["notify", "follow", "ns/other", "--cursor", cursor, "--exec", program(kept), "--once"]
        with assert_unchanged(tmp_path):
            result = busy.refuses(1, *words, "--on-truncate", "restart")

        assert "USR-NOTIFY-102" in result.err

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{}",
            b"[]",
            b"\xff",
            b"ACGT",
            b'{"usr_notify_cursor": 2}',
            b'{"usr_notify_cursor": 1, "dataset": "ns/base"}',
            b'{"usr_notify_cursor":1,"dataset":"ns/base","offset":-1,"line_bytes":0,"line_sha256":"","seq":1}',
            b'{"usr_notify_cursor":1,"dataset":"ns/base","offset":5,"line_bytes":5,"line_sha256":"","seq":1}',
        ],
    )
    def test_a_file_that_is_no_cursor(
        self, busy: Usr, cursor: Path, kept: Path, tmp_path: Path, content: bytes
    ) -> None:
        """Refused, and not overwritten."""
        program(kept)
        cursor.write_bytes(content)
        cursor.with_name(f".{cursor.name}.lock").touch()
        with assert_unchanged(tmp_path):
            result = busy.refuses(1, *follow(cursor, kept, "--once"))

        assert "USR-NOTIFY-101" in result.err

    def test_one_run_a_cursor(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """A second one is refused while the first runs: exit 5."""
        with ended(start_usr(*follow(cursor, kept), root=busy.root)):
            wait_until(lambda: len(seqs(kept)) == 4)
            result = busy.refuses(5, *follow(cursor, kept, "--once"))

        assert "Another process" in result.err

    @pytest.mark.parametrize("option", ["--cursor", "--spool"])
    def test_not_inside_the_dataset(self, busy: Usr, cursor: Path, kept: Path, option: str) -> None:
        """Neither cursor nor spool; the last one given counts."""
        words = follow(cursor, kept, "--once", option, busy.path(DS) / "x")
        with assert_unchanged(busy.root):
            busy.refuses(2, *words)

    def test_a_folder_that_is_not_there(self, busy: Usr, kept: Path, tmp_path: Path) -> None:
        """An error that names it, and nothing is delivered."""
        result = busy.run(*follow(tmp_path / "none" / "cursor", kept, "--once"))

        assert (0, []) != (result.rc, seqs(kept))
        assert "error[USR-FS" in result.err and [] == seqs(kept)


class TestLog:
    def test_events_come_as_they_are_made(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """Until Ctrl-C: exit 130, no traceback, and the cursor is where it should be."""
        with ended(start_usr(*follow(cursor, kept, "--poll", "0.05"), root=busy.root)) as running:
            wait_until(lambda: len(seqs(kept)) == 4)
            busy.ok("snapshot", DS)
            wait_until(lambda: cursor.exists() and b'"seq": 5' in cursor.read_bytes())
            running.send_signal(signal.SIGINT)
            _, err = running.communicate(timeout=30)
        busy.ok(*follow(cursor, kept, "--once"))

        assert (130, "Traceback" in err) == (running.returncode, False)
        assert [1, 2, 3, 4, 5] == seqs(kept)

    def test_a_torn_last_line_waits_for_its_end(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """It is delivered when it is whole, and once."""
        log = busy.path(DS) / ".events.log"
        line = b'{"action":"x","seq":5}\n'
        before = log.read_bytes()
        counts = []
        for part in (line[:9], line[:-1], line):
            log.write_bytes(before + part)
            busy.ok(*follow(cursor, kept, "--once"))
            counts.append(len(seqs(kept)))

        assert [4, 4, 5] == counts

    def test_a_copy_in_its_place_is_the_same_log(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """As a pull leaves it: another file whose beginning is what was delivered."""
        busy.ok(*follow(cursor, kept, "--once"))
        log = busy.path(DS) / ".events.log"
        copy = log.with_name("copy")
        shutil.copyfile(log, copy)
        with copy.open("ab") as handle:
            handle.write(b'{"action":"x","seq":5}\n')
        copy.replace(log)
        busy.ok(*follow(cursor, kept, "--once"))

        assert [1, 2, 3, 4, 5] == seqs(kept)

    @pytest.mark.parametrize("how", ["truncated", "replaced", "emptied"])
    def test_a_log_that_is_another_one(self, busy: Usr, cursor: Path, kept: Path, tmp_path: Path, how: str) -> None:
        """An error that changes nothing; on request it is delivered from its beginning."""
        busy.ok(*follow(cursor, kept, "--once"))
        log = busy.path(DS) / ".events.log"
        lines = log.read_bytes().splitlines(keepends=True)
        other = b"".join(line.replace(b'"action":"', b'"action":"y') for line in lines)
        log.write_bytes({"truncated": lines[0], "replaced": other, "emptied": b""}[how])
        kept.unlink()
        with assert_unchanged(tmp_path):
            result = busy.refuses(6, *follow(cursor, kept, "--once"))
        busy.ok(*follow(cursor, kept, "--once", "--on-truncate", "restart", "--allow-broken-chain"))
        busy.ok(*follow(cursor, kept, "--once"))

        assert "USR-NOTIFY-103" in result.err
        assert {"truncated": [1], "replaced": [1, 2, 3, 4], "emptied": []}[how] == seqs(kept)

    def test_a_log_that_is_replaced_while_it_is_followed(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """The run ends with the error, or goes on from the beginning."""
        log = busy.path(DS) / ".events.log"
        words = follow(cursor, kept, "--poll", "0.05", "--on-truncate", "restart")
        with ended(start_usr(*words, root=busy.root)) as running:
            wait_until(lambda: cursor.exists() and b'"seq": 4}' in cursor.read_bytes())
            log.unlink()
            log.write_bytes(b'{"action":"new","seq":1}\n')
            wait_until(lambda: cursor.exists() and b'"seq": 1}' in cursor.read_bytes())
        with ended(start_usr(*follow(cursor, kept, "--poll", "0.05"), root=busy.root)) as running:
            replacement = log.with_name("new")
            replacement.write_bytes(b'{"action":"newer","seq":1}\n')
            replacement.replace(log)
            _, err = running.communicate(timeout=30)

        assert [1, 2, 3, 4, 1] == seqs(kept)
        assert (6, 1) == (running.returncode, err.count("error[USR-NOTIFY-103]"))

    def test_what_is_no_event_is_told_and_left_out(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """Blank lines are left out in silence."""
        log = busy.path(DS) / ".events.log"
        log.write_bytes(log.read_bytes() + b"no event\n\n" + b'{"seq":5,"action":"later"}\n')
        result = busy.ok(*follow(cursor, kept, "--once", "--allow-broken-chain"))

        assert [1, 2, 3, 4, 5] == seqs(kept)
        assert 1 == result.err.count("not an event")

    def test_a_name_with_control_characters_moves_no_cursor(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """They are printed visibly, and the key is plain ASCII."""
        log = busy.path(DS) / ".events.log"
        log.write_bytes(b'{"seq":1,"action":"\\u001b[2J","dataset":{"name":"a\\nb\\u00e9"}}\n')
        result = busy.ok(*follow(cursor, kept, "--once"))

        assert "\x1b" not in result.out
        assert "a\\nb" in result.out

    def test_wrong_usage(self, busy: Usr, cursor: Path, kept: Path, tmp_path: Path) -> None:
        """Exit 2: no target, two targets, a webhook's option for a program, an empty action."""
        base = ["notify", "follow", DS, "--cursor", cursor, "--once"]
        program(kept)
        with assert_unchanged(tmp_path):
            busy.refuses(2, *base)
            busy.refuses(2, *base, "--exec", "cat", "--to", "https://localhost/")
            busy.refuses(2, *base, "--exec", "cat", "--token-file", kept)
            busy.refuses(2, *base, "--exec", "cat", "--only-actions", "import,,x")
            busy.refuses(2, *base, "--exec", "cat", "--retries", "-1")
            busy.refuses(3, "notify", "follow", "ns/none", "--cursor", cursor, "--exec", "cat")


class TestChain:
    def test_an_edited_line_behind_the_cursor_stops_the_run(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """The finding names the event, and nothing behind it goes; what was delivered before stays so."""
        log = busy.path(DS) / ".events.log"
        lines = log.read_bytes().splitlines(keepends=True)
        lines[1] = lines[1].replace(b'"action":"', b'"action":"x', 1)
        log.write_bytes(b"".join(lines))

        refused = busy.refuses(6, *follow(cursor, kept, "--once"))

        assert "USR-NOTIFY-113" in refused.err
        assert "event 3 does not follow the line before it" in refused.err
        assert [1, 2] == seqs(kept)
        told = busy.ok(*follow(cursor, kept, "--once", "--allow-broken-chain"))
        assert "event 3 does not follow" in told.err
        assert len(lines) == len(seqs(kept))

    def test_a_break_before_the_cursor_is_no_finding(self, busy: Usr, cursor: Path, kept: Path) -> None:
        """The run goes by what it delivered last; `usr events verify` looks at the whole log."""
        log = busy.path(DS) / ".events.log"
        busy.ok(*follow(cursor, kept, "--once"))
        log.write_bytes(log.read_bytes().replace(b'"action":"init"', b'"action":"made"', 1))
        busy.ok("snapshot", DS)

        busy.ok(*follow(cursor, kept, "--once"))

        assert seqs(kept)[-1] == len(log.read_bytes().splitlines())

    def test_a_log_that_gets_its_own_inode_is_followed_on(self, busy: Usr, cursor: Path, kept: Path, tmp_path: Path):
        """A backup of hard links makes the next writer copy the log; no event is lost or delivered twice."""
        log = busy.path(DS) / ".events.log"
        busy.ok(*follow(cursor, kept, "--once"))
        (tmp_path / "backup").hardlink_to(log)
        busy.ok("snapshot", DS)

        busy.ok(*follow(cursor, kept, "--once"))

        assert list(range(1, len(seqs(kept)) + 1)) == seqs(kept)
