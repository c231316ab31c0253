"""Ctrl-C while native code works comes out as the interrupt that it is."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from support.cli import clean_env, usr_argv
from support.processes import Child
from support.small_datasets import make_dataset
from support.tree import tree_differences, tree_digest
from usr_core.commit.transaction import Transaction
from usr_core.interrupts import HandlersHeard, SignalsHeld, native_calls, raise_lost_interrupt
from usr_core.records.bulk_ids import IdHasher

PATIENCE = 60.0
SLOW_SQL = "select count(*) from range(100000000) a, range(100000) b where a.range * b.range % 7 = 3"


@pytest.fixture(autouse=True)
def _default_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted_after(seconds: float, call: Callable[[], object]) -> None:
    """Run `call`, which takes long, and send SIGINT to this process meanwhile."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        call()
    finally:
        timer.cancel()


class TestNativeCalls:
    def test_hashing_ids_ends_in_the_interrupt(self) -> None:
        """DuckDB says `Query interrupted`; whoever called gets a KeyboardInterrupt."""
        sequences = pa.array([f"ACGT{number}" for number in range(100_000)])
        end = time.monotonic() + PATIENCE

        def hash_for_long() -> None:
            with IdHasher(expected_rows=1_000_000) as hasher:
                while time.monotonic() < end:
                    hasher.ids("dna", sequences)

        with pytest.raises(KeyboardInterrupt):
            interrupted_after(0.5, hash_for_long)

    def test_a_statement_ends_in_the_interrupt(self, tmp_path: Path) -> None:
        """Not in an error of the statement."""
        dataset = make_dataset(tmp_path)

        with pytest.raises(KeyboardInterrupt):
            interrupted_after(1.0, lambda: dataset.sql(SLOW_SQL))

    def test_what_swallows_the_interrupt_does_not_keep_it(self) -> None:
        """The handler's exception comes at the end of the block, instead of another error or of none."""
        for error in (None, RuntimeError("cancelled")):
            with pytest.raises(KeyboardInterrupt), native_calls():
                _swallow()
                if error is not None:
                    raise error

    def test_errors_without_a_signal_pass(self) -> None:
        """Nothing is taken for an interrupt that is none."""
        with pytest.raises(RuntimeError, match="Query interrupted"), native_calls():
            raise RuntimeError("Query interrupted")

    def test_handlers_are_put_back(self) -> None:
        """Also when they raised, and in a thread nothing is touched."""
        with HandlersHeard() as heard:
            _swallow()

        assert isinstance(heard.raised, KeyboardInterrupt)
        assert signal.default_int_handler is signal.getsignal(signal.SIGINT)
        thread = threading.Thread(target=lambda: HandlersHeard().__enter__())
        thread.start()
        thread.join(PATIENCE)
        assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


class TestSignalsHeld:
    def test_the_handler_runs_at_the_end_of_the_block(self) -> None:
        """Nothing is raised before, and the interrupt comes out once all of the block has been done."""
        done = []

        with pytest.raises(KeyboardInterrupt), SignalsHeld():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all")

        assert ["all"] == done
        assert signal.default_int_handler is signal.getsignal(signal.SIGINT)

    def test_an_error_of_the_block_gives_way_to_the_interrupt(self) -> None:
        """The error is its context."""
        with pytest.raises(KeyboardInterrupt) as caught, SignalsHeld():
            os.kill(os.getpid(), signal.SIGINT)
            raise RuntimeError("cancelled")

        assert "cancelled" == str(caught.value.__context__)

    def test_an_inner_block_leaves_the_signal_to_the_outer_one(self) -> None:
        """However deep the native calls are nested."""
        done = []

        with pytest.raises(KeyboardInterrupt), SignalsHeld():
            with SignalsHeld():
                os.kill(os.getpid(), signal.SIGINT)
            done.append("outer")

        assert ["outer"] == done

    def test_without_a_signal_nothing_happens(self) -> None:
        """Errors pass, and other handlers than Python's stay as they are."""
        before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            with pytest.raises(RuntimeError, match="of its own"), SignalsHeld():
                assert signal.SIG_IGN is signal.getsignal(signal.SIGTERM)
                raise RuntimeError("of its own")
        finally:
            signal.signal(signal.SIGTERM, before)

    def test_a_handler_that_raises_at_the_begin_leaves_the_others_as_they_were(self) -> None:
        """SIGTERM that comes while SIGINT has been taken already."""

        def end(number: int, frame: object) -> None:
            raise SystemExit(143)

        class Hurried(SignalsHeld):
            def _instead_of(self, handler: Callable[..., object]) -> Callable[..., object]:
                if handler is end:
                    os.kill(os.getpid(), signal.SIGTERM)
                return super()._instead_of(handler)

        before = signal.signal(signal.SIGTERM, end)
        try:
            with pytest.raises(SystemExit), Hurried():
                pass

            assert signal.default_int_handler is signal.getsignal(signal.SIGINT)
            assert end is signal.getsignal(signal.SIGTERM)
        finally:
            signal.signal(signal.SIGTERM, before)


