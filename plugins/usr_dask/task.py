"""What a worker runs: one shard, by a function that it imports by name."""

from __future__ import annotations

from usr_core.api import package_version
from usr_core.api.runs import ShardSpec, run_shard

__all__ = ["run_task"]


def run_task(spec: str, version: str) -> tuple[str, str]:
    """Run a shard and return what became of it: ``done``, ``failed`` or ``unfit``, and a line about it.

    An error does not leave the worker as an object, which another version of USR might not be able to read: the run's
    folder has the whole of it.

    Args:
        spec: The shard as JSON.
        version: The version of USR that planned it.
    """
    here = package_version()
    if here != version:
        return "unfit", f"it has USR {here}, and the run was planned by USR {version}"
    try:
        run_shard(ShardSpec.from_json(spec))
    except Exception as error:  # noqa: BLE001 - whatever the function raises
        return "failed", f"{type(error).__name__}: {error}"
    return "done", ""
