"""The picker: a folder with several Parquet files, on a terminal and elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import clean_env, run_usr, usr_argv
from support.processes import Child
from support.tree import assert_unchanged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files, each with one column of its own name."""
    for name in ("events_a", "events_b", "other"):
        pq.write_table(pa.table({f"from_{name}": [1, 2]}), tmp_path / f"{name}.parquet")
    return tmp_path


def on_terminal(answer: bytes, *args: str, cwd: Path) -> tuple[int, str, str]:
    """Run with stdin and stderr on a terminal and `answer` typed; return exit code, stdout and the terminal's text."""
    leader, follower = pty.openpty()
    try:
        process = Child(
            [*usr_argv(), *args], cwd=cwd, env=clean_env(), stdin=follower, stdout=subprocess.PIPE, stderr=follower
        )
        os.close(follower)
        os.write(leader, answer)
        out, _ = process.communicate(timeout=60)
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65_536)
            except OSError:  # how Linux ends a terminal that nobody holds any more
                break
            if not piece:
                break
            shown += piece
        return process.returncode, out.decode(), shown.decode()
    finally:
        os.close(leader)


class TestElsewhere:
    def test_several_files_are_listed_with_a_way_out(self, folder: Path) -> None:
        """It ends with wrong usage, and nothing is asked of a pipe."""
        result = run_usr("cols", cwd=folder, stdin="1\n")

        assert (2, "") == (result.rc, result.out)
        assert "events_a.parquet, events_b.parquet, other.parquet" in result.err
        assert "--glob" in result.err

    def test_a_glob_selects_one(self, folder: Path) -> None:
        """Then there is nothing to ask."""
        assert "from_other" in run_usr("cols", "--glob", "oth*", cwd=folder).out

    def test_a_glob_may_still_select_several(self, folder: Path) -> None:
        """Those are listed."""
        result = run_usr("cols", str(folder), "--glob", "events*.parquet")

        assert 2 == result.rc
        assert "other" not in result.err

    def test_a_folder_without_any(self, tmp_path: Path) -> None:
        """It is missing."""
        assert 3 == run_usr("cols", str(tmp_path)).rc


class TestOnTerminal:
    def test_a_number_picks_a_file(self, folder: Path) -> None:
        """The files are numbered; the question is not part of the result."""
        with assert_unchanged(folder):
            code, out, shown = on_terminal(b"2\n", "cols", cwd=folder)

        assert 0 == code
        assert "from_events_b" in out and "Which" not in out
        assert "1  events_a.parquet" in shown

    def test_what_is_no_number_of_a_file_is_asked_again(self, folder: Path) -> None:
        """Until it is one."""
        code, out, shown = on_terminal(b"9\nx\n3\n", "cols", cwd=folder)

        assert (0, 3) == (code, shown.count("Which file?"))
        assert "from_other" in out

    def test_nothing_picks_none(self, folder: Path) -> None:
        """An empty answer gives up."""
        code, out, shown = on_terminal(b"\n", "cell", "--row", "0", "--col", "x", cwd=folder)

        assert (1, "") == (code, out)
        assert "no file was picked" in shown

    def test_the_end_of_input_is_wrong_usage(self, folder: Path) -> None:
        """As for every question."""
        code, _, shown = on_terminal(b"\x04", "cols", cwd=folder)

        assert 2 == code
        assert "--glob" in shown