class TestLostInterrupt:
    def test_is_raised_where_it_is_asked_for(self) -> None:
        """A finalizer drops what a handler raises in it; before a commit that is asked for."""
        with HandlersHeard():
            raise_lost_interrupt()
            _swallow()
            with pytest.raises(KeyboardInterrupt):
                raise_lost_interrupt()

        raise_lost_interrupt()

    def test_no_change_is_made_behind_it(self, tmp_path: Path) -> None:
        """The dataset is left as it was."""
        dataset = make_dataset(tmp_path, sequences=("ACGT",))
        before = tree_digest(dataset.path)
        commits, Transaction.commits = Transaction.commits, 0  # those of other tests in this process
        try:
            with HandlersHeard():
                _swallow()
                with pytest.raises(KeyboardInterrupt):
                    dataset.delete(list(dataset.head(1)["id"]))
        finally:
            Transaction.commits = commits

        assert [] == [line for line in tree_differences(before, tree_digest(dataset.path)) if ".usr.lock" not in line]


def test_ctrl_c_behind_the_last_word_changes_nothing(tmp_path: Path) -> None:
    """While Python ends, a change has been made and reported; the exit code goes on saying so."""
    dataset = make_dataset(tmp_path, sequences=("ACGT",))
    record = dataset.head_arrow(1)["id"][0].as_py()
    program = (
        "import atexit, os, sys; atexit.register(os.kill, os.getpid(), 2)\n"
        "from usr_core.cli.main import main; sys.exit(main())"
    )
    argv = [sys.executable, "-c", program, "--root", str(tmp_path), "delete", "ns/base", "--id", record]
    done = subprocess.run(argv, env=clean_env(), capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert (0, "") == (done.returncode, done.stderr)


def _swallow() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    except KeyboardInterrupt:
        return


def test_an_interrupted_import_ends_with_130_and_leaves_every_byte(tmp_path: Path) -> None:
    """Whatever works at that moment (so many rows let DuckDB hash); nothing is said but that it was interrupted."""
    root = tmp_path / "root"
    lock = make_dataset(root, sequences=()).path / ".usr.lock"
    letters = random.Random(5)
    rows = {"".join(letters.choices("ACGT", k=30)) for _ in range(280_000)}
    (root / "rows.csv").write_text("sequence\n" + "\n".join(rows) + "\n")
    argv = [sys.executable, *usr_argv(), "--root", str(root), "import", "ns/base", "--path", str(root / "rows.csv")]
    before = tree_digest(root)
    codes = []
    for delay in (0.0, 0.3, 0.8):
        child = Child(argv, env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE
        while not lock.read_bytes() and child.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(delay)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=PATIENCE)
        codes.append(child.returncode)
        if child.returncode == 0:  # a fast machine had done it before
            break

        assert (130, "", "interrupted\n") == (child.returncode, out, err)
        assert [] == [line for line in tree_differences(before, tree_digest(root)) if ".usr.lock" not in line]
    assert 130 in codes
