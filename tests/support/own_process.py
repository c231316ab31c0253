"""Commands that run in the process of the tests, where no process of their own is needed: a fork is 40 ms of CPU more.

What runs is `usr_core.cli.main.main`, as in a fork (`forked_cli`), with its own streams (files in memory behind the
descriptors 0, 1 and 2), environment and folder. What it leaves in this process is put back: the session, the logger's
handlers, what the core remembers of one run, and modules that it loaded from a folder of the test.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

__all__ = ["run_here", "suits_this_process"]

# Where modules lie that are the same for every command.
_LASTING = (sys.prefix, sys.base_prefix, str(Path(__file__).resolve().parents[2]))


def suits_this_process(env: Mapping[str, object] | None) -> bool:
    """Tell whether a command can run here: in the main thread, with the plugins that are installed here.

    ``USR_TEST_FORKS=1`` gives every command a process of its own.
    """
    if "PYTHONPATH" in (env or {}) or os.environ.get("USR_TEST_FORKS"):
        return False
    return threading.current_thread() is threading.main_thread()


def run_here(
    argv: Sequence[str], *, cwd: Path | None, env: Mapping[str, str], given: bytes = b"", merged: bool = False
) -> tuple[int, bytes, bytes]:
    """Run ``usr`` with these words; return its exit code, its output and what it wrote to stderr.

    Args:
        argv: The words behind the program's name.
        cwd: The folder it runs in; the caller's by default.
        env: All of its environment.
        given: What it can read from stdin.
        merged: Whether stderr goes where stdout goes, as after ``2>&1`` in a shell.
    """
    from usr_core.cli.main import main

    with (
        _streams(given, merged=merged) as files,
        _environment(env),
        contextlib.chdir(cwd or Path.cwd()),
        _state_of_a_run(),
    ):
        try:
            code = main(argv)
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        except Exception:  # noqa: BLE001 - told as Python tells it at the end of a process
            traceback.print_exc()
            code = 1
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        out, err = (os.pread(file, os.fstat(file).st_size, 0) for file in files)
    return code, out, err


@contextlib.contextmanager
def _streams(given: bytes, *, merged: bool) -> Iterator[tuple[int, int]]:
    """Put files in memory in place of the three standard streams, and give those of stdout and stderr."""
    before = [os.dup(number) for number in range(3)]
    objects = sys.stdin, sys.stdout, sys.stderr
    originals = sys.__stdin__, sys.__stdout__, sys.__stderr__
    files = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
    os.write(files[0], given)
    os.lseek(files[0], 0, os.SEEK_SET)
    try:
        for number, file in enumerate((*files[:2], files[1] if merged else files[2])):
            os.dup2(file, number)
        sys.stdin, sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8", errors="surrogateescape"),
            io.TextIOWrapper(_writer(1), encoding="utf-8", errors="surrogateescape"),
            io.TextIOWrapper(_writer(2), encoding="utf-8", errors="backslashreplace", line_buffering=True),
        )
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
        yield files[1], files[2]
    finally:
        sys.stdin, sys.stdout, sys.stderr = objects
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = originals  # type: ignore[misc]
        for number, file in enumerate(before):
            os.dup2(file, number)
        for file in (*before, *files):
            os.close(file)


def _writer(descriptor: int) -> io.BufferedWriter:
    return io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))


@contextlib.contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    zones = before.get("TZ"), env.get("TZ")
    try:
        _become(env)
        if zones[0] != zones[1]:
            time.tzset()
        yield
    finally:
        _become(before)
        if zones[0] != zones[1]:
            time.tzset()


def _become(env: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in env]:
        del os.environ[name]
    os.environ.update({name: value for name, value in env.items() if os.environ.get(name) != value})


@contextlib.contextmanager
def _state_of_a_run() -> Iterator[None]:
    """Let the core know nothing of earlier runs, and forget this one."""
    from usr_core import requirements
    from usr_core.cli import session
    from usr_core.commit.transaction import Transaction
    from usr_core.plugin import sinks

    logger = logging.getLogger("usr")
    logged = logger.handlers[:], logger.propagate, logger.level
    committed, admitted = Transaction.commits, requirements._any_version_may_run
    given_up, sessions = sinks._given_up[:], session._current[:]
    path, modules = sys.path[:], set(sys.modules)
    logger.handlers[:], Transaction.commits = [], 0
    session._current.clear()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.path[:] = path
        for name in sys.modules.keys() - modules:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and not file.startswith(_LASTING):
                del sys.modules[name]
        logger.handlers[:], logger.propagate, level = logged
        logger.setLevel(level)
        Transaction.commits, requirements._any_version_may_run = committed, admitted
        sinks._given_up[:], session._current[:] = given_up, sessions
