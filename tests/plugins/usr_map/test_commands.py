"""`usr map` as it is typed: runs, refusals, runs that stop, and what is printed."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from support.cli import Usr, start_usr
from support.tree import assert_unchanged
from usr_core.api.commands import local_time

DS = "ns/base"
ARRAY = ("--fn", "fns.py:length", "--into", "lab__length", "--executor", "array")
FUNCTIONS = """
import sys
import time


def length(batch, plus=0):
    return [len(sequence) + plus for sequence in batch["sequence"].to_pylist()]


def per_record(sequence):
    return len(sequence)


def fails_on_tt(sequence):
    if sequence.startswith("TT"):
        raise KeyError(sequence)
    return len(sequence)


def nan(sequence):
    return float("nan") if sequence.startswith("TT") else 1.0


def too_few(batch):
    return length(batch)[1:]


def other_type(batch):
    return ["a"] * len(batch)


def nothing(batch):
    return None


def ends(batch):
    sys.exit(0)


def chatty(batch):
    print("not a result")
    return length(batch)


def slow(batch):
    time.sleep(0.3)
    return length(batch)


class Adder:
    def __init__(self, plus):
        self.plus = plus

    def __call__(self, batch):
        return length(batch, self.plus)


number = 3
"""


@pytest.fixture
def usr(seeded: Usr, tmp_path: Path) -> Usr:
    """The seeded root with a namespace for results, and a file of functions."""
    seeded.ok("namespace", "register", "lab", "--columns", "lab__length:int64,lab__ratio:float64")
    (tmp_path / "fns.py").write_text(FUNCTIONS, encoding="utf-8")
    return seeded


def fn(tmp_path: Path, name: str) -> str:
    return f"{tmp_path / 'fns.py'}:{name}"


def inline(usr: Usr, tmp_path: Path, name: str, *words: str, code: int = 0) -> dict[str, object]:
    """Map in the command's own process, and return what it prints as JSON."""
    words = ("--executor", "inline", "--into", "lab__length", *words)
    done = usr.run("map", DS, "--fn", fn(tmp_path, name), *words, "--format", "json")
    assert done.rc == code, str(done)
    data: dict[str, object] = done.data
    return data


def values(usr: Usr, column: str = "lab__length") -> list[object]:
    return [row[column] for row in usr.ok("head", DS, "--columns", column, "-n", "100", "--format", "json").data]


