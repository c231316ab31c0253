"""Reaching a scheduler: one that runs somewhere, or one that is started here, with workers here or of a batch system.

What is started here speaks TLS with certificates of its own that last as long as it does, and has no dashboard.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usr_core.api.files import share
from usr_core.api.runs import ExecutorRequest
from usr_dask.errors import DaskMissing, DaskOptionInvalid, DaskUnreachable, DaskVersionsDiffer

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Connection", "connect", "job_queue"]

_CONNECT_SECONDS = 30
_CLOSE_SECONDS = 10
_MOST_JOBS = 10
"""Jobs that are asked for where --workers does not say how many."""
_NO_PAGES = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.admin.log-format": "%(message)s",
}
"""Dask's HTTP servers listen in any case; without routes they show nothing."""
_NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
_SAME_VERSION = ("distributed", "dask")


@dataclass(slots=True, kw_only=True)
class Connection:
    """A client of a scheduler, and the cluster that was started with it, if one was."""

    client: Client
    address: str
    cluster: Any = None

    def close(self) -> None:
        """Leave the scheduler; end the cluster that was started here. Harmless when repeated."""
        for one in (self.client, self.cluster):
            if one is not None:
                with contextlib.suppress(TimeoutError, OSError):
                    one.close(timeout=_CLOSE_SECONDS)


