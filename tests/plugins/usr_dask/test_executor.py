"""The executor `dask` on clusters of worker processes that speak TLS: killed, stopped and late workers included."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import dask
import distributed
import psutil
import pytest

from support.processes import Child
from usr_core import Dataset
from usr_core.api import ExecutorSpec
from usr_core.api.runs import ExecutorRequest, MapRun
from usr_core.testing import ExecutorContract
from usr_core.testing.fixtures import DatasetFactory
from usr_core.testing.manifest_contract import ManifestContract
from usr_dask import connecting
from usr_dask import executor as executor_module
from usr_dask.connecting import job_queue
from usr_dask.errors import (
    DaskMissing,
    DaskOptionInvalid,
    DaskSchedulerLost,
    DaskUnreachable,
    DaskVersionsDiffer,
    DaskWorkerUnfit,
)
from usr_dask.executor import DaskExecutor
from usr_dask.plugin import usr_executors

DEFAULTS = {option.name: option.default for spec in usr_executors() for option in spec.options}
OPTIONS: dict[str, Any] = {}
"""How the contract reaches the cluster that tests share; filled when that is there."""
SLOW = """
import os
import time
from pathlib import Path


def length(sequence, folder, pause=0.0):
    Path(folder, f"{os.getpid()}-{sequence}").touch()
    time.sleep(pause)
    return len(sequence)
"""
LYING_SCHEDULER = """
import sys
import distributed.versions as versions

real = versions._version_cached
versions._version_cached = lambda package: "2025.1.0" if package == sys.argv[1] else real(package)
from distributed.cli.dask_scheduler import main
main(["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", sys.argv[2]])
"""


def request_for(folder: Path, *, workers: int | None = None, say: Any = print, **options: Any) -> ExecutorRequest:
    """Return the request of a run with six shards."""
    return ExecutorRequest(
        run_id="4f1d0c", folder=folder, shards=6, workers=workers, options=DEFAULTS | options, say=say
    )


def until(found: Any, seconds: float = 60.0) -> Any:
    """Wait until `found` returns something, and return that."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return value


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[connecting.Connection]:
    """Three worker processes, as ``--executor dask`` starts them here; a silent one is given up after 6 s."""
    folder = tmp_path_factory.mktemp("run")
    with dask.config.set({"distributed.scheduler.worker-ttl": "6s", "temporary-directory": str(folder)}):
        connection = connecting.connect(request_for(folder, workers=3))
    security = connection.cluster.security
    told = {
        "distributed.comm.tls.ca-file": security.tls_ca_file,
        "distributed.comm.tls.client.cert": security.tls_client_cert,
        "distributed.comm.tls.client.key": security.tls_client_key,
    }
    OPTIONS["scheduler"] = connection.address
    with dask.config.set(told):
        yield connection
    connection.close()


@pytest.fixture
def planned(dataset_factory: DatasetFactory, tmp_path: Path) -> tuple[Dataset, MapRun, Path]:
    """Return a dataset, a run of twelve shards of 0.3 s, and a folder with a file for each shard that began."""
    sequences = [f"ACGT{'T' * number}" for number in range(12)]
    dataset = dataset_factory(sequences, namespaces={"mock": {"mock__length": "int64"}})
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    began = tmp_path / "began"
    began.mkdir()
    run = dataset.map(
        f"{tmp_path / 'slow.py'}:length", into="mock__length", params={"folder": str(began), "pause": 0.3},
        per_record=True, shards=12, sample=False, executor=None,
    )  # fmt: skip
    return dataset, run, began


def submitted(run: MapRun, **options: Any) -> DaskExecutor:
    """Return an executor that has every shard of a run."""
    assert run.folder is not None
    executor = DaskExecutor(request_for(run.folder.path, **options))
    for index in range(12):
        executor.submit(run.folder.spec(index))
    return executor


def all_done(run: MapRun, executor: DaskExecutor, seconds: float = 90.0) -> list[str]:
    """Wait until every shard is done, and return what was said of them."""
    said: list[str] = []
    end = time.monotonic() + seconds
    while run.status().done < 12:
        assert time.monotonic() < end, (run.status(), said)
        said += [outcome.state for outcome in executor.wait(0.2)]
    return said


