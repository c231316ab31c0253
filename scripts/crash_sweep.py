"""Kill or fail a writer at every system call it makes in a dataset, and check the promises of the commit.

    python scripts/crash_sweep.py                     the protocol on a small dataset, one point in five
    python scripts/crash_sweep.py --all               the protocol: every point, every error; races; late holders
    python scripts/crash_sweep.py --commands          the commands of the table below, one point in five
    python scripts/crash_sweep.py --commands --all    the same, every point and every error (hours)
    python scripts/crash_sweep.py --commands import   one of them

Needs strace. Prints a line for each part and ends with exit code 1 if a promise was broken anywhere.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE / "tests")]

from support import crash_child  # noqa: E402
from support.cli import clean_env, usr_argv  # noqa: E402
from support.crash import (  # noqa: E402
    World,
    child_argv,
    files_on_disk,
    leftovers,
    outcome,
    run_child,
    run_child_with,
    trace_child,
    view,
)  # fmt: skip
from support.strace import CHANGING, READING, Call, calls_below, calls_between, inject, trace  # noqa: E402
from support.tree import tree_differences, tree_digest  # noqa: E402
from usr_core.commit.transaction import Transaction  # noqa: E402
from usr_core.events.chain import verify_chain  # noqa: E402
from usr_core.events.log import read_lines  # noqa: E402
from usr_core.roots.layout import EVENT_LOG, DatasetLayout  # noqa: E402

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EMFILE")
DATASET = "ns/base"
FIRST_ID = "$ID"  # replaced by the id of the first record


@dataclass(frozen=True)
class Command:
    """A command that changes something: its words, and the commands that make the root it starts from.

    `dataset` is what it changes, and `moved` where that is afterwards, if elsewhere. `events` is how many events it
    leaves there; a command without one writes beside the datasets.
    """

    words: str
    before: tuple[str, ...] = ()
    dataset: str = DATASET
    events: int = 1
    moved: str | None = None


# What every root holds: a namespace, a dataset with six records and one attachment. Files are in the root's `in/`.
PREPARED = (
    "namespace register mock --columns mock__score:float64,mock__tag:string",
    f"init {DATASET} --source sweep",
    f"import {DATASET} --from csv --path in/first.csv",
    f"attach {DATASET} --path in/score.csv --namespace mock --key sequence",
)
ATTACH_TAG = f"attach {DATASET} --path in/tag.csv --namespace mock --key sequence"
INPUTS = {
    "first.csv": "sequence\nACGTACGTACGT\nTTGACAGGCTAA\nGGGCCCATATCG\nCATCATCATGGT\nAATTCCGGAATT\nGATTACAGATTA\n",
    "more.csv": "sequence\nACGTACGTACGTAAAA\nTTGACAGGCTAACCCC\n",
    "score.csv": "sequence,mock__score\nACGTACGTACGT,1.5\nTTGACAGGCTAA,2.5\n",
    "tag.csv": "sequence,mock__tag\nACGTACGTACGT,one\nGATTACAGATTA,two\n",
}
COMMANDS = {
    "init": Command("init ns/other --source sweep", dataset="ns/other"),
    "import": Command(f"import {DATASET} --from csv --path in/more.csv"),
    "attach": Command(ATTACH_TAG),
    "attach-overwrite": Command(
        f"attach {DATASET} --path in/score.csv --namespace mock --key sequence --allow-overwrite"
    ),
    "snapshot": Command(f"snapshot {DATASET}"),
    "materialize": Command(f"materialize {DATASET} --yes"),
    "materialize-archive": Command(f"materialize {DATASET} --yes --archive-overlays", before=(ATTACH_TAG,)),
    "materialize-drop": Command(f"materialize {DATASET} --yes --drop-overlays --snapshot-before", before=(ATTACH_TAG,)),
    "registry-freeze": Command(
        f"maintenance registry-freeze {DATASET}", before=("namespace register second --columns second__x:int64",)
    ),
    "delete": Command(f"delete {DATASET} --id {FIRST_ID} --reason sweep"),
    "restore": Command(f"restore {DATASET} --id {FIRST_ID}", before=(f"delete {DATASET} --id {FIRST_ID}",)),
    "state-set": Command(f"state set {DATASET} --id {FIRST_ID} --qc-status pass"),
    "state-clear": Command(
        f"state clear {DATASET} --id {FIRST_ID}", before=(f"state set {DATASET} --id {FIRST_ID} --masked",)
    ),
    "materialize-drop-deleted": Command(
        f"materialize {DATASET} --yes --drop-deleted", before=(f"delete {DATASET} --id {FIRST_ID}",)
    ),
    "archive": Command(f"archive {DATASET}", moved=f"_archive/{DATASET}"),
    "unarchive": Command(
        f"unarchive {DATASET}", before=(f"archive {DATASET}",), dataset=f"_archive/{DATASET}", moved=DATASET
    ),
    "compact": Command(f"maintenance overlay-compact {DATASET} --namespace mock", before=(ATTACH_TAG,)),
    "namespace-register": Command("namespace register third --columns third__x:int64", events=0),
    "remotes-add": Command(
        "--remotes-config remotes.yaml remotes add far --type ssh --host h --user u --base-dir /b", events=0
    ),
    "export": Command(f"export {DATASET} --fmt csv --out out.csv --overwrite", events=0),
}


@dataclass
class Tally:
    """What was tried and what went wrong."""

    tried: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def check(self, part: str, what: str, check: Callable[[], object]) -> None:
        """Run one check; an AssertionError or any other exception is a broken promise."""
        self.tried[part] += 1
        try:
            check()
        except Exception as error:  # noqa: BLE001 - the sweep goes on
            self.broken.append(f"{part}: {what}: {type(error).__name__}: {error}")
            print(f"BROKEN {self.broken[-1]}", flush=True)

    def close(self, part: str) -> None:
        broken = sum(line.startswith(f"{part}:") for line in self.broken)
        print(f"{part}: {self.tried[part]} points, {broken} broken", flush=True)


# ---------------------------------------------------------------- the protocol on a small dataset


def sweep_protocol(place: Path, tally: Tally, *, step: int, everything: bool) -> None:
    """Kill and fail the composite change of `crash_child`."""
    world = World.make(place / "world")
    folder = world.copy(place / "dataset")
    names = CHANGING + READING if everything else CHANGING
    run_child(world.copy(folder))
    calls = trace_child(world.copy(folder), place / "log", names=names)
    calls = calls_between(calls, crash_child.BEGIN_MARKER, crash_child.END_MARKER, names=names)
    points = calls_below(calls, folder, names=names)

    def kill(call: Call) -> None:
        done = run_child_with(world.copy(folder), call, "signal=SIGKILL")
        assert done.returncode == -9, "not reached"
        world.check_after_crash(folder)

    def fail(call: Call, error: str, lasting: bool) -> None:
        before = tree_digest(world.copy(folder))
        done = run_child_with(folder, call, f"error={error}", lasting=lasting)
        told = outcome(done)
        if not lasting:
            world.check_after_error(folder, told, before)
        else:
            assert "raw" not in told, told
            assert view(folder) in (world.old, world.new)
            assert (told.get("done") == 2) <= (view(folder) == world.new)
            world.check_after_crash(folder)

    for call in points[::step]:
        tally.check("kill", str(call), lambda call=call: kill(call))  # type: ignore[misc]
    tally.close("kill")
    for index, call in enumerate(points[::step]):
        for error in ERRORS if everything else (ERRORS[index % len(ERRORS)],):
            tally.check("error", f"{error} at {call}", lambda c=call, e=error: fail(c, e, False))  # type: ignore[misc]
    tally.close("error")
    if everything:
        for call in (point for point in points if point.name in CHANGING):
            tally.check("lasting error", f"at {call}", lambda call=call: fail(call, "EIO", True))  # type: ignore[misc]
        tally.close("lasting error")
        sweep_late_holders(world, folder, tally)
        sweep_writers(place / "many", tally)


def sweep_late_holders(world: World, folder: Path, tally: Tally) -> None:
    """100 holders that lose their lock while they are paused, 25 at each step before the commit point."""

    def late(step: str) -> None:
        world.copy(folder)
        argv = child_argv(folder, "--pause", step)
        holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_env())
        assert holder.stdout is not None
        assert holder.stdout.readline() == "paused\n"
        (folder / ".usr.lock").unlink()
        crash_child.small_change(folder)
        expected = view(folder)
        out, _ = holder.communicate("go on\n", timeout=30)
        assert outcome(subprocess.CompletedProcess([], 0, out, ""))["type"] == "LateHolder", out
        _recover(folder)
        assert files_on_disk(folder) == expected
        assert [verify_chain(folder / EVENT_LOG), leftovers(folder)] == [[], []]

    for number in range(100):
        step = ("recovered", "staged", "reserved", "recorded")[number % 4]
        tally.check("late holder", step, lambda step=step: late(step))  # type: ignore[misc]
    tally.close("late holder")


def sweep_writers(folder: Path, tally: Tally) -> None:
    """16 processes, 50 changes each, of which four are killed and started again."""

    def race() -> None:
        folder.mkdir()
        crash_child.first_change(folder)
        argv = child_argv(folder, "--change", "triple", "--times", "50")
        writers = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=clean_env()) for _ in range(16)]
        for victim in writers[:4]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                victim.wait(0.5)
            victim.kill()
            victim.wait(30)
        told = [writer.communicate(timeout=30)[0] for writer in writers[4:]]
        assert all('"done"' in text for text in told), told
        _recover(folder)
        numbers = [line.event["seq"] for line in read_lines(folder / EVENT_LOG) if line.event is not None]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 12 * 50 + 1
        assert [verify_chain(folder / EVENT_LOG), leftovers(folder)] == [[], []]

    tally.check("writers", "race", race)
    tally.close("writers")


# ---------------------------------------------------------------- whole commands


class CommandSweep:
    """One command of the table on fresh copies of its root."""

    def __init__(self, name: str, command: Command, place: Path) -> None:
        self.name, self._command, self._place = name, command, place / name
        self.root = self._place / "root"
        template = self._place / "template"
        (self.root / "in").mkdir(parents=True)
        for file, content in INPUTS.items():
            (self.root / "in" / file).write_text(content)
        self._id = ""
        for words in (*PREPARED, *command.before):
            self._run(words)
            if not self._id and words == PREPARED[2]:
                self._id = self._first_id()
        shutil.move(self.root, template)
        self._template = template
        self._old = self._events(template / command.dataset)

    @property
    def dataset(self) -> Path:
        """The dataset's folder, before or after a move."""
        moved = self.root / (self._command.moved or self._command.dataset)
        return moved if (moved / EVENT_LOG).exists() else self.root / self._command.dataset

    def argv(self) -> list[str]:
        return self._words(self._command.words)

    def fresh(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self._template, self.root)

    def points(self) -> list[Call]:
        self.fresh()
        calls = trace(self.argv(), self._place / "log", names=CHANGING, env=_env(self.root), cwd=self.root)
        self._shape = self._shape_of(self.root)
        return [call for call in calls_below(calls, self.root, names=CHANGING) if "/root/in/" not in call.line]

    def kill(self, call: Call) -> None:
        """Kill at `call`; then the dataset is old or new, and the command can be given again if it was old."""
        self.fresh()
        done = inject(self.argv(), call, "signal=SIGKILL", env=_env(self.root), cwd=self.root)
        assert done.returncode == -9, "not reached"
        if not (self.dataset / EVENT_LOG).exists() and self._old == 0:
            self._run(self._command.words)  # it had not begun to exist
        else:
            seen = view(self.dataset)
            _recover(self.dataset)
            assert files_on_disk(self.dataset) == seen, "recovery changed what a reader had seen"
            came = self._events(self.dataset) - self._old
            assert came in range(self._command.events + 1), f"{came} events came"
            if came == 0:
                before = files_on_disk(self._template / self._command.dataset)
                assert seen == before, "no event, but the files differ"
            if came < self._command.events or self._shape_of(self.root) != self._shape:
                self._run(self._command.words)
        self._check_new()

    def fail(self, call: Call, error: str) -> None:
        """Fail `call`; then every byte is as before, or the command said that it succeeded and did."""
        self.fresh()
        before = tree_digest(self.root)
        done = inject(self.argv(), call, f"error={error}", env=_env(self.root), cwd=self.root)
        if done.returncode == 0:
            _recover(self.dataset)
            self._check_new()
            return
        assert "Traceback" not in done.stderr, done.stderr
        assert done.stderr.count("error[USR-") == 1, done.stderr
        differences = [line for line in tree_differences(before, tree_digest(self.root)) if not line.endswith(".lock")]
        assert not differences, differences

    def _check_new(self) -> None:
        assert leftovers(self.dataset) == []
        assert verify_chain(self.dataset / EVENT_LOG) == []
        assert self._events(self.dataset) == self._old + self._command.events
        assert self._shape_of(self.root) == self._shape
        if self._command.moved is None:
            self._run(f"validate {self._command.dataset} --strict")

    def _shape_of(self, root: Path) -> list[str]:
        """Return the names of all files, without what is new each time (stamps and random letters).

        Those that are not part of a dataset stand with their content.
        """
        names = []
        for path in root.rglob("*"):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not name.startswith("in/") and not path.name.endswith((".lock", ".recovered")):
                inside = any((place / EVENT_LOG).exists() for place in path.parents)
                names.append(name if inside else f"{name}: {path.read_text()}")
        return sorted(re.sub(r"\d{8}T\d{6,12}(-[0-9a-f]{8})?", "STAMP", name) for name in names)

    def _events(self, dataset: Path) -> int:
        return sum(1 for _ in read_lines(dataset / EVENT_LOG))

    def _first_id(self) -> str:
        done = self._run(f"head {DATASET} -n 1 --format json")
        found = re.search(r'"id":\s*"([0-9a-f]{40})"', done.stdout)
        assert found, done.stdout
        return found[1]

    def _run(self, words: str) -> subprocess.CompletedProcess[str]:
        argv = self._words(words)
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, env=_env(self.root), cwd=self.root, timeout=120
        )
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done

    def _words(self, words: str) -> list[str]:
        return [*usr_argv(), *words.replace(FIRST_ID, self._id).split()]


