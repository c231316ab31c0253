"""Telling event sinks: after the commit, each within its time, and never at the cost of what was done."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from support.cli import Usr, clean_env, usr_argv
from support.hosts import HostMaker
from support.plugins import FakePlugin, install
from support.processes import Child
from usr_core.dataset import Dataset
from usr_core.plugin.errors import PluginError
from usr_core.registry.store import register_namespace

SINK = """
import sys, threading, time
from usr_core.errors import UsrError
from usr_core.plugin import EventSinkSpec, hookimpl
import usr_plugin_{id} as package
package.seen = []
class Sink:
    def __init__(self):
        {factory}
        package.thread = threading.current_thread()
    def emit(self, event):
        {emit}
        package.seen.append(event["action"])
    def close(self):
        {close}
        package.seen.append("closed" if package.thread is threading.current_thread() else "elsewhere")
@hookimpl
def usr_event_sinks():
    return [EventSinkSpec(name="{id}", summary="s", factory=Sink, required={required}, timeout_s={timeout})]
"""
EVENT = {"action": "init", "seq": 7, "dataset": {"name": "ns/base", "root": "/r"}}
HANGS = "time.sleep(600)"


def sink(
    plugin_id: str, *, emit: str = "pass", close: str = "pass", factory: str = "pass", required: bool = False,
    timeout: float = 0.3,
) -> FakePlugin:  # fmt: skip
    """Return a plugin with a sink whose methods do this first."""
    source = SINK.format(
        id=plugin_id, emit=emit, close=close, factory=factory, required=required, timeout=timeout
    )  # fmt: skip
    return FakePlugin(plugin_id, hooks=source).provides("event_sink", plugin_id)


def seen(plugin_id: str) -> list[str]:
    return list(sys.modules[f"usr_plugin_{plugin_id}"].seen)


class TestTime:
    @pytest.mark.parametrize("place", ["factory", "emit"])
    def test_that_is_over_gives_a_sink_up(self, make_host: HostMaker, place: str) -> None:
        """The next sink is told, the warning names the plugin, and the next event does not wait again."""
        host = make_host(sink("aa", **{place: HANGS}), sink("bb"))  # type: ignore[arg-type]
        started = time.monotonic()
        for _ in range(4):
            host.emit(EVENT)
        seconds = time.monotonic() - started

        assert ["init"] * 4 == seen("bb")
        assert all("usr-plugin-aa 1.0" in line for line in host.reports)  # type: ignore[attr-defined]
        assert "0.3 s" in host.reports[0]  # type: ignore[attr-defined]
        assert seconds < 3

    def test_of_closing_is_limited_as_well(self, make_host: HostMaker) -> None:
        """And what hangs leaves no thread that the end of the process waits for."""
        host = make_host(sink("aa", close=HANGS))
        host.emit(EVENT)
        host.close()

        assert ["usr-plugin-aa"] == [line.split("(")[1].split()[0] for line in host.reports]  # type: ignore[attr-defined]
        assert all(t.daemon for t in threading.enumerate() if t is not threading.main_thread())

    def test_that_is_enough_leaves_a_slow_sink_in(self, make_host: HostMaker) -> None:
        """A sink that takes half of its time is told of every event, in one thread of its own."""
        host = make_host(sink("aa", emit="time.sleep(0.1)", timeout=5))
        host.emit(EVENT)
        host.emit(EVENT)
        host.close()

        assert ["init", "init", "closed"] == seen("aa")
        assert [] == host.reports  # type: ignore[attr-defined]


class TestFailure:
    @pytest.mark.parametrize(
        ("emit", "said"),
        [
            ("raise ValueError('no')", "ValueError: no"),
            ("raise SystemExit(3)", "SystemExit"),
            ("raise KeyboardInterrupt", "KeyboardInterrupt"),
            ("raise UsrError('the board is full', hint='Empty it.')", "the board is full"),
            ("return 'sent'", "it returned a str"),
            ("return (x for x in [1])", "it returned a generator"),
            (HANGS, "did not return within"),
        ],
    )
    def test_of_a_required_sink_says_that_the_change_is_made(self, make_host: HostMaker, emit: str, said: str) -> None:
        """Exit 4, the plugin, the change's number, and no advice to run it again; other sinks are told all the same."""
        host = make_host(sink("aa", emit=emit, required=True), sink("bb"))
        for _ in range(2):
            with pytest.raises(PluginError) as caught:
                host.emit(EVENT)
            error = caught.value

            assert 4 == error.exit_code
            assert 1 == error.message.count("change 7 of ns/base is committed")
            assert "usr-plugin-aa 1.0" in error.message
            assert error.hint.startswith("The change is made: don't run the command again.")
            assert 7 == error.event["seq"]  # type: ignore[attr-defined]
        assert ["init", "init"] == seen("bb")
        if emit is not HANGS:
            assert said in str(error.facts["cause"])

    def test_is_a_warning_where_the_sink_is_not_required(self, make_host: HostMaker) -> None:
        """In proper form or not, the plugin is named."""
        host = make_host(sink("aa", emit="raise UsrError('the board is full', hint='Empty it.')"))
        host.emit(EVENT)

        (line,) = host.reports  # type: ignore[attr-defined]
        assert "usr-plugin-aa 1.0" in line
        assert "the board is full" in line

    def test_under_strict_is_told_like_that_of_a_required_one(self, make_host: HostMaker) -> None:
        """And does not keep the next sink from being told."""
        host = make_host(sink("aa", emit="1 / 0"), sink("bb"), environ={"USR_PLUGINS_STRICT": "1"})
        with pytest.raises(PluginError, match="change 7 of ns/base is committed"):
            host.emit(EVENT)

        assert ["init"] == seen("bb")

    def test_reaches_a_caller_of_the_library(self, make_host: HostMaker, tmp_path: Path) -> None:
        """The dataset has the change that the error says it has."""
        host = make_host(sink("aa", emit="1 / 0", required=True))
        register_namespace(tmp_path, "mock", [("mock__score", "float64")])
        made = Dataset.open(tmp_path, "ns/base", host=host)
        with pytest.raises(PluginError, match="change 1 of ns/base is committed") as caught:
            made.init()

        assert caught.value.event == list(made.events())[-1].event  # type: ignore[attr-defined]


