"""Processes of ``usr`` that begin with everything imported: a server that has done so forks one for each command.

Starting Python and importing Arrow, DuckDB and Typer costs half a second of CPU, a command's own work often a tenth of
it, and the suite runs thousands of commands. What runs in the fork is `usr_core.cli.main.main`, as the console script
runs it, in a process of its own, with its own streams, folder, environment and signals.

Where a shell runs commands, it finds a small program `usr` that asks the same server and ends as the fork ends. Tests
that need another program of these modules have its code run in place of the command, and a fork can begin under strace.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import ctypes
import gc
import importlib
import importlib.metadata
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ["ForkedUsr"]

_IMPORTED = (
    "duckdb",
    "encodings.utf_8_sig",
    "filelock",
    "numpy.ma",
    "pandas",
    "pyarrow.compute",
    "pyarrow.csv",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "tomllib",
    "typer",
    "yaml",
)

_PR_SET_PTRACER = 0x59616D61

# Starts in 15 ms, as it loads nothing that is written in Python. What Python reads at its start no fork can be given.
_PROGRAM = """#!{python} -IS
import os, sys
import _socket

if any(name.startswith(("PYTHON", "LD_", "MALLOC", "ARROW")) for name in os.environ):
    os.execv({script!r}, [{script!r}, *sys.argv[1:]])
