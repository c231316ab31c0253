"""Forks of `forked_cli` under strace: list their system calls, or make the n-th of a kind kill or fail one.

Calls are counted from the beginning of the fork, so that no import stands between them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.forked_cli import ForkedUsr

__all__ = ["CHANGING", "READING", "Call", "calls_below", "calls_between", "inject", "trace"]

# System calls after which a disk looks different, or that order what reaches it.
CHANGING = (
    "open", "openat", "creat", "write", "pwrite64", "writev", "fsync", "fdatasync", "sync_file_range", "link", "linkat",
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "truncate", "ftruncate",
    "fallocate", "flock", "chmod", "fchmod", "fchmodat", "utimensat", "symlink", "symlinkat", "copy_file_range",
    "sendfile",
)  # fmt: skip
READING = ("read", "pread64", "stat", "lstat", "fstat", "newfstatat", "statx", "getdents64", "readlink", "close")

_LINE = re.compile(r"^(?P<pid>\d+)\s+(?P<name>[a-z0-9_]+)\((?P<rest>.*)$")
# The folder that a program runs in stands before each absolute path, and concerns nobody.
_OWN_FOLDER = re.compile(r'AT_FDCWD<[^>]*>, "/')
_MARKERS = ("stat", "lstat", "newfstatat", "statx")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: its name, its number among the calls of that name by its thread, and strace's line."""

    name: str
    nth: int
    line: str

    def __str__(self) -> str:
        return f"{self.name} {self.nth}: {self.line[:120]}"


def trace(
    argv: Sequence[str],
    log: Path,
    *,
    names: Sequence[str],
    env: Mapping[str, str],
    cwd: Path | None = None,
    code: str | None = None,
) -> list[Call]:
    """Run a command and return its main thread's calls of these names, in order, with paths for descriptors (``-y``).

    The command is ``usr``, with `argv` in `sys.argv`, or the Python in `code`.
    """
    wanted = sorted({*names, *_MARKERS})
    rc, _, err = ForkedUsr.run(
        argv,
        cwd=cwd,
        env=env,
        given=b"",
        timeout=300,
        code=code,
        tracer=[_strace(), "-f", "-y", "-o", str(log), "-e", _set("trace", wanted)],
    )
    assert rc == 0, err
    counts: Counter[str] = Counter()
    calls: list[Call] = []
    main = None
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        main = main or found["pid"]
        if found["pid"] == main:
            counts[found["name"]] += 1
            calls.append(Call(found["name"], counts[found["name"]], f"{found['name']}({found['rest']}"))
    return calls


def calls_between(calls: Sequence[Call], begin: str, end: str, *, names: Sequence[str]) -> list[Call]:
    """Return the calls between the two that look at the marker paths."""
    first = next(i for i, call in enumerate(calls) if begin in call.line)
    last = next(i for i, call in enumerate(calls) if end in call.line)
    return [call for call in calls[first + 1 : last] if call.name in names]


def calls_below(calls: Sequence[Call], place: Path, *, names: Sequence[str]) -> list[Call]:
    """Return the calls whose line names something below `place`, by path or by descriptor."""
    return [call for call in calls if call.name in names and str(place) in _OWN_FOLDER.sub('"/', call.line)]


def inject(
    argv: Sequence[str],
    call: Call,
    fault: str,
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    code: str | None = None,
    lasting: bool = False,
    also: Sequence[tuple[Call, str]] = (),
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Run what `trace` ran, and let `fault` (``signal=SIGKILL``, ``error=EIO``) happen at `call`, or from it on.

    A kill strikes before the call is carried out; an error takes its place. It lasts if `lasting`, and those of `also`
    last from their call on.
    """
    faults = [(call, fault, lasting), *((other, what, True) for other, what in also)]
    names = sorted({one.name for one, _, _ in faults})
    rules = [f"inject={one.name}:{what}:when={one.nth}{'+' if on else ''}" for one, what, on in faults]
    tracer = [_strace(), "-f", "-o", "/dev/null", "-e", _set("trace", names)]
    tracer += [word for rule in rules for word in ("-e", rule)]
    rc, out, err = ForkedUsr.run(argv, cwd=cwd, env=env, given=b"", timeout=timeout, code=code, tracer=tracer)
    return subprocess.CompletedProcess(list(argv), rc, out.decode(), err.decode())


def _set(kind: str, names: Sequence[str]) -> str:
    # "?": a name that this architecture lacks is not an error.
    return f"{kind}=" + ",".join(f"?{name}" for name in names)


def _strace() -> str:
    found = shutil.which("strace")
    assert found, "strace is missing; install it (Debian: apt-get install strace)"
    return found