class TestCommand:
    def site(self, tmp_path: Path, **parts: object) -> dict[str, str | Path]:
        return {"PYTHONPATH": install(tmp_path / "site", sink("aa", **parts))}  # type: ignore[arg-type]

    def test_prints_its_result_first(self, seeded: Usr, tmp_path: Path) -> None:
        """Before any sink is told, so that a sink that takes its time hides nothing; what it prints is on stderr."""
        env = self.site(tmp_path, emit="print('told', flush=True); time.sleep(30)", timeout=60)
        process = started(seeded, env, "delete", "ns/base", "--id", first_id(seeded))
        assert process.stdout is not None
        line = process.stdout.readline()
        assert process.stderr is not None
        told = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

        assert "1 record" in line
        assert 0 == process.returncode, err
        assert ("told\n", "") == (told, out)
        assert "interrupted while event sinks were told; change 3 of ns/base is committed" in err

    def test_interrupted_after_its_commit_has_succeeded(self, seeded: Usr, tmp_path: Path) -> None:
        """Exit 130 is for what did not happen: here only the report and the telling are cut short."""
        code = (
            "import os, signal, sys\nfrom usr_core.cli import output\nfrom usr_core.cli.main import main\n"
            "import usr_records.life_cli as life\n"
            "life.emit_outcome = lambda *parts, **how: os.kill(os.getpid(), signal.SIGINT)\n"
            "sys.exit(main(sys.argv[1:]))"
        )
        words = ["--root", str(seeded.root), "delete", "ns/base", "--id", first_id(seeded)]
        done = subprocess.run(
            [sys.executable, "-c", code, *words], env=clean_env(self.site(tmp_path)), capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

        assert 0 == done.returncode, done.stderr
        assert "change 3 of ns/base is committed" in done.stderr
        assert "delete" == seeded.events("ns/base")[-1]["action"]

    @pytest.mark.parametrize(
        "emit", [HANGS, "threading.Thread(target=time.sleep, args=(600,)).start(); time.sleep(600)"]
    )
    def test_ends_beside_a_sink_that_hangs(self, seeded: Usr, tmp_path: Path, emit: str) -> None:
        """Exit 0 with one warning, soon after the sink's time, though a thread of its own still runs."""
        began = time.monotonic()
        result = seeded.ok("delete", "ns/base", "--id", first_id(seeded), env=self.site(tmp_path, emit=emit))

        assert 1 == result.err.count("did not return within 0.3 s"), result.err
        assert "usr-plugin-aa 1.0" in result.err
        assert time.monotonic() - began < 30

    def test_with_a_required_sink_that_fails_has_made_the_change(self, seeded: Usr, tmp_path: Path) -> None:
        """Exit 4; the result was printed, and the error says that change 3 is committed."""
        env = self.site(tmp_path, emit="1 / 0", required=True)
        result = seeded.refuses(4, "delete", "ns/base", "--id", first_id(seeded), env=env)

        assert "1 record" in result.out
        assert "change 3 of ns/base is committed" in result.err
        assert "delete" == seeded.events("ns/base")[-1]["action"]


def first_id(usr: Usr) -> str:
    from support.overlays import ids_of

    return ids_of(usr.path("ns/base"))[0]


def started(usr: Usr, env: dict[str, str | Path], *words: str) -> subprocess.Popen[str]:
    return Child(
        [*usr_argv(), "--root", str(usr.root), *words], env=clean_env(env), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