class TestRunning:
    def test_what_it_returns_is_attached_in_one_change(self, usr: Usr, tmp_path: Path) -> None:
        """The event says what was run, and over what."""
        before = len(usr.events(DS))
        told = inline(usr, tmp_path, "length", "--param", "plus=2", "--shards", "3")
        event = usr.events(DS)[-1]
        lengths = [row["length"] + 2 for row in usr.ok("head", DS, "-n", "100", "--format", "json").data]

        assert lengths == values(usr)
        assert ("map", before + 1) == (event["action"], len(usr.events(DS)))
        assert (3, len(lengths)) == (event["metrics"]["shards"], event["metrics"]["rows"])
        assert {"function": "fns.py:length", "params": {"plus": 2}, "run_id": told["run_id"]}.items() <= event[
            "args"
        ].items()
        assert usr.ok("validate", DS, "--strict")

    def test_a_class_and_a_function_of_one_record_do_too(self, usr: Usr, tmp_path: Path) -> None:
        """A class is made with the parameters."""
        inline(usr, tmp_path, "per_record", "--per-record")
        plain = values(usr)
        inline(usr, tmp_path, "Adder", "--param", "plus=10", "--all")

        assert [length + 10 for length in plain] == values(usr)

    def test_its_time_is_local_and_to_the_minute(self, usr: Usr, tmp_path: Path) -> None:
        """In tables, as in those of other commands; the exact time stands in JSON."""
        usr.ok("map", DS, "--fn", fn(tmp_path, "length"), "--into", "lab__length", "--executor", "inline")
        exact = usr.ok("map", "list", DS, "--format", "json").data[0]["created"]

        for told in (usr.ok("map", "list", DS).out, usr.ok("map", "status", DS).out):
            assert local_time(exact) in told and exact not in told

    def test_what_its_executor_refuses_leaves_no_run(self, usr: Usr, tmp_path: Path) -> None:
        """A run that was there before stays."""
        words = ("map", DS, "--fn", fn(tmp_path, "length"), "--into", "lab__length")
        refused = ("--executor", "dask", "--scheduler-file", str(tmp_path / "missing.json"))
        assert usr.run(*words, *refused).rc == 2
        assert [] == usr.ok("map", "list", DS, "--format", "json").data
        usr.ok(*words, "--executor", "inline", "--no-commit")
        assert usr.run(*words, *refused).rc == 2

        assert ["complete"] == [run["state"] for run in usr.ok("map", "list", DS, "--format", "json").data]

    def test_only_records_that_lack_the_value_are_looked_at(self, usr: Usr, tmp_path: Path) -> None:
        """And those that meet the condition; ``--all`` is every one."""
        some = inline(usr, tmp_path, "length", "--where", "sequence like 'TT%'")
        rest = inline(usr, tmp_path, "length")
        none = inline(usr, tmp_path, "length")
        every = inline(usr, tmp_path, "length", "--all")

        assert (1, 0) == (some["rows"], none["rows"])
        assert every["rows"] == some["rows"] + rest["rows"]  # type: ignore[operator]
        assert None not in values(usr)

    def test_the_records_of_a_version_are_mapped(self, usr: Usr, tmp_path: Path) -> None:
        """What came since has no value."""
        then, before = len(usr.events(DS)), len(values(usr, "sequence"))
        (tmp_path / "more.csv").write_text("sequence\nGGGGGCC\n", encoding="utf-8")
        usr.ok("import", DS, tmp_path / "more.csv")
        told = inline(usr, tmp_path, "length", "--at", str(then))

        assert (before, [None]) == (told["rows"], values(usr)[before:])
        assert None not in values(usr)[:before]

    def test_the_same_question_of_every_record_is_answered_already(self, usr: Usr, tmp_path: Path) -> None:
        """A second run does no work and leaves no event."""
        inline(usr, tmp_path, "length", "--all")
        before = len(usr.events(DS))
        told = inline(usr, tmp_path, "length", "--all")

        assert (True, before) == (told["committed"]["already"], len(usr.events(DS)))  # type: ignore[index]

    def test_a_dry_run_tells_the_cost_and_writes_nothing(self, usr: Usr, tmp_path: Path) -> None:
        """Shards, records, bytes, and the time by a sample."""
        with assert_unchanged(usr.root):
            told = inline(usr, tmp_path, "slow", "--shards", "2", "--dry-run")

        assert (2, "") == (told["shards"], told["run_id"])
        assert min(told["rows"], told["bytes_in"], told["bytes_out"]) > 0  # type: ignore[type-var, operator]
        assert 0 < told["seconds"] < 60  # type: ignore[operator]

    def test_what_it_prints_is_not_the_result(self, usr: Usr, tmp_path: Path) -> None:
        """Standard output has the document alone."""
        inline(usr, tmp_path, "chatty")

    def test_names_without_a_namespace_take_the_one_that_is_given(self, usr: Usr, tmp_path: Path) -> None:
        """As everywhere."""
        words = ("--into", "length", "--namespace", "lab", "--executor", "inline")
        usr.ok("map", DS, "--fn", fn(tmp_path, "length"), *words)

        assert None not in values(usr)

    def test_local_processes_run_it_by_default(self, usr: Usr, tmp_path: Path) -> None:
        """Each with a shard at a time."""
        done = usr.ok("map", DS, "--fn", fn(tmp_path, "length"), "--into", "lab__length", "--workers", "1")

        assert "attached lab__length to" in done.out
        assert None not in values(usr)


REFUSED = {
    "too_few": "values of lab__length for",
    "other_type": "which is int64",
    "nothing": "returned a NoneType",
    "ends": "called sys.exit",
    "fails_on_tt": "raised KeyError",
}


