"""Faults in the middle of a pull or push, at points that are steps of the run and bytes on the way, not moments.

`run_case` prepares both sides, lets one fault happen, and checks the promise of docs and design: a reader of either
side sees the old state or the new, and the next plain run of the same command completes with both copies alike.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from support.cli import Result, run_usr
from support.sync_lab import Action, Lab, Scenario
from support.sync_states import BIG_FILE, NAME, NOTES, State, Templates, check_never_torn, check_whole_copy

__all__ = ["FAULTS", "POINTS", "Case", "Runs", "check_after_fault", "run_case"]

FAULTS = ("ssh killed", "rsync killed", "usr killed", "byte changed", "file added", "file removed")
"""The faults of `run_case`; full disks are in `sync_small_disk`."""
POINTS = 10

_LATE = 0.999
_LOCAL_CALLS = (
    "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir", "ftruncate", "pwrite64",
    "fsync",
)  # fmt: skip
# What the command may end with, by fault; a killed one ends by its signal.
_CODES = {
    "ssh killed": {0, 7},
    "rsync killed": {0, 1, 6, 7},
    "usr killed": {-9},
    "byte changed": {0, 1, 6, 7},
    "file added": {0, 6},
    "file removed": {0, 6},
}


@dataclass(frozen=True)
class Case:
    """One fault at one of its ten points."""

    fault: str
    action: Action
    point: int

    @property
    def scenario(self) -> Scenario:
        return "first" if self.point in (3, 7) else "forward"

    def __str__(self) -> str:
        return f"{self.action}-{self.fault.replace(' ', '-')}-{self.point}"


@dataclass
class Runs:
    """What transfers without a fault do: the programs that run there, the bytes that move, the calls made here."""

    lab: Lab
    templates: Templates
    _steps: dict[tuple[Action, Scenario], list[str]] = field(default_factory=dict)
    _bytes: dict[tuple[Action, Scenario], int] = field(default_factory=dict)
    _calls: dict[Scenario, list[tuple[str, int]]] = field(default_factory=dict)

    def steps(self, action: Action, scenario: Scenario) -> list[str]:
        """Return the programs that run on the remote side, with their arguments, in order."""
        self._measure(action, scenario)
        return self._steps[action, scenario]

    def bytes(self, action: Action, scenario: Scenario) -> int:
        """Return how many bytes the largest rsync moves."""
        self._measure(action, scenario)
        return self._bytes[action, scenario]

    def _measure(self, action: Action, scenario: Scenario) -> None:
        if (action, scenario) in self._steps:
            return
        self.lab.prepare(self.templates, action, scenario)
        self.lab.at_step(10**9)
        self.lab.at_byte("fetch", 10**12, "count")
        done = self.lab.sync(action)
        assert done.rc == 0, str(done)
        self._steps[action, scenario] = self.lab.steps
        counted = (self.lab.control / "counted").read_text().split()
        self._bytes[action, scenario] = max(map(int, counted))

    def promotion(self, scenario: Scenario) -> list[tuple[str, int]]:
        """Return five system calls of a pull's promotion, as names and numbers.

        Before and after the record is linked, between two publishes, before the log is extended, and before the
        record goes.
        """
        if scenario not in self._calls:
            self.lab.prepare(self.templates, "pull", scenario)
            log = self.lab.control / "strace.log"
            tracer = [_strace(), "-y", "-o", str(log), "-e", f"trace={_set(_LOCAL_CALLS)}"]
            done = self.lab.sync("pull", tracer=tracer)
            assert done.rc == 0, str(done)
            self._calls[scenario] = _promotion_calls(log.read_text(errors="replace").splitlines())
        return self._calls[scenario]


def run_case(runs: Runs, case: Case) -> Result:
    """Let the fault of a case happen, check what it left, and that the next run completes; return the faulty run."""
    lab, action = runs.lab, case.action
    _measure(runs, case)
    lab.prepare(runs.templates, action, case.scenario)
    command, repair = _set_fault(runs, case)
    before = lab.states(action)
    done = command()

    assert lab.hit or case.fault == "usr killed", f"the fault did not happen: {done}"
    assert done.rc in _CODES[case.fault], str(done)
    assert "Traceback" not in done.err + done.out, str(done)
    assert done.rc in (0, -9) or done.err.count("error[USR-") == 1, str(done)
    check_after_fault(lab, case.action, before, source_may_change=case.fault.startswith("file"))
    lab.mend()
    repair()
    again = lab.sync(action)
    assert again.rc == 0, f"{again}\nafter\n{done}"
    bystanders = frozenset({BIG_FILE} if case.fault == "file removed" else ())
    assert check_whole_copy(lab.here, bystanders=bystanders) == check_whole_copy(lab.there, bystanders=bystanders)
    giver, taker = lab.states(action)
    assert giver.log == taker.log
    return done


def check_after_fault(lab: Lab, action: Action, before: tuple[State, State], *, source_may_change: bool) -> None:
    """Check both sides right after a fault: each as it was, or the side that takes wholly like the one that gives."""
    giver, taker = lab.sides(action)
    source = State.of(giver / NAME)
    if not source_may_change:
        check_never_torn(giver / NAME, [before[0]])
    check_never_torn(taker / NAME, [before[1], before[0], source])
    for root in (giver, taker):
        if (root / NAME / "records.parquet").exists():  # else it is not there yet, for `usr`
            done = run_usr("events", "verify", NAME, root=root)
            assert done.rc == 0, str(done)


# ---------------------------------------------------------------- points


def _far_points(runs: Runs, case: Case) -> list[tuple[str, float]]:
    """Return ten points: ``("step", n)`` before the n-th program there, ``("byte", fraction)`` of the data."""
    steps = runs.steps(case.action, case.scenario)
    locks, digests = _all(steps, "flock "), _all(steps, "sha256sum --")
    if case.action == "pull":
        early = [locks[0] + 1 if locks else 3, digests[0], digests[-1]]
        return [
            *(("step", number) for number in early),
            *(("byte", part) for part in (0.02, 0.25, 0.5, 0.75, 0.95, _LATE)),
            ("step", len(steps)),
        ]
    link = _all(steps, r"ln \S+ \./\.usr\.commit\.\d+\.json")[0]
    moves = [number for number in _all(steps, "mv -f") if number > link]
    return [
        ("step", locks[0]),
        ("byte", 0.3),
        ("step", _all(steps, "mkdir -p .*push-")[0]),
        ("byte", 0.9),
        ("step", _all(steps, r"sha256sum -- \./files")[0]),
        ("step", link),
        ("step", link + 1),
        ("step", moves[len(moves) // 2]),
        ("step", _all(steps, "cat .*/line")[0]),
        ("step", _all(steps, r"rm -f \./\.usr\.commit\.\d+\.json")[0]),
    ]


def _all(steps: list[str], pattern: str) -> list[int]:
    """Return the numbers of the steps that match, from 1."""
    return [number for number, step in enumerate(steps, 1) if re.match(pattern, step)]


def _promotion_calls(lines: list[str]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    calls = []
    for line in lines:
        name = line.partition("(")[0]
        counts[name] = counts.get(name, 0) + 1
        calls.append((name, counts[name], line))
    record = r"\.usr\.commit\.\d+\.json\""
    link = next(at for at, call in enumerate(calls) if "link" in call[0] and re.search(record + r"[,)]", call[2]))
    publishes = [at for at in range(link, len(calls)) if calls[at][0].startswith("rename")]
    line = next(at for at in range(link, len(calls)) if calls[at][0] == "pwrite64" or ".events.log" in calls[at][2])
    gone = next(
        at for at in range(link, len(calls)) if calls[at][0].startswith("unlink") and re.search(record, calls[at][2])
    )
    return [calls[at][:2] for at in (link, link + 1, publishes[len(publishes) // 2], line, gone)]


def _strace() -> str:
    found = shutil.which("strace")
    assert found, "strace is missing; make programs"
    return found


def _set(names: tuple[str, ...]) -> str:
    return ",".join(f"?{name}" for name in names)


# ---------------------------------------------------------------- faults

_Set = tuple[Callable[[], Result], Callable[[], None]]


def _measure(runs: Runs, case: Case) -> None:
    """See to it that what the case's point is counted by is known: measuring forgets faults."""
    runs.steps(case.action, case.scenario)
    if case.fault == "usr killed" and case.action == "pull":
        runs.promotion(case.scenario)