@contextlib.contextmanager
def scheduler_process(folder: Path, lie: str = "nothing") -> Iterator[tuple[Child[bytes], Path]]:
    """Start a scheduler without workers, which says of the package `lie` that it is an old one."""
    file = folder / "scheduler.json"
    with Child([sys.executable, "-c", LYING_SCHEDULER, lie, str(file)], stderr=subprocess.DEVNULL) as child:
        try:
            until(lambda: file.exists() and file.read_text(encoding="utf-8").endswith("}"))
            yield child, file
        finally:
            child.kill()


@pytest.mark.usefixtures("local")
class TestContract(ExecutorContract):
    """On a scheduler that runs already, reached by its address and with certificates of Dask's configuration."""

    options: ClassVar = OPTIONS
    features: ClassVar = frozenset({"survives"})

    @pytest.fixture
    def spec(self) -> ExecutorSpec:
        (spec,) = usr_executors()
        return spec


class TestManifest(ManifestContract):
    """What the manifest says is what the plugin offers."""

    @pytest.fixture
    def plugin_id(self) -> str:
        return "dask"


class TestWorkers:
    def test_killed_and_stopped_ones_cost_no_shard(
        self, local: connecting.Connection, planned: tuple[Dataset, MapRun, Path]
    ) -> None:
        """One of three is killed at its shard, one stops answering past its time, and goes on when all is done."""
        dataset, run, began = planned
        executor = submitted(run, scheduler=local.address)
        pids = until(
            lambda: {int(path.name.split("-")[0]) for path in began.iterdir()} if len(list(began.iterdir())) > 2 else ()
        )
        killed, stopped = sorted(pids)[:2]
        os.kill(killed, signal.SIGKILL)
        os.kill(stopped, signal.SIGSTOP)
        all_done(run, executor)
        with contextlib.suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGCONT)
        executor.close()

        done = run.commit()
        assert (12, 12) == (done.shards, done.rows)
        assert list(range(4, 16)) == dataset.to_arrow(columns=["mock__length"])["mock__length"].to_pylist()

    def test_late_ones_are_waited_for(
        self, planned: tuple[Dataset, MapRun, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The user is told once that there is none; the shards begin when one comes. A file names the scheduler."""
        _, run, _ = planned
        monkeypatch.setattr(executor_module, "_LONELY_SECONDS", 0.2)
        told: list[str] = []
        with scheduler_process(tmp_path) as (_, file):
            executor = submitted(run, say=told.append, scheduler_file=str(file))
            until(lambda: executor.wait(0.1) or told)
            assert ["no worker yet" in line for line in told] == [True]
            command = [
                sys.executable,
                "-m",
                "distributed.cli.dask_worker",
                "--scheduler-file",
                str(file),
                "--no-dashboard",
            ]
            with Child([*command, "--nthreads", "1", "--no-nanny"], stderr=subprocess.DEVNULL) as worker:
                said = all_done(run, executor)
                worker.kill()
            executor.close()

        assert {"done"} == set(said)
        assert 1 == len(told)

    def test_one_with_another_version_of_usr_is_refused(
        self, local: connecting.Connection, planned: tuple[Dataset, MapRun, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It might write another form of part."""
        monkeypatch.setattr(executor_module, "package_version", lambda: "9.9.9")
        executor = submitted(planned[1], scheduler=local.address)

        with contextlib.closing(executor), pytest.raises(DaskWorkerUnfit, match=r"planned by USR 9\.9\.9"):
            until(lambda: executor.wait(0.2))


class TestCluster:
    def test_of_this_machine_speaks_tls_to_this_machine_and_shows_no_page(self, local: connecting.Connection) -> None:
        """Nothing listens on another address. Dask starts HTTP servers in any case; all they say is that they live."""
        assert local.address.startswith("tls://127.0.0.1:")
        processes = [psutil.Process(pid) for pid in (os.getpid(), *local.client.run(os.getpid).values())]
        listening = {one.laddr for process in processes for one in process.net_connections() if one.status == "LISTEN"}
        pages = []
        for address in listening:
            for path in ("/", "/status", "/info/main/workers.html", "/json/counts.json", "/metrics"):
                with (
                    contextlib.suppress(urllib.error.HTTPError, OSError),
                    urllib.request.urlopen(f"http://{address.ip}:{address.port}{path}", timeout=5) as answer,
                ):
                    pages.append((address, path, answer.status))

        assert {"127.0.0.1"} == {address.ip for address in listening}
        assert [] == pages

    @pytest.mark.parametrize(
        ("kind", "lines"),
        [
            ("slurm", ["#SBATCH -p short", "#SBATCH --cpus-per-task=2", "#SBATCH -A lab", "#SBATCH -t 01:00:00"]),
            ("sge", ["#$ -q short", "#$ -P lab", "#$ -l h_rt=01:00:00", "#$ -l h_vmem=8G"]),
            ("lsf", ["#BSUB -q short", '#BSUB -P "lab"', "#BSUB -n 2", "#BSUB -W 01:00:00"]),
        ],
    )
    def test_of_a_batch_system_has_jobs_of_one_worker(self, kind: str, lines: list[str], tmp_path: Path) -> None:
        """The script of dask-jobqueue: what was asked for, TLS with files of their owner alone, one shard at a time."""
        asked = request_for(
            tmp_path, cluster=kind, queue="short", walltime="01:00:00", cores=2, memory="8GB", account="lab"
        )
        with job_queue(kind, asked) as cluster:
            script = cluster.job_script()
            keys = [path.stat().st_mode & 0o077 for path in (tmp_path / "executor").iterdir() if path.is_file()]

        assert set(lines) <= set(script.splitlines())
        assert "export OMP_NUM_THREADS=2" in script
        assert "--nthreads 1 --no-dashboard" in script
        assert "tls://" in script
        assert [0, 0, 0] == keys

    def test_of_a_batch_system_needs_to_know_its_memory(self, tmp_path: Path) -> None:
        """Dask would ask for none, and be killed."""
        with pytest.raises(DaskOptionInvalid, match="memory"):
            job_queue("slurm", request_for(tmp_path, cluster="slurm"))


class TestScheduler:
    def test_with_another_version_is_told_with_both(self, tmp_path: Path) -> None:
        """And what to do, before any shard is handed out."""
        with scheduler_process(tmp_path, "distributed") as (_, file), pytest.raises(DaskVersionsDiffer) as caught:
            DaskExecutor(request_for(tmp_path, scheduler_file=str(file)))

        here = distributed.__version__
        assert f"The scheduler has distributed 2025.1.0, and this machine {here}" in caught.value.message
        assert "distributed==2025.1.0" in caught.value.hint

    def test_that_ends_is_told(self, planned: tuple[Dataset, MapRun, Path], tmp_path: Path) -> None:
        """The run can be resumed with another one."""
        with scheduler_process(tmp_path) as (child, file):
            executor = submitted(planned[1], scheduler_file=str(file))
            child.kill()
            with contextlib.closing(executor), pytest.raises(DaskSchedulerLost, match=r"127\.0\.0\.1"):
                until(lambda: executor.wait(0.2))

    def test_that_does_not_answer_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """After a while, with its address."""
        monkeypatch.setattr(connecting, "_CONNECT_SECONDS", 1)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(DaskUnreachable, match=address):
                DaskExecutor(request_for(tmp_path, scheduler=address))

    @pytest.mark.parametrize("address", ["head", "http://head:8786", "tls://", "head:port"])
    def test_address_that_is_none_is_told(self, address: str, tmp_path: Path) -> None:
        """Before there is a client of Dask, which would hold up the end of the process for a minute."""

        def clients() -> set[int]:
            gc.collect()
            return {id(one) for one in gc.get_objects() if type(one) is distributed.Client}

        before = clients()  # those of other tests in this process
        with pytest.raises(DaskUnreachable, match=f"The scheduler at {address} can't be reached"):
            DaskExecutor(request_for(tmp_path, scheduler=address))

        assert clients() <= before

    @pytest.mark.parametrize("content", [None, "", "{}", "[]", "tls://head:8786"])
    def test_file_that_is_none_is_told(self, content: str | None, tmp_path: Path) -> None:
        """Dask would wait for it for ever."""
        file = tmp_path / "scheduler.json"
        if content is not None:
            file.write_text(content, encoding="utf-8")

        with pytest.raises(DaskOptionInvalid, match=r"scheduler\.json"):
            DaskExecutor(request_for(tmp_path, scheduler_file=str(file)))

    def test_is_named_once(self, tmp_path: Path) -> None:
        """Which of two is meant is not known."""
        with pytest.raises(DaskOptionInvalid, match="--scheduler and --cluster"):
            DaskExecutor(request_for(tmp_path, scheduler="tcp://a:1", cluster="local"))


def test_without_dask_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And another executor."""
    monkeypatch.setattr(connecting, "find_spec", lambda _: None)

    with pytest.raises(DaskMissing, match="distributed is not installed") as caught:
        DaskExecutor(request_for(tmp_path))

    assert "[dask]" in caught.value.hint