class TestRefusals:
    @pytest.mark.parametrize("name", REFUSED)
    def test_a_wrong_function_is_told_and_nothing_changes(self, usr: Usr, tmp_path: Path, name: str) -> None:
        """On the first records, before a run is planned."""
        words = ("--per-record",) if name == "fails_on_tt" else ()
        with assert_unchanged(usr.root):
            done = usr.refuses(1, "map", DS, "--fn", fn(tmp_path, name), "--into", "lab__length", *words)

        assert REFUSED[name] in done.err
        assert "  shard: sample" in done.err
        assert ("in rows 1 to " if name in {"too_few", "other_type", "nothing"} else "in row ") in done.err
        assert f"fns.py:{name}" in done.err

    @pytest.mark.parametrize("name", ["ends", "fails_on_tt", "too_few"])
    def test_one_that_fails_later_is_told_with_its_shard(self, usr: Usr, tmp_path: Path, name: str) -> None:
        """After three times; nothing is attached, and the traceback is kept."""
        words = ("--per-record",) if name == "fails_on_tt" else ()
        words = (*words, "--no-sample", "--shards", "1", "--executor", "inline", "--into", "lab__length")
        before = usr.events(DS)
        done = usr.refuses(1, "map", DS, "--fn", fn(tmp_path, name), *words)
        told = usr.ok("map", "status", DS, "--format", "json").data

        assert "USR-MAP-003" in done.err
        assert REFUSED[name] in done.err
        assert "shard: 0" in done.err
        assert before == usr.events(DS)
        assert ("failed", 3) == (told["state"], len(told["failures"]))
        assert ("  row: " in done.err) == (name != "too_few")
        assert usr.refuses(1, "map", "commit", DS)

    def test_nan_is_a_failure(self, usr: Usr, tmp_path: Path) -> None:
        """Of the record that has it."""
        words = ("--per-record", "--into", "lab__ratio")
        done = usr.refuses(1, "map", DS, "--fn", fn(tmp_path, "nan"), *words)

        assert "returned NaN for lab__ratio, in row" in done.err

    @pytest.mark.parametrize(("mode", "rows"), [("null", 0), ("skip", 0)])
    def test_records_it_fails_on_may_be_let_pass(self, usr: Usr, tmp_path: Path, mode: str, rows: int) -> None:
        """They have no value, and are counted."""
        told = inline(usr, tmp_path, "fails_on_tt", "--per-record", "--on-error", mode)
        sequences = [row["sequence"] for row in usr.ok("head", DS, "-n", "100", "--format", "json").data]

        assert [None if one.startswith("TT") else len(one) for one in sequences] == values(usr)
        assert usr.events(DS)[-1]["metrics"]["rows_failed"] == 1
        assert told["committed"]["rows"] == len(sequences) - 1  # type: ignore[index]

    @pytest.mark.parametrize(
        ("words", "code", "what"),
        [
            (("--fn", "fns.py:nothing_there", "--into", "lab__length"), 1, "USR-MAP-001"),
            (("--fn", "fns.py:number", "--into", "lab__length"), 1, "can't be called"),
            (("--fn", "nowhere.py:f", "--into", "lab__length"), 1, "there is no file"),
            (("--fn", "no_such_module:f", "--into", "lab__length"), 1, "USR-MAP-001"),
            (("--fn", "no_such_function", "--into", "lab__length"), 4, "there is no function"),
            (("--fn", "fns.py", "--into", "lab__length"), 4, "fns.py:NAME"),
            (("--fn", "fns.length", "--into", "lab__length"), 4, "fns:length"),
            (("--fn", "fns.py:length", "--into", "lab__new"), 1, "--add lab__new:TYPE"),
            (("--fn", "fns.py:length", "--into", "nope__x"), 3, "nope"),
            (("--fn", "fns.py:length", "--into", "length"), 2, "USR-MAP-008"),
            (("--fn", "fns.py:length", "--into", "lab__length,mock__score"), 2, "several namespaces"),
            (("--fn", "fns.py:length", "--into", "usr__deleted_at"), 1, "usr"),
            (("--fn", "fns.py:length", "--into", "lab__length", "--columns", "nope"), 1, "nope"),
            (("--fn", "fns.py:length", "--into", "lab__length", "--where", "nope > 1"), 2, "nope"),
            (("--fn", "fns.py:length", "--into", "lab__length", "--executor", "nobody"), 4, "there is no executor"),
            (("--fn", "fns.py:length", "--into", "lab__length", "--queue", "short"), 2, "takes no option 'queue'"),
            (("--fn", "fns.py:length", "--into", "lab__length", "--no-sample"), 2, "--shards"),
            ((*ARRAY, "--cluster", "lsf"), 2, "hint: Give --cluster slurm|sge."),
            ((*ARRAY, "--option", "array_size=x"), 2, "hint: Give --option array_size=a whole number."),
        ],
    )
    def test_what_can_not_be_asked_is_refused(
        self, usr: Usr, tmp_path: Path, words: tuple[str, ...], code: int, what: str
    ) -> None:
        """With one error, before anything is written."""
        with assert_unchanged(usr.root):
            done = usr.run("map", DS, *words, cwd=tmp_path)

        assert (1, True) == (done.err.count("error["), what in done.err), str(done)
        assert code == done.rc, str(done)