def _nothing() -> None:
    return None


def _set_fault(runs: Runs, case: Case) -> _Set:
    """Set a fault; return the command to run and what mends its cause."""
    lab = runs.lab
    makers = {
        "ssh killed": _ssh_killed,
        "rsync killed": _rsync_killed,
        "usr killed": _usr_killed,
        "byte changed": _byte_changed,
        "file added": _file_added,
        "file removed": _file_removed,
    }
    return makers[case.fault](runs, case) or ((lambda: lab.sync(case.action)), _nothing)


def _at(runs: Runs, case: Case, point: tuple[str, float]) -> None:
    kind, where = point
    if kind == "step":
        runs.lab.at_step(int(where))
    else:
        way = "fetch" if case.action == "pull" else "send"
        runs.lab.at_byte(way, int(runs.bytes(case.action, case.scenario) * where))


def _ssh_killed(runs: Runs, case: Case) -> None:
    """Kill every ssh of ours, or the server's half of the connection; at every third point it stays down."""
    lasting = f"touch '{runs.lab.control}/down'\n" if case.point % 3 == 1 else ""
    runs.lab.set_action(f"{lasting}harm {'ssh' if case.point % 2 else 'sshd'}")
    _at(runs, case, _far_points(runs, case)[case.point])


def _rsync_killed(runs: Runs, case: Case) -> None:
    """Kill the near or the far rsync, once, or the far one in every try."""
    part = (case.point + 0.5) / POINTS
    way, number = "fetch" if case.action == "pull" else "send", int(runs.bytes(case.action, case.scenario) * part)
    if case.point % 3 == 2:
        runs.lab.at_byte(way, number, "cut")  # type: ignore[arg-type]
    else:
        runs.lab.set_action(f"harm rsync {'near' if case.point % 3 else 'far'}")
        runs.lab.at_byte(way, number)  # type: ignore[arg-type]