def connect(request: ExecutorRequest) -> Connection:
    """Return a client of the scheduler that the options name.

    Raises:
        DaskMissing: Dask is not installed.
        DaskOptionInvalid: Several are named, or a scheduler's file is not there or not one.
        DaskUnreachable: The scheduler does not answer within 30 seconds.
        DaskVersionsDiffer: It, or one of its workers, has another version of Dask.
    """
    _require("distributed")
    named = [name for name in ("scheduler", "scheduler_file", "cluster") if request.options.get(name)]
    if len(named) > 1:
        both = " and ".join(f"--{name.replace('_', '-')}" for name in named)
        raise DaskOptionInvalid(
            reason=f"{both} name two clusters", option=named[1], hint="Name one scheduler, or one cluster to start."
        )
    if named in ([], ["cluster"]):
        kind = request.options.get("cluster") or "local"
        connection = _local(request) if kind == "local" else _jobs(kind, request)
    else:
        address = request.options.get("scheduler") or _address_in(Path(request.options["scheduler_file"]))
        connection = Connection(client=_client(address, address), address=address)
    try:
        _check_versions(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def job_queue(kind: str, request: ExecutorRequest) -> Any:
    """Return dask-jobqueue's cluster of a batch system, with no job yet: its `job_script()` is what will be submitted.

    A job is one worker, which runs one shard at a time with the cores of the job.

    Raises:
        DaskMissing: dask-jobqueue is not installed.
        DaskOptionInvalid: The memory of a job is not given.
    """
    _require("dask_jobqueue")
    import dask_jobqueue
    from distributed.security import Security

    options, folder = request.options, request.folder / "executor"
    if not options.get("memory"):
        raise DaskOptionInvalid(
            reason=f"A job of {kind} needs a size of its memory", option="memory", hint="Give --memory, such as 16GB."
        )
    for place in (folder, folder / "logs"):
        place.mkdir(exist_ok=True)
        share(place, like=request.folder)
    cores = options["cores"]
    account = {"slurm": "account"}.get(kind, "project")
    own: dict[str, Any] = {account: options.get("account")}
    if kind == "sge":
        own["resource_spec"] = options.get("extra") or f"h_vmem={options['memory'].removesuffix('B')}"
    elif options.get("extra"):
        own["job_extra_directives"] = [options["extra"]]
    if kind == "lsf":
        own["use_stdin"] = True
    made = {"slurm": dask_jobqueue.SLURMCluster, "sge": dask_jobqueue.SGECluster, "lsf": dask_jobqueue.LSFCluster}
    with _quietly():
        return made[kind](
            queue=options.get("queue"),
            walltime=options.get("walltime"),
            cores=cores,
            memory=options["memory"],
            processes=1,
            # The last one counts: a function need not stand two threads, and stdout belongs to a process.
            worker_extra_args=["--nthreads", "1", "--no-dashboard"],
            job_script_prologue=[f"export OMP_NUM_THREADS={cores} MKL_NUM_THREADS={cores}"],
            name=f"usr-map-{request.run_id[:8]}",
            protocol="tls://",
            security=Security.temporary(),
            shared_temp_directory=str(folder),
            log_directory=str(folder / "logs"),
            scheduler_options=_NO_DASHBOARD,
            **own,
        )


def _local(request: ExecutorRequest) -> Connection:
    from distributed import LocalCluster
    from distributed.security import Security

    security = Security.temporary()
    with _quietly():
        cluster = LocalCluster(
            n_workers=request.workers or os.cpu_count() or 1,
            threads_per_worker=1,
            processes=True,
            protocol="tls://",
            security=security,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address=None,
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
            # For workers that are begun again later, when what is set here for a while holds no more.
            config=_NO_PAGES,
        )
        address = str(cluster.scheduler_address)
        return Connection(client=_client(cluster, address, security), address=address, cluster=cluster)


def _jobs(kind: str, request: ExecutorRequest) -> Connection:
    cluster = job_queue(kind, request)
    jobs = request.workers or min(request.shards, _MOST_JOBS)
    address = str(cluster.scheduler_address)
    with _quietly():
        cluster.scale(jobs=jobs)
        request.say(f"asked {kind} for {jobs} jobs; shards begin when they do")
        return Connection(client=_client(cluster, address, cluster.security), address=address, cluster=cluster)


def _client(target: Any, address: str, security: Any = None) -> Client:
    from distributed import Client
    from distributed.comm import get_address_host_port

    try:
        with _quietly():
            get_address_host_port(address)  # after a fault of the address the client would end only after a minute
            return Client(target, security=security, timeout=f"{_CONNECT_SECONDS}s", set_as_default=False)
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        # Without an answer Dask repeats the address over several lines.
        reason = str(error.__cause__ or error).strip().partition("\n")[0] or type(error).__name__
        raise DaskUnreachable(address=address, reason=reason) from error


def _address_in(file: Path) -> str:
    """Return the address in a scheduler's file; Dask itself would wait for ever where it is missing."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        address = told["address"]
    except FileNotFoundError:
        reason = f"The scheduler file {file} does not exist"
    except (OSError, ValueError, TypeError, KeyError):
        reason = f"{file} is not the file of a scheduler"
    else:
        return str(address)
    hint = "Start the scheduler with: dask scheduler --scheduler-file FILE, on a file system that both machines see."
    raise DaskOptionInvalid(reason=reason, option="scheduler_file", hint=hint)


def _check_versions(connection: Connection) -> None:
    found = connection.client.get_versions(check=False)
    here = found["client"]["packages"]
    others = {"The scheduler": found["scheduler"]} | {f"The worker {name}": it for name, it in found["workers"].items()}
    for who, told in others.items():
        for package in _SAME_VERSION:
            there = ((told or {}).get("packages") or {}).get(package)
            if there != here[package]:
                raise DaskVersionsDiffer(
                    who=who, package=package, here=here[package], there=there or "an unknown version",
                    address=connection.address,
                )  # fmt: skip


def _require(module: str) -> None:
    if find_spec(module) is None:
        raise DaskMissing(package=module.replace("_", "-"))


@contextlib.contextmanager
def _quietly() -> Any:
    """Keep Dask's pages off, and its warnings from the terminal: what matters is told as an error."""
    import dask
    import distributed  # noqa: F401 - its defaults have to be there first, or the end of `set` takes them away

    with warnings.catch_warnings(), dask.config.set(_NO_PAGES):
        warnings.simplefilter("ignore")
        yield
