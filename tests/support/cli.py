"""The real ``usr`` command of this environment, run as a child process.

The environment given to it holds nothing of the caller's settings: no ``USR_*`` variable, a fixed width, no
colour, and a home folder that has no configuration.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.forked_cli import ForkedUsr
from support.own_process import run_here, suits_this_process
from support.processes import Child

__all__ = ["Result", "Usr", "as_unprivileged", "clean_env", "run_python", "run_usr", "start_usr", "usr_argv"]

Word = str | Path
"""One word of a command line."""

TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run left: its exit code and its two streams."""

    args: tuple[str, ...]
    rc: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What a command printed with ``--format json``, taken out of its wrapper."""
        document = json.loads(self.out)
        assert document["usr_output_version"] == 1, self
        return document["data"]

    def __str__(self) -> str:
        return f"$ usr {' '.join(self.args)}\nrc={self.rc}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usr:
    """The command bound to one root."""

    root: Path

    def run(self, *args: Word, **options: Any) -> Result:
        """Run with ``--root``; options as for `run_usr`."""
        return run_usr(*args, root=self.root, **options)

    def ok(self, *args: Word, **options: Any) -> Result:
        """Run, and fail the test unless the exit code is 0."""
        result = self.run(*args, **options)
        assert result.rc == 0, str(result)
        return result

    def refuses(self, code: int, *args: Word, **options: Any) -> Result:
        """Run, and fail the test unless it ends with exit code `code`, one error on stderr and no traceback."""
        result = self.run(*args, **options)
        assert result.rc == code, str(result)
        assert result.err.count("error[USR-") == 1, str(result)
        assert "Traceback" not in result.err + result.out, str(result)
        return result

    def path(self, dataset: str) -> Path:
        """Return a dataset's folder."""
        return self.root / dataset

    def events(self, dataset: str) -> list[dict[str, Any]]:
        """Return the lines of a dataset's event log."""
        log = self.path(dataset) / ".events.log"
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def usr_argv() -> list[str]:
    """Return the command of this environment: the console script beside the interpreter that runs the tests."""
    script = Path(sys.executable).parent / "usr"
    assert script.is_file(), f"{script} is missing; install the project into this environment first"
    return [str(script)]


def clean_env(extra: Mapping[str, Word] | None = None) -> dict[str, str]:
    """Return an environment in which only `extra` says anything to ``usr``."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "TMPDIR", "TZ", "LD_LIBRARY_PATH"}}
    fixed = {"HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
    fixed["USR_CACHE_DIR"] = "off"  # there is no home for it
    return {**kept, **fixed, **{name: str(value) for name, value in (extra or {}).items()}}


def as_unprivileged(argv: Sequence[Word]) -> list[str]:
    """Return `argv` so that permissions bind the child even where the tests run as root.

    Root is bound by file modes once it has no capability. Another uid would be stricter still, but could not
    read an interpreter that lies in root's home.
    """
    words = [str(word) for word in argv]
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--", *words] if os.geteuid() == 0 else words


def run_usr(
    *args: Word,
    root: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, Word] | None = None,
    stdin: str = "",
    unprivileged: bool = False,
    apart: bool = False,
    timeout: float = TIMEOUT_SECONDS,
) -> Result:
    """Run ``usr`` to its end: in this process, in a fork of one that has imported everything, or as a new program.

    Args:
        args: The command and its words.
        root: Passed as ``--root`` where given.
        cwd: The folder it runs in; the caller's by default.
        env: Variables on top of `clean_env`.
        stdin: What it can read; nothing by default, so a prompt meets the end of input.
        unprivileged: Make permissions count, see `as_unprivileged`.
        apart: Give it a process of its own, for tests of what a process is or does.
        timeout: Seconds; past them the test fails with `subprocess.TimeoutExpired`.
    """
    argv = _argv(args, root, unprivileged)
    given = stdin.encode(errors="surrogateescape")
    if not unprivileged and _suits_a_fork(env):
        if not apart and timeout == TIMEOUT_SECONDS and suits_this_process(env):
            rc, out, err = run_here(argv[1:], cwd=cwd, env=clean_env(env), given=given)
        else:
            rc, out, err = ForkedUsr.run(argv, cwd=cwd, env=clean_env(env), given=given, timeout=timeout)
        told = [_as_text(one) for one in (out, err)]
        return Result(args=tuple(map(str, args)), rc=rc, out=told[0], err=told[1])
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=clean_env(env),
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout,
        check=False,
    )
    return Result(args=tuple(map(str, args)), rc=done.returncode, out=done.stdout, err=done.stderr)


def run_python(code: str, *words: Word, timeout: float = TIMEOUT_SECONDS) -> Result:
    """Run Python that uses USR, in a process of its own, with these words in ``sys.argv[1:]``."""
    argv = ["-c", *map(str, words)]
    rc, out, err = ForkedUsr.run(argv, cwd=None, env=clean_env(), given=b"", timeout=timeout, code=code)
    return Result(args=tuple(argv), rc=rc, out=_as_text(out), err=_as_text(err))


def _suits_a_fork(env: Mapping[str, Word] | None) -> bool:
    """Tell whether nothing in `env` is read by Python before a fork knows it, or by a library when it is loaded."""
    given = {name for name in env or {} if name != "PYTHONPATH"}
    # Modules that Python loads at its start, and packages of which another version is loaded already.
    loaded_before = ("sitecustomize.py", "usercustomize.py", "pyarrow-*", "duckdb-*")
    folders = str((env or {}).get("PYTHONPATH", "")).split(os.pathsep)
    return not any(name.startswith(("PYTHON", "LD_", "LC_", "LANG", "MALLOC", "ARROW")) for name in given) and (
        not any(found for folder in folders if folder for name in loaded_before for found in Path(folder).glob(name))
    )


def _as_text(told: bytes) -> str:
    """Decode what a command printed as `subprocess` does: ends of lines become ``\\n``."""
    return told.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")


def start_usr(
    *args: Word,
    root: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, Word] | None = None,
    unprivileged: bool = False,
) -> subprocess.Popen[str]:
    """Start ``usr`` and return at once; the caller ends it (use it as a context manager)."""
    return Child(
        _argv(args, root, unprivileged),
        cwd=cwd,
        env=clean_env(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
    )


def _argv(args: Sequence[Word], root: Path | None, unprivileged: bool) -> list[str]:
    head = [] if root is None else ["--root", str(root)]
    argv = [*usr_argv(), *head, *map(str, args)]
    return as_unprivileged(argv) if unprivileged else argv
