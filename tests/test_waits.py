"""No test waits without a limit, and none needs to be started in the foreground."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import clean_env
from support.processes import Child

TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent
FOLDERS = (
    TESTS,
    CHECKOUT / "usr_core" / "testing",
    CHECKOUT / "examples",
    CHECKOUT / "plugins" / "usr_plugins" / "templates",
)
RUNNERS = {f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")}
HELPER = TESTS / "support" / "processes.py"


def waits(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each call that can wait for ever."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        called, limited = ast.unparse(node.func), "timeout" in {word.arg for word in node.keywords}
        name = node.func.attr
        if (
            called == "subprocess.Popen"
            or (
                called.startswith("subprocess.")
                and name in {"run", "call", "check_call", "check_output"}
                and not limited
            )
            or (name in {"wait", "join", "result"} and not node.args and not limited)
            or (name == "communicate" and not limited)
        ):
            yield node.lineno, ast.unparse(node)


def test_no_call_of_a_test_can_wait_for_ever() -> None:
    """Each has a time-out, and processes are started as `support.processes.Child`, whose ``with`` block has one."""
    found = [
        f"{file.relative_to(CHECKOUT)}:{line}: {text}"
        for folder in FOLDERS
        for file in sorted(folder.rglob("*.py"))
        if file != HELPER
        for line, text in waits(file.read_text(encoding="utf-8"))
    ]

    assert [] == found


@pytest.mark.parametrize(
    "call",
    [
        "subprocess.run(['x'])", "subprocess.Popen(['x'])", "child.wait()", "child.communicate('x')", "thread.join()",
        "future.result()",
    ],
)  # fmt: skip
def test_the_search_sees_each_kind_of_wait(call: str) -> None:
    """Otherwise it would find nothing in anything."""
    assert [(1, call)] == list(waits(call))


class TestChild:
    def test_is_gone_when_the_block_fails(self) -> None:
        """A failed test does not wait for what it started."""
        with pytest.raises(ZeroDivisionError), Child(["sleep", "300"]) as child:
            raise ZeroDivisionError

        assert -signal.SIGKILL == child.returncode

    def test_is_gone_when_it_does_not_end_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The wait at the end of the block has a limit, after which the test fails and the process is killed."""
        monkeypatch.setattr(Child.wait, "__defaults__", (0.1,))
        with pytest.raises(subprocess.TimeoutExpired), Child(["sleep", "300"]) as child:
            pass

        assert -signal.SIGKILL == child.returncode


# A test session that a script has started in the background, with one test that interrupts its child.
BACKGROUND = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""
FOLLOWER = f"{TESTS}/plugins/usr_events/test_tail.py::TestFollow::test_gives_events_as_they_come_and_ends_on_ctrl_c"


def test_a_suite_that_runs_in_the_background_can_interrupt_its_children() -> None:
    """A shell starts background jobs with SIGINT ignored, which programs inherit."""
    argv = [sys.executable, "-c", BACKGROUND, "--rootdir", str(CHECKOUT), FOLLOWER]
    done = subprocess.run(argv, cwd=CHECKOUT, env=clean_env(), capture_output=True, text=True, timeout=120, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_a_hanging_test_ends_with_its_stacks() -> None:
    """The limit that holds where no call has one."""
    program = "import sys, time; from support.processes import limited\nwith limited(0.2, sys.stderr): time.sleep(300)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_env({"PYTHONPATH": TESTS}), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip

    assert 1 == done.returncode
    assert "Timeout (0:00:00.2" in done.stderr and "line 2 in <module>" in done.stderr