class TestStopping:
    def test_ctrl_c_leaves_a_run_that_can_be_resumed(self, usr: Usr, tmp_path: Path) -> None:
        """With exit code 130, and the line to type."""
        words = ("--into", "lab__length", "--shards", "6", "--batch-rows", "1", "--workers", "1", "--no-sample")
        with start_usr("map", DS, "--fn", fn(tmp_path, "slow"), *words, root=usr.root) as child:
            wait_for(lambda: [path for path in usr.path(DS).glob(".usr.tmp/map-*/done/*.json")])
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=60)
        told = usr.ok("map", "list", DS, "--format", "json").data
        partial = usr.ok("map", "status", DS).out

        assert 130 == child.returncode, err
        assert f"usr map resume {told[0]['run_id']}" in partial
        assert f"usr map resume {told[0]['run_id']}" in err
        assert "partial" == told[0]["state"]
        assert None in values(usr, "sequence") or "lab__length" not in usr.ok("cols", DS).out

        done = usr.ok("map", "resume", told[0]["run_id"][:8], "--executor", "inline")
        assert "attached lab__length" in done.out
        assert "are done" in done.err
        assert None not in values(usr)

    def test_resume_goes_on_with_the_last_executor(self, usr: Usr, tmp_path: Path) -> None:
        """A run of a cluster stays one: nothing is run on the node where resume is typed."""
        array = ("--executor", "array", "--cluster", "slurm")
        usr.ok("map", DS, "--fn", fn(tmp_path, "length"), "--into", "lab__length", "--shards", "2", *array)
        again = usr.ok("map", "resume", DS, "--cluster", "slurm")
        refused = usr.refuses(2, "map", "resume", DS, "--cluster", "lsf")
        told = usr.ok("map", "resume", DS, "--executor", "inline", "--no-commit", "--format", "json").data

        assert "hint: Give --cluster slurm|sge." in refused.err
        assert "wrote 2 tasks for 2 shards; submit them with: sbatch " in again.out
        assert "complete" == told["state"]

    def test_a_partial_run_is_committed_only_when_that_is_asked_for(self, usr: Usr, tmp_path: Path) -> None:
        """What is left out is counted."""
        words = ("--per-record", "--no-sample", "--shards", "6")
        usr.refuses(
            1, "map", DS, "--fn", fn(tmp_path, "fails_on_tt"), *words, "--into", "lab__length", "--executor", "inline"
        )
        usr.refuses(1, "map", "commit", DS)
        done = usr.ok("map", "commit", DS, "--allow-partial", "--format", "json").data

        assert 1 == done["shards_left_out"]
        assert 1 == values(usr).count(None)

    def test_a_discarded_run_is_gone(self, usr: Usr, tmp_path: Path) -> None:
        """With everything that it had."""
        inline(usr, tmp_path, "length", "--no-commit")
        usr.ok("map", "discard", DS)

        assert [] == usr.ok("map", "list", DS, "--format", "json").data
        assert not (usr.path(DS) / ".usr.tmp").exists()
        assert "USR-MAP-004" in usr.refuses(3, "map", "status", DS).err

    def test_a_dataset_with_several_runs_is_told_which(self, usr: Usr, tmp_path: Path) -> None:
        """With the command that lists them, as a dataset stands for its one run that is not committed."""
        inline(usr, tmp_path, "length", "--all")
        inline(usr, tmp_path, "length", "--all", "--param", "plus=1")
        committed = usr.refuses(3, "map", "resume", DS).err
        inline(usr, tmp_path, "length", "--all", "--param", "plus=2", "--no-commit")
        one = usr.ok("map", "status", DS, "--format", "json").data
        inline(usr, tmp_path, "length", "--all", "--param", "plus=3", "--no-commit")
        several = usr.refuses(3, "map", "commit", DS).err

        assert f"{DS} has 2 runs, all committed" in committed
        assert "complete" == one["state"]
        assert f"{DS} has 2 runs that are not committed" in several
        assert f"usr map list {DS}." in several

    def test_shards_can_be_run_one_by_one(self, usr: Usr, tmp_path: Path) -> None:
        """By number, as a batch system does; what lies on disk counts."""
        inline(usr, tmp_path, "length", "--shards", "2", "--no-commit")
        folder = next(usr.path(DS).glob(".usr.tmp/map-*"))
        for receipt in (folder / "done").iterdir():
            receipt.unlink()
        usr.refuses(1, "map", "commit", folder.name)

        told = usr.ok("map", "run-shard", str(folder), "1", "0", "--format", "json").data
        assert (2, []) == (told["done"], told["failed"])
        assert f"usr map commit {told['run_id']}" == usr.ok("map", "status", DS, "--format", "json").data["next"]
        assert "attached" in usr.ok("map", "commit", folder.name).out
        usr.refuses(3, "map", "run-shard", str(folder), "7")