def sweep_commands(place: Path, names: Sequence[str], tally: Tally, *, step: int, everything: bool) -> None:
    """Kill and fail the commands of the table."""
    for name in names:
        part = f"usr {name}"
        sweep = None
        try:
            sweep = CommandSweep(name, COMMANDS[name], place)
            points = sweep.points()
        except (AssertionError, OSError) as error:
            tally.tried[part] += 1
            tally.broken.append(f"{part}: can't be prepared: {error}")
            print(f"BROKEN {tally.broken[-1]}", flush=True)
            continue
        for index, call in enumerate(points[::step]):
            tally.check(part, f"killed at {call}", lambda s=sweep, c=call: s.kill(c))  # type: ignore[misc]
            for error in ERRORS if everything else (ERRORS[index % len(ERRORS)],):
                tally.check(
                    part,
                    f"{error} at {call}",
                    lambda s=sweep, c=call, e=error: s.fail(c, e),  # type: ignore[misc]
                )
        tally.close(part)


def _env(root: Path) -> dict[str, str]:
    return clean_env({"USR_ROOT": root, "OMP_NUM_THREADS": "1"})


def _recover(folder: Path) -> None:
    with Transaction(DatasetLayout(folder), command="sweep", lock_timeout=0):
        pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every point and every error")
    parser.add_argument("--step", type=int, default=5, help="without --all: one point in so many (5)")
    parser.add_argument("--commands", nargs="*", metavar="NAME", choices=[*COMMANDS], help=", ".join(COMMANDS))
    options = parser.parse_args()
    os.umask(0o022)
    tally = Tally()
    step = 1 if options.all else options.step
    with tempfile.TemporaryDirectory(prefix="crash-sweep-") as made:
        place = Path(made).resolve()
        if options.commands is None:
            sweep_protocol(place, tally, step=step, everything=options.all)
        else:
            sweep_commands(place, options.commands or [*COMMANDS], tally, step=step, everything=options.all)
    print(json.dumps({"points": tally.tried.total(), "broken": len(tally.broken)}))
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