def _usr_killed(runs: Runs, case: Case) -> _Set | None:
    """Kill `usr` itself; what it has started is left to itself."""
    if case.action == "pull" and case.point >= 5:
        name, number = runs.promotion(case.scenario)[case.point - 5]
        rule = f"inject={name}:signal=SIGKILL:when={number}"
        tracer = [_strace(), "-o", "/dev/null", "-e", f"trace={name}", "-e", rule]
        return (lambda: runs.lab.sync("pull", tracer=tracer)), _nothing
    points = _far_points(runs, case)
    runs_at = points[case.point] if case.action == "push" else [points[i] for i in (0, 1, 4, 7, 9)][case.point]
    runs.lab.set_action("harm usr")
    _at(runs, case, runs_at)
    return None


_FLIPS_PULLED = ("records.parquet", BIG_FILE, "_derived/bulk/*", "_derived/mock/*", NOTES, "_snapshots/*")
_FLIPS_PUSHED = (
    "files/records.parquet",
    "files/_derived/bulk/*",
    "files/tables/*",
    "record.json",
    "line",
    "operations",
)


def _byte_changed(runs: Runs, case: Case) -> None:
    """Change a byte of rsync's stream, or one of a file that has just arrived, behind rsync's back."""
    lab = runs.lab
    if case.point < 4:
        way = "fetch" if case.action == "pull" else "send"
        number = int(runs.bytes(case.action, case.scenario) * (0.15, 0.4, 0.65, 0.9)[case.point])
        lab.at_byte(way, number, "flip")  # type: ignore[arg-type]
        return
    taker = lab.sides(case.action)[1]
    names = [f"files/{name}" for name in _FLIPS_PULLED] if case.action == "pull" else _FLIPS_PUSHED
    where = (0.0, 0.5, 1.0)[case.point % 3]
    lab.set_action(f"harm flip '{taker / NAME}/.usr.tmp/{case.action}-*/{names[case.point - 4]}' {where}")
    lab.after_copies()


def _file_added(runs: Runs, case: Case) -> None:
    """Let a person add a file on the side that gives, or a writer add records, while bytes are on their way."""
    giver = runs.lab.sides(case.action)[0]
    by_writer = case.point % 2 == 1
    runs.lab.set_action(_writer(giver, "add") if by_writer else f"echo new >'{giver / NAME}/notes/added'")
    points = _far_points(runs, case)
    steps = [point for point in points if point[0] == "step"]
    # A writer waits for locks, so it comes while none is held.
    _at(
        runs, case, ("byte", (case.point + 0.5) / POINTS) if by_writer or case.point < 5 else steps[case.point // 2 - 3]
    )


def _file_removed(runs: Runs, case: Case) -> _Set:
    """Remove a file on the side that gives: one of the user's, a part by compaction, or a part by hand."""
    lab = runs.lab
    giver = lab.sides(case.action)[0] / NAME
    repair: Callable[[], None] = _nothing
    if case.point % 3 == 0:
        script = f"rm '{giver / BIG_FILE}'"
    elif case.point % 3 == 1:
        script = _writer(giver.parents[1], "compact")
    else:
        script = f"mv '{giver}/_derived/bulk' '{lab.control}/kept'"

        def repair() -> None:
            shutil.move(lab.control / "kept", giver / "_derived/bulk")

    lab.set_action(script)
    _at(runs, case, ("byte", (case.point + 0.5) / POINTS))
    return (lambda: lab.sync(case.action)), repair


_WRITERS = {
    "add": "d.add_sequences([{'sequence': 'ACGTACGTTTTTACGTACGTACGAAA'}])",
    "compact": "m = d.maintenance(reason='tests'); m.__enter__(); d.compact_overlay('bulk', drop=True)",
}


def _writer(root: Path, what: str) -> str:
    code = f"from usr_core.dataset import Dataset; d = Dataset.open({str(root)!r}, {NAME!r}); {_WRITERS[what]}"
    return f"'{sys.executable}' -c \"{code}\""