def wait_for(ready: object, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_status_tells_failures_as_json(usr: Usr, tmp_path: Path) -> None:
    """With row, record and traceback."""
    words = ("--per-record", "--no-sample", "--shards", "1", "--into", "lab__length", "--executor", "inline")
    usr.refuses(1, "map", DS, "--fn", fn(tmp_path, "fails_on_tt"), *words)
    [*_, last] = json.loads(usr.ok("map", "status", DS, "--format", "json").out)["data"]["failures"]

    assert {"shard", "reason", "row", "id", "worker", "at", "trace"} == last.keys()
    assert "KeyError" in last["trace"]
    assert 40 == len(last["id"])


@pytest.mark.parametrize("command", ["run", "resume"])
def test_the_help_says_whose_options_they_are(usr: Usr, command: str) -> None:
    """`--option` is for the executor; there is no file that anything reads or writes."""
    told = usr.ok("map", command, "--help").out

    assert "NAME=VALUE for the executor" in " ".join(told.split())


class TestFinding:
    def test_what_names_nothing_is_no_run(self, usr: Usr) -> None:
        """As an id is the likely meaning of a word without a slash."""
        assert "There is no run '4f1d' under" in usr.refuses(3, "map", "status", "4f1d").err
        assert (
            "its folder is gone" in usr.refuses(3, "map", "run-shard", str(usr.path(DS) / ".usr.tmp/map-4f"), "0").err
        )

    def test_other_faults_are_told_as_what_they_are(self, usr: Usr, tmp_path: Path) -> None:
        """A dataset that is not there, a root that is not there, a name that several datasets have."""
        usr.ok("init", "other/base")

        assert "USR-MAP-004" not in usr.refuses(3, "map", "status", "ns/nothing").err
        assert "ns/base" in usr.refuses(2, "map", "status", "base").err
        assert "USR-ROOTS-010" in usr.run("--root", str(tmp_path / "nowhere"), "map", "status", "4f1d").err

    def test_a_run_is_named_by_how_its_id_begins_by_its_folder_and_by_its_folders_name(
        self, usr: Usr, tmp_path: Path
    ) -> None:
        """Each is the same run; what two runs begin with is neither."""
        inline(usr, tmp_path, "length", "--no-commit")
        (folder,) = usr.path(DS).glob(".usr.tmp/map-*")
        run_id = folder.name.removeprefix("map-")
        found = [
            usr.ok("map", "status", word, "--format", "json").data["run_id"]
            for word in (run_id, run_id[:5], folder.name, str(folder), DS)
        ]

        assert [run_id] * 5 == found