asked = repr({{"argv": [{script!r}, *sys.argv[1:]], "cwd": os.getcwd(), "env": dict(os.environ)}}).encode()
streams = b"".join(stream.to_bytes(4, sys.byteorder) for stream in (0, 1, 2))
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
server.sendmsg([len(asked).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
server.sendall(asked)
server.recv(4, _socket.MSG_WAITALL)
code = int.from_bytes(server.recv(4, _socket.MSG_WAITALL), "big", signed=True)
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class ForkedUsr:
    """The server of one test process, started at the first command and ended with the process."""

    _control: socket.socket | None = None
    _owner = 0
    _address = b""
    _one_at_a_time = threading.Lock()
    """Two threads would begin two servers, or mix what they ask."""
    _programs: tempfile.TemporaryDirectory[str]

    @classmethod
    def programs(cls, script: Path) -> Path:
        """Return a folder for PATH whose only program, ``usr``, has what `script` does done by a fork.

        It hands over its words, folder, environment and streams, and ends with the exit code or by the signal of the
        fork. A signal that is sent to it does not reach the fork.
        """
        with cls._one_at_a_time:
            if cls._control is None or cls._owner != os.getpid():
                cls._begin()
        program = Path(cls._programs.name) / "usr"
        if not program.exists():
            program.write_text(_PROGRAM.format(python=sys.executable, script=str(script), address=cls._address))
            program.chmod(0o755)
        return program.parent

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        cwd: Path | None,
        env: Mapping[str, str],
        streams: tuple[int, int, int],
        code: str | None = None,
        held: bool = False,
    ) -> tuple[int, socket.socket]:
        """Run a command with these streams; return its process id, and a socket that says its exit code at its end.

        Args:
            argv: What `sys.argv` is.
            cwd: The folder it runs in.
            env: All of its environment.
            streams: Its stdin, stdout and stderr.
            code: Python to run in place of the command.
            held: Whether it begins only when a byte comes over the socket.
        """
        ours, theirs = socket.socketpair()
        wanted = {
            "argv": [str(word) for word in argv],
            "cwd": str(cwd or Path.cwd()),
            "env": dict(env),
            "code": code,
            "held": held,
        }
        asked = repr(wanted).encode()
        with theirs, cls._one_at_a_time:
            if cls._control is None or cls._owner != os.getpid():
                cls._begin()
            assert cls._control is not None
            socket.send_fds(cls._control, [len(asked).to_bytes(4, "big")], [*streams, theirs.fileno()])
            cls._control.sendall(asked)
        return int.from_bytes(_exactly(ours, 4), "big"), ours

    @classmethod
    def run(
        cls,
        argv: Sequence[str],
        *,
        cwd: Path | None,
        env: Mapping[str, str],
        given: bytes,
        timeout: float,
        started: Callable[[int], object] = lambda _pid: None,
        code: str | None = None,
        tracer: Sequence[str] = (),
    ) -> tuple[int, bytes, bytes]:
        """Run a command to its end and return its exit code, its output and what it wrote to stderr.

        `started` is told its process id. `tracer` is a strace with its options, which sees the command from its first
        call on; `code` is as for `start`.

        Raises:
            subprocess.TimeoutExpired: It took longer than `timeout` seconds, and was killed.
        """
        pipes = [os.pipe(), os.pipe(), os.pipe()]
        theirs = (pipes[0][0], pipes[1][1], pipes[2][1])
        command, answer = cls.start(argv, cwd=cwd, env=env, streams=theirs, code=code, held=bool(tracer))
        started(command)
        for one in theirs:
            os.close(one)
        with answer, _traced(command, tracer, answer), ThreadPoolExecutor(3) as pool:
            fed = pool.submit(_feed, pipes[0][1], given)
            told = [pool.submit(_everything, one[0]) for one in pipes[1:]]
            answer.settimeout(timeout)
            try:
                code = int.from_bytes(_exactly(answer, 4), "big", signed=True)
            except TimeoutError as late:
                os.kill(command, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(argv), timeout) from late
            fed.result(timeout)
            return code, told[0].result(timeout), told[1].result(timeout)

    @classmethod
    def _begin(cls) -> None:
        from support.processes import Child  # not for the server, which finds only what the command finds

        ours, theirs = socket.socketpair()
        with theirs, socket.socket(socket.AF_UNIX) as entrance:
            entrance.bind(b"")  # an address of Linux's own choice, of which no file is left
            entrance.listen()
            passed = [theirs.fileno(), entrance.fileno()]
            Child(
                [sys.executable, __file__, *map(str, passed)],
                pass_fds=passed,
                stdin=subprocess.DEVNULL,
                env={k: v for k, v in os.environ.items() if not k.startswith(("USR_", "PYTEST_"))},
            )
            cls._address = entrance.getsockname()
        cls._control, cls._owner = ours, os.getpid()
        cls._programs = tempfile.TemporaryDirectory(prefix="usr-programs-")
        atexit.register(ours.close)


def serve(descriptor: int, entrance: int) -> None:
    """Fork a process for each command that is asked for, until the other end is closed."""
    for name in (*_IMPORTED, *_ours()):
        importlib.import_module(name)
    _parse_manifests()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # which is told by the wake-up
    with (
        socket.socket(fileno=descriptor) as control,
        socket.socket(fileno=entrance) as door,
        _woken_by_signals() as wakened,
        selectors.DefaultSelector() as ready,
    ):
        running: dict[int, socket.socket] = {}
        for one in (control, door, wakened):
            ready.register(one, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is wakened:
                    wakened.recv(4096)
                    _tell_ends(running)
                    continue
                asking = control if key.fileobj is control else door.accept()[0]
                head, passed, _, _ = socket.recv_fds(asking, 4, 4)
                if not head:
                    return  # the tests are at their end
                asked = ast.literal_eval(_exactly(asking, int.from_bytes(head, "big")).decode())
                *streams, last = [*passed, asking.detach()] if asking is not control else passed
                answer = socket.socket(fileno=last)
                # One fork a command: the memory of this process takes ten milliseconds to be shared.
                command = os.fork()
                if command == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for one in (ready, control, door, wakened, *running.values()):
                        one.close()
                    with answer:
                        if asked.get("held"):
                            _be_held(answer)
                    _run(asked, streams)
                for stream in streams:
                    os.close(stream)
                running[command] = answer
                _send(answer, command)


@contextlib.contextmanager
def _woken_by_signals() -> Iterator[socket.socket]:
    """Give a socket that can be read when a signal has come."""
    ours, pythons = socket.socketpair()
    with ours, pythons:
        ours.setblocking(False)
        pythons.setblocking(False)
        signal.set_wakeup_fd(pythons.fileno(), warn_on_full_buffer=False)
        yield ours


def _tell_ends(running: dict[int, socket.socket]) -> None:
    """Tell of each command that has ended how it did."""
    for command in list(running):
        ended, status = os.waitpid(command, os.WNOHANG)
        if ended:
            with running.pop(command) as answer:
                _send(answer, os.waitstatus_to_exitcode(status))


def _send(answer: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # who asked is gone
        answer.sendall(number.to_bytes(4, "big", signed=True))


def _be_held(gate: socket.socket) -> None:
    """Wait for a byte, and let whoever likes trace this process."""
    # Else Yama lets nobody but an ancestor do so.
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
    gate.recv(1)


def _ours() -> Iterator[str]:
    """Return the modules of the core and of the built-in plugins, but those for tests."""
    # By their entry points: pkgutil does not see what is installed in editable form.
    plugins = importlib.metadata.distribution("universal-sequence-record").entry_points.select(group="usr.plugins")
    for package in dict.fromkeys(["usr_core", *(found.module.partition(".")[0] for found in plugins)]):
        yield package
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not found.name.startswith("usr_core.testing") and not found.name.endswith("__main__"):
                yield found.name


def _parse_manifests() -> None:
    """Have TOML parsed that every command parses; the files are read again by each."""
    from usr_core.plugin.catalogue import Catalogue
    from usr_core.plugin.switches import Switches

    assert Catalogue(Switches()).all


def _run(asked: dict[str, object], streams: list[int]) -> None:
    import io
    import time

    for wanted, given in enumerate(streams):
        os.dup2(given, wanted)
    for given in streams:
        os.close(given)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(str(asked["cwd"]))
    os.environ.clear()
    os.environ.update(asked["env"])  # type: ignore[call-overload]
    time.tzset()
    # Where Python itself puts them: behind the script's folder, before the standard library.
    sys.path[1:1] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    importlib.invalidate_caches()
    for found in vars(sys.modules["usr_core.plugin.discovery"]).values():
        if hasattr(found, "cache_clear"):  # what is installed, as the server saw it
            found.cache_clear()
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(0), encoding="utf-8", errors="surrogateescape"),
        io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")), encoding="utf-8", errors="surrogateescape"),
        io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(2, "w")), encoding="utf-8", errors="backslashreplace", line_buffering=True
        ),
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    sys.argv = list(asked["argv"])  # type: ignore[call-overload]
    from usr_core.cli.main import main

    code = 1
    try:
        if asked.get("code"):
            exec(str(asked["code"]), {"__name__": "__main__"})
            code = 0
        else:
            code = main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 - told as Python tells it, in a process that ends here
        traceback.print_exc()
    finally:
        # What the interpreter does at its end, but for taking apart every module, which costs 0.1 s.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@contextlib.contextmanager
def _traced(command: int, tracer: Sequence[str], gate: socket.socket) -> Iterator[None]:
    """Attach the tracer to a held command, and let that begin; wait for the tracer's end, which comes with its own."""
    if not tracer:
        yield
        return
    from support.processes import Child

    with Child([*tracer, "-p", str(command)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as strace:
        assert strace.stderr is not None
        told = strace.stderr.readline()
        assert b"attached" in told, told
        gate.sendall(b"1")
        yield


def _feed(descriptor: int, given: bytes) -> None:
    with open(descriptor, "wb") as stream, contextlib.suppress(BrokenPipeError):
        stream.write(given)
        stream.flush()


def _everything(descriptor: int) -> bytes:
    with open(descriptor, "rb") as stream:
        return stream.read()


def _exactly(stream: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = stream.recv(count - len(got))
        assert more, "the fork server is gone"
        got += more
    return got


if __name__ == "__main__":
    sys.path[0] = str(Path(sys.executable).parent)  # what it is for the console script
    serve(*map(int, sys.argv[1:]))
