"""The helpers that other tests trust do see what they promise to see."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.cli import Usr, as_unprivileged, clean_env
from support.docs import path_with_usr
from support.tree import assert_unchanged, tree_differences, tree_digest
from usr_core.cli.session import opened_session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, an event log, a link and an empty folder."""
    place = tmp_path / "dataset"
    (place / "_derived").mkdir(parents=True)
    (place / "records.parquet").write_bytes(b"base")
    (place / ".events.log").write_bytes(b"{}\n")
    (place / "link").symlink_to("records.parquet")
    return place


class TestTreeDigest:
    def test_lists_files_links_and_empty_folders(self, folder: Path) -> None:
        """Hidden files are in, folders are there only where they hold nothing."""
        assert [".events.log", "_derived/", "link", "records.parquet"] == list(tree_digest(folder))

    def test_leaves_lock_files_out(self, folder: Path) -> None:
        """Taking a lock is not a change."""
        before = tree_digest(folder)
        (folder / ".usr.lock").write_text("holder")
        (folder / ".usr.lease").write_text("holder")

        assert before == tree_digest(folder)

    def test_of_a_missing_folder_is_empty(self, tmp_path: Path) -> None:
        """A folder that comes into being is a difference."""
        assert {} == tree_digest(tmp_path / "absent")

    @pytest.mark.parametrize(
        ("change", "line"),
        [
            (lambda place: (place / "records.parquet").write_bytes(b"Base"), "changed: records.parquet"),
            (lambda place: (place / ".usr.tmp").mkdir(), "added: .usr.tmp/"),
            (lambda place: (place / ".events.log").unlink(), "removed: .events.log"),
            (lambda place: (place / "link").unlink() or (place / "link").symlink_to("x"), "changed: link"),
        ],
    )
    def test_sees_one_change(self, folder: Path, change: Callable[[Path], object], line: str) -> None:
        """Each kind of change is told by name."""
        before = tree_digest(folder)
        change(folder)

        assert [line] == tree_differences(before, tree_digest(folder))


class TestAssertUnchanged:
    def test_fails_on_a_change(self, folder: Path) -> None:
        """The failure names what was added."""
        with pytest.raises(AssertionError, match=r"added: new"), assert_unchanged(folder):
            (folder / "new").touch()

    def test_compares_when_the_block_raises(self, folder: Path) -> None:
        """An error inside the block hides no change."""
        with pytest.raises(AssertionError, match=r"added: new"), assert_unchanged(folder):
            (folder / "new").touch()
            raise ValueError


class TestCommandLine:
    def test_unprivileged_child_meets_file_modes(self, tmp_path: Path) -> None:
        """A file without permission bits can't be read, whoever runs the tests."""
        secret = tmp_path / "secret"
        secret.touch(mode=0o000)
        program = [sys.executable, "-c", "import sys; open(sys.argv[1])", secret]

        assert (
            "PermissionError"
            in subprocess.run(
                as_unprivileged(program), stderr=subprocess.PIPE, text=True, check=False, timeout=120
            ).stderr
        )

    def test_settings_of_the_caller_stay_outside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No USR_ variable reaches the command but those a test gives; what is remembered of datasets is off."""
        monkeypatch.setenv("USR_ROOT", "/somewhere")

        assert {"USR_CACHE_DIR", "USR_DEBUG"} == {
            name for name in clean_env({"USR_DEBUG": "1"}) if name.startswith("USR_")
        }


class TestOwnProcess:
    def test_the_command_is_the_same_in_both_processes(self, registered: Usr, tmp_path: Path) -> None:
        """Its streams and its exit code do not depend on where it runs: done, refused, asking, or misspelled."""
        commands: list[tuple[str, ...]] = [("ls",), ("info", "ns/none"), ("namespace", "remove", "mock"), ("lls",)]

        here, apart = (
            [registered.run(*words, cwd=tmp_path, stdin="n\n", apart=apart) for words in commands]
            for apart in (False, True)
        )

        assert here == apart
        assert [0, 3] == [result.rc for result in here[:2]]

    def test_nothing_is_left_in_this_process(
        self, registered: Usr, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Neither environment, folder, streams, descriptors, handlers nor a session."""

        def state() -> list[object]:
            handlers = logging.getLogger("usr").handlers[:]
            descriptors = len(list(Path("/proc/self/fd").iterdir()))
            return [dict(os.environ), Path.cwd(), sys.stdin, sys.stdout, sys.stderr, handlers, descriptors, time.tzname]

        before = state()
        registered.ok("init", "ns/base", "--source", "tests", cwd=tmp_path, env={"TZ": "Asia/Tokyo", "USR_ROOT": "x"})
        registered.refuses(3, "info", "ns/none")

        assert before == state()
        assert opened_session() is None
        assert ("", "") == capfd.readouterr()

    def test_several_threads_get_the_answers_to_what_each_asked(self, registered: Usr) -> None:
        """The one server of forks is begun once, and what threads ask at the same moment is not mixed."""
        words = [("ls",), ("info", "ns/none"), ("namespace", "list"), ("--version",)] * 6
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda asked: registered.run(*asked, apart=True).rc, words))

        assert [0, 3, 0, 0] * 6 == found


class TestForkedProgram:
    """The `usr` that a shell finds in place of the console script."""

    def _told(self, script: str, tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
        path = f"{path_with_usr()}:{tmp_path}"
        return subprocess.run(
            ["sh", "-c", script],
            cwd=tmp_path,
            env=clean_env({"PATH": path, **env}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def test_has_the_shells_folder_streams_and_environment(self, registered: Usr, tmp_path: Path) -> None:
        """A file is found from the folder, the root by a variable, and the output goes into a pipe."""
        registered.ok("init", "ns/base", "--source", "tests")
        (tmp_path / "in.csv").write_text("sequence\nACGT\n")
        done = self._told(
            "usr import ns/base --from csv --path in.csv && usr ls | cat", tmp_path, USR_ROOT=str(registered.root)
        )

        assert (0, "") == (done.returncode, done.stderr)
        assert "ns/base" in done.stdout

    def test_ends_as_the_command_does(self, usr: Usr, tmp_path: Path) -> None:
        """Its exit code is the command's, with the error on the shell's stderr."""
        done = self._told("usr info ns/none; echo $?", tmp_path, USR_ROOT=str(usr.root))

        assert "error[USR-" in done.stderr
        assert done.stdout.splitlines()[-1] == str(usr.run("info", "ns/none").rc) != "0"

    def test_leaves_what_python_reads_at_its_start_to_the_script(self, usr: Usr, tmp_path: Path) -> None:
        """With a variable of Python's own, a process of its own is started."""
        (tmp_path / "sitecustomize.py").write_text("print('started')")
        done = self._told("usr --version", tmp_path, PYTHONPATH=str(tmp_path))

        assert done.stdout.startswith("started\n"), done
