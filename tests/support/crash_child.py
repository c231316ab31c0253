"""A program that changes one small dataset, and can be told to meet with an accident on the way.

Run as a file by a child process; it imports nothing but the commit, so that a start takes a tenth of a second.
The last line of its output is JSON: ``{"done": seq}``, ``{"error": code, "type": …}`` for an error of ours,
``{"own": …}`` where the caller's own write failed, ``{"raw": …}`` for any other exception.
"""

from __future__ import annotations

import argparse
import ctypes  # loaded before the marker, as what the change imports late
import errno
import json
import os
import signal
import sys
from pathlib import Path

import filelock

from usr_core.commit.transaction import Step, Transaction
from usr_core.errors import UsrError
from usr_core.events.event import Event
from usr_core.roots.layout import DatasetLayout
from usr_core.version import package_version

BEGIN_MARKER = "/usr-test-marker-begin"
END_MARKER = "/usr-test-marker-end"
PRELOADED = (ctypes, filelock.lock_descriptor, filelock.SoftFileLease)

SETTING = ".history/setting.json"
FIRST = {
    "records.parquet": b"base one",
    "meta.md": b"first note\n",
    "swap.txt": b"swap one",
    "_derived/old/part-a.parquet": b"part a",
    "_derived/old/part-b.parquet": b"part b",
}


def first_change(folder: Path, *, keeps: bool = False) -> None:
    """Fill an empty dataset; with `keeps` later changes keep what they replace."""
    with Transaction(DatasetLayout(folder), command="init") as txn:
        if keeps:
            txn.stage(SETTING).write_bytes(b"keep")
        for name, content in FIRST.items():
            txn.stage(name).write_bytes(content)
        txn.commit(_event("init"))


def composite_change(folder: Path, observer=None, lock_timeout: float = 5.0) -> int:  # type: ignore[no-untyped-def]
    """Publish a new file, replace two, retire one into an archive and one for good, and swap one: in one change."""
    layout = DatasetLayout(folder)
    with Transaction(layout, command="composite", observer=observer, lock_timeout=lock_timeout) as txn:
        txn.keeps = (folder / SETTING).is_file()
        mark = b" after %d" % txn.head.seq
        _write(txn.stage("records.parquet"), b"base" + mark)
        _write(txn.stage("meta.md"), b"note" + mark)
        _write(txn.stage("_derived/new/part-c.parquet"), b"part c" + mark)
        if txn.head.seq == 1:
            txn.retire("_derived/old/part-a.parquet", into="_derived/_archived/old/1/part-a.parquet")
            txn.retire("_derived/old/part-b.parquet")
            txn.retire("swap.txt", into="_derived/_archived/swap.txt")
            _write(txn.stage("swap.txt"), b"swap two")
        return int(txn.commit(_event("composite"))["seq"])


def small_change(folder: Path, command: str = "small") -> int:
    """Replace one file."""
    with Transaction(DatasetLayout(folder), command=command, lock_timeout=30) as txn:
        txn.keeps = (folder / SETTING).is_file()
        txn.stage("meta.md").write_bytes(b"small after %d" % txn.head.seq)
        return int(txn.commit(_event(command))["seq"])


def triple_change(folder: Path, observer=None) -> int:  # type: ignore[no-untyped-def]
    """Write the number of the change into three files, one of which has a name of its own each time."""
    with Transaction(DatasetLayout(folder), command="triple", observer=observer, lock_timeout=60) as txn:
        number = str(txn.head.seq + 1)
        for name in ("one.txt", "_derived/two.txt", f"_derived/three/part-{number}.txt"):
            txn.stage(name).write_text(number)
        for old in txn.tree.names("_derived/three"):
            txn.retire(f"_derived/three/{old}")
        return int(txn.commit(_event("triple"))["seq"])


class OwnFailure(Exception):
    """Our own write into the staging folder failed; the transaction has no part in that."""


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OwnFailure(f"{error}") from error


def _event(action: str) -> Event:
    return Event(action=action, dataset="d", root="/root")


def _accident(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    def observe(step: Step) -> None:
        if step == options.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == options.interrupt:
            os.kill(os.getpid(), signal.SIGINT)
        if step == options.fail:
            raise OSError(getattr(errno, options.errno), os.strerror(getattr(errno, options.errno)))
        if step == options.pause:
            sys.stdout.write("paused\n")
            sys.stdout.flush()
            sys.stdin.readline()

    return observe


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--change", choices=["composite", "first", "small", "triple", "enter"], default="composite")
    for accident in ("kill", "interrupt", "fail", "pause"):
        parser.add_argument(f"--{accident}", type=Step)
    parser.add_argument("--errno", default="ENOSPC")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--lock-timeout", type=float, default=5.0)
    parser.add_argument("--uid", type=int)
    options = parser.parse_args()
    package_version()  # imports much, once
    if options.uid is not None:
        os.setgroups([])
        os.setresgid(options.uid, options.uid, options.uid)
        os.setresuid(options.uid, options.uid, options.uid)
    told: dict[str, object]
    Path(BEGIN_MARKER).exists()
    try:
        seq = 0
        for _ in range(options.times):
            if options.change == "composite":
                seq = composite_change(options.folder, _accident(options), options.lock_timeout)
            elif options.change == "first":
                first_change(options.folder)
            elif options.change == "small":
                seq = small_change(options.folder)
            elif options.change == "enter":
                with Transaction(DatasetLayout(options.folder), command="enter"):
                    pass
            else:
                seq = triple_change(options.folder, _accident(options))
        told = {"done": seq}
    except UsrError as error:
        told = {
            "error": error.code,
            "type": type(error).__name__,
            "exit": int(error.exit_code),
            "message": f"{error}",
            "hint": error.hint,
            "facts": {name: str(value) for name, value in error.facts.items()},
        }
    except OwnFailure as error:
        told = {"own": f"{error}"}
    except KeyboardInterrupt:
        told = {"interrupted": True}
    except Exception as error:  # noqa: BLE001 - to be told as what it is
        told = {"raw": f"{type(error).__name__}: {error}"}
    Path(END_MARKER).exists()
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
