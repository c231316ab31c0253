"""The executor `array` keeps the contract, with tasks that run as processes as a cluster runs them."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from support.batch_systems import FakeCluster
from usr_array.errors import ArrayOptionInvalid, ArraySubmitFailed, ArraySystemUnknown
from usr_array.executor import ArrayExecutor
from usr_array.plugin import usr_executors
from usr_core import Dataset
from usr_core.api import ExecutorSpec, UsrError
from usr_core.api.runs import ExecutorRequest, MapRun, RunFolder
from usr_core.testing import ExecutorContract
from usr_core.testing.fixtures import DatasetFactory
from usr_core.testing.manifest_contract import ManifestContract

DEFAULTS = {option.name: option.default for spec in usr_executors() for option in spec.options}
SLOW = """
import time
from pathlib import Path


def length(sequence, mark):
    if sequence == "ACGTT" and not Path(mark).exists():
        Path(mark).touch()
        time.sleep(300)
    return len(sequence)
"""


def newest(run: RunFolder) -> Path:
    """Return the script that was written last."""
    return max((run.path / "executor").glob("submit-*.sh"))


class _Array(ExecutorContract):
    @pytest.fixture
    def spec(self) -> ExecutorSpec:
        (spec,) = usr_executors()
        return spec

    def play(self, run: RunFolder) -> None:
        FakeCluster.run(newest(run))


class TestSlurm(_Array):
    """Three shards in each of two tasks."""

    options: ClassVar = {"cluster": "slurm", "array_size": 2}


class TestSge(_Array):
    """One task for all."""

    options: ClassVar = {"cluster": "sge", "array_size": 1}


class TestManifest(ManifestContract):
    """What the manifest says is what the plugin offers."""

    @pytest.fixture
    def plugin_id(self) -> str:
        return "array"


@pytest.fixture
def planned(dataset_factory: DatasetFactory, tmp_path: Path) -> tuple[Dataset, MapRun]:
    """Return a dataset, and a run of six shards that nobody runs yet; the first shard hangs the first time."""
    sequences = [f"ACGT{'T' * number}" for number in range(12)]
    dataset = dataset_factory(sequences, namespaces={"mock": {"mock__length": "int64"}})
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    run = dataset.map(
        f"{tmp_path / 'slow.py'}:length", into="mock__length", params={"mark": str(tmp_path / "mark")}, per_record=True,
        shards=6, sample=False, executor=None,
    )  # fmt: skip
    return dataset, run


def handed_out(run: MapRun, *, workers: int | None = None, say: Callable[[str], None] = print, **options: Any) -> Path:
    """Hand out every shard that is not done, and return the script."""
    assert run.folder is not None
    folder = run.folder
    request = ExecutorRequest(
        run_id=run.run_id, folder=folder.path, shards=6, workers=workers, options=DEFAULTS | options, say=say
    )
    executor = ArrayExecutor(request)
    for index in sorted(set(range(6)) - folder.done()):
        executor.submit(folder.spec(index))
    executor.close()
    return newest(folder)


class TestTasks:
    def test_run_in_any_order_and_twice(self, planned: tuple[Dataset, MapRun], tmp_path: Path) -> None:
        """The last first, one of them again: each shard counts once, and nothing is left to do."""
        dataset, run = planned
        (tmp_path / "mark").touch()
        script = handed_out(run, cluster="slurm")
        ended = FakeCluster.run(script, [6, 2, 2, 5, 1, 4, 3, 6])

        assert [0] * 8 == [code for code, _ in ended], ended
        assert (6, "complete") == (run.status().done, run.status().state)
        assert 12 == run.commit().rows
        assert list(range(4, 16)) == dataset.to_arrow(columns=["mock__length"])["mock__length"].to_pylist()

    def test_run_at_the_same_time(self, planned: tuple[Dataset, MapRun], tmp_path: Path) -> None:
        """Two processes at the same shards publish one part of each."""
        _, run = planned
        (tmp_path / "mark").touch()
        script = handed_out(run, cluster="slurm", array_size=1)
        with FakeCluster.start(script, 1) as first, FakeCluster.start(script, 1) as second:
            told = [child.communicate(timeout=120)[1] for child in (first, second)]

        assert (0, 0) == (first.returncode, second.returncode), told
        assert run.folder is not None
        assert 6 == run.status().done == len(list(run.folder.parts.iterdir()))

    def test_a_killed_task_leaves_its_shard_to_the_next_script(
        self, planned: tuple[Dataset, MapRun], tmp_path: Path
    ) -> None:
        """As at the end of its walltime; that is no failure of the function."""
        _, run = planned
        script = handed_out(run, cluster="slurm", array_size=2)
        with FakeCluster.start(script, 1, real=True) as child:
            end = time.monotonic() + 60
            while not (tmp_path / "mark").exists():
                assert time.monotonic() < end
                time.sleep(0.05)
            os.kill(child.pid, signal.SIGKILL)
        FakeCluster.run(script, [2])

        status = run.status()
        assert ("partial", 3, 0, 3) == (status.state, status.done, status.failed, status.pending)
        again = handed_out(run, cluster="slurm")
        assert again != script
        assert "0\n1\n2\n" == again.with_name("tasks-002.txt").read_text(encoding="utf-8")
        FakeCluster.run(again)
        assert 12 == run.commit().rows


class TestSubmitting:
    def test_says_the_command_where_it_does_not_submit(self, planned: tuple[Dataset, MapRun], tmp_path: Path) -> None:
        """With the script's path, quoted as a shell takes it."""
        told: list[str] = []
        script = handed_out(planned[1], say=told.append, cluster="sge")

        assert "wrote 6 tasks for 6 shards; submit them with: qsub " in told[0]
        assert str(script) in told[0]
        assert planned[1].run_id in told[1]

    @pytest.mark.parametrize("system", ["slurm", "sge"])
    def test_submits_and_says_the_jobs_number(
        self, system: str, planned: tuple[Dataset, MapRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By the program of the system."""
        cluster = FakeCluster(tmp_path / "cluster")
        monkeypatch.setenv("PATH", cluster.path)
        told: list[str] = []
        script = handed_out(planned[1], say=told.append, cluster=system, submit=True, array_size=4, workers=3)

        assert [script] == cluster.submitted()
        assert 4 == FakeCluster.tasks(script)
        assert "submitted job 4242: 4 tasks for 6 shards" == told[0]
        assert ("1-4%3" if system == "slurm" else "-tc 3") in script.read_text(encoding="utf-8")

    def test_finds_the_system_of_this_machine(
        self, planned: tuple[Dataset, MapRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By its program on PATH."""
        cluster = FakeCluster(tmp_path / "cluster")
        (cluster.bin / "sbatch").unlink()
        monkeypatch.setenv("PATH", str(cluster.bin))

        assert "#$ -t 1-6" in handed_out(planned[1]).read_text(encoding="utf-8")

    def test_refuses_where_no_system_is_known(
        self, planned: tuple[Dataset, MapRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The user has to name it."""
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(ArraySystemUnknown):
            handed_out(planned[1])

    def test_tells_what_the_system_answered(
        self, planned: tuple[Dataset, MapRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The script stays, and can be submitted by hand."""
        monkeypatch.setenv("PATH", FakeCluster(tmp_path / "cluster").path)

        with pytest.raises(ArraySubmitFailed) as caught:
            handed_out(planned[1], cluster="slurm", submit=True, queue="nowhere")

        assert "invalid partition specified: nowhere" in str(caught.value.answer)
        assert str(newest(planned[1].folder)) in caught.value.hint

    def test_tells_that_the_program_is_not_there(
        self, planned: tuple[Dataset, MapRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As on a machine that is no login node."""
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(ArraySubmitFailed, match="not on PATH"):
            handed_out(planned[1], cluster="slurm", submit=True)

    def test_tells_that_the_program_can_not_be_run(
        self, planned: tuple[Dataset, MapRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As one without the right to, or of another machine; its own error, with the script to submit by hand."""
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "sbatch").write_bytes(b"\x7fELF")
        (tmp_path / "bin" / "sbatch").chmod(0o755)

        with pytest.raises(ArraySubmitFailed, match="sbatch did not take the script: it can't be run: ") as caught:
            handed_out(planned[1], cluster="slurm", submit=True)
        assert str(newest(planned[1].folder)) in caught.value.hint

    def test_tells_that_the_script_can_not_be_written(self, planned: tuple[Dataset, MapRun]) -> None:
        """As a fault of the file system, with what the system said."""
        run = planned[1].folder
        assert run is not None
        (run.path / "executor").touch()

        with pytest.raises(UsrError, match="write the script of a job array") as caught:
            handed_out(planned[1], cluster="slurm")
        assert caught.value.code.startswith("USR-FS-")

    def test_refuses_an_array_without_tasks(self, planned: tuple[Dataset, MapRun]) -> None:
        """Before anything is written."""
        with pytest.raises(ArrayOptionInvalid, match="The option array_size of the executor array can't be '0'"):
            handed_out(planned[1], cluster="slurm", array_size=0)


def test_another_member_of_the_group_can_hand_out_what_is_left(planned: tuple[Dataset, MapRun]) -> None:
    """The folder of scripts, and that of logs, have the rights of the run's folder, whatever the umask."""
    _, run = planned
    assert run.folder is not None
    run.folder.path.chmod(0o2770)
    script = handed_out(run, cluster="slurm")
    places = (script.parent, script.parent / "logs", script, script.with_name("tasks-001.txt"))

    assert [0o2770, 0o2770, 0o660, 0o660] == [stat.S_IMODE(place.stat().st_mode) for place in places]
