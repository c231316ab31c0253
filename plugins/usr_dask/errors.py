"""Errors of the executor `dask`: what is missing, and what went wrong between a client, a scheduler and its workers."""

from __future__ import annotations

from usr_core.api import ExitCode, UsrError

__all__ = [
    "DaskMissing",
    "DaskOptionInvalid",
    "DaskSchedulerLost",
    "DaskUnreachable",
    "DaskVersionsDiffer",
    "DaskWorkerUnfit",
]


class DaskMissing(UsrError, ImportError):
    """A package of the extra `dask` is not installed."""

    code = "USR-DASK-101"
    exit_code = ExitCode.PLUGIN
    template = "{package} is not installed, which the executor dask needs."
    hint_template = "pip install 'universal-sequence-record[dask]', or take --executor local."
    shown = ("package",)


class DaskOptionInvalid(UsrError, ValueError):
    """Options of a cluster contradict each other, or one is missing."""

    code = "USR-DASK-102"
    exit_code = ExitCode.USAGE
    template = "{reason}."
    shown = ("option",)


class DaskUnreachable(UsrError, ConnectionError):
    """No scheduler answers."""

    code = "USR-DASK-103"
    exit_code = ExitCode.REMOTE
    template = "The scheduler at {address:visible} can't be reached: {reason}."
    hint_template = (
        "Look whether it runs, whether this machine can reach it, and whether both use TLS with the same files."
    )
    shown = ("scheduler={address:visible}",)


class DaskVersionsDiffer(UsrError, RuntimeError):
    """The scheduler or a worker has another version of Dask than this machine."""

    code = "USR-DASK-104"
    template = "{who} has {package} {there}, and this machine {here}; Dask needs the same version everywhere."
    hint_template = (
        "Start the scheduler and its workers from the environment of this usr, or install {package}=={there} here."
    )
    shown = ("scheduler={address:visible}", "package", "here", "there")


class DaskWorkerUnfit(UsrError, RuntimeError):
    """A worker can't run shards: it lacks USR, or has another version of it."""

    code = "USR-DASK-105"
    template = "A worker of the scheduler can't run shards: {reason}."
    hint_template = (
        "Start the workers from the environment of this usr. The run can be resumed: usr map resume {run_id}."
    )
    shown = ("scheduler={address:visible}",)


class DaskSchedulerLost(UsrError, ConnectionError):
    """The scheduler ended, or the connection to it, while shards were running."""

    code = "USR-DASK-106"
    exit_code = ExitCode.REMOTE
    template = "The connection to the scheduler at {address:visible} ended."
    hint_template = "What is done is kept. Go on with another scheduler: usr map resume {run_id}."
    shown = ("scheduler={address:visible}",)
