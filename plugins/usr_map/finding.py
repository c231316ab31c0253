"""Finding a run by its id in whatever dataset of the root has it, or by its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from usr_core.api import Dataset, ExitCode, Root, UsrError
from usr_core.api.commands import current_session
from usr_core.api.runs import MapRun, RunFolder, RunMissing

__all__ = ["RUN_COLUMNS", "open_run", "run_rows"]

RUN_COLUMNS = ("run_id", "state", "function", "into", "shards", "done", "failed", "rows", "rows_done", "created")


def open_run(text: str) -> MapRun:
    """Return the run that a word of the command line means: its id, how that begins, its folder, or a dataset.

    Raises:
        RunMissing: There is none, its id begins as that of another one, or the dataset has several.
        UsrError: The root is missing, or a dataset that is named does not exist or can't be read.
    """
    session = current_session()
    place = Path(text)
    wanted = RunFolder(place).run_id
    if wanted != place.name:  # it is called as folders of runs are
        if place.is_dir():
            return session.dataset(str(place.absolute().parent.parent)).run(wanted)
        if "/" in text:
            raise RunMissing(run_id=text, where=": its folder is gone")
    if wanted and "/" not in text:
        found = [
            (dataset.path, run.run_id)
            for dataset in Root(session.found_root).datasets
            for run in dataset.runs()
            if run.run_id.startswith(wanted)
        ]
        if len(found) == 1:
            return session.dataset(str(found[0][0])).run(found[0][1])
        if found:
            raise RunMissing(run_id=text, where=f": {len(found)} runs begin so")
    try:
        runs = session.dataset(text).runs()
    except UsrError as error:
        if "/" in text or error.exit_code is not ExitCode.MISSING:
            raise
        raise RunMissing(run_id=text, where=f" under {session.found_root}") from None
    unfinished = [run for run in runs if run.status().state != "committed"]
    for one in (unfinished, runs):
        if len(one) == 1:
            return one[0]
    if not runs:
        raise RunMissing(run_id=text, where=f": {text} has no run", dataset=text)
    told = f"{len(unfinished)} runs that are not committed" if unfinished else f"{len(runs)} runs, all committed"
    raise RunMissing(run_id=text, where=f": {text} has {told}", dataset=text)


def run_rows(dataset: Dataset) -> list[Mapping[str, object]]:
    """Return a row a run, the oldest first."""
    rows: list[Mapping[str, object]] = []
    for run in dataset.runs():
        told = run.status()
        rows.append(
            {
                "run_id": told.run_id,
                "state": told.state,
                "function": told.function,
                "into": ",".join(told.into),
                "shards": told.shards,
                "done": told.done,
                "failed": told.failed,
                "rows": told.rows,
                "rows_done": told.rows_done,
                "created": told.created,
            }
        )
    return rows
