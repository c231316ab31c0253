"""`MapRun`: a run as its user holds it, from the first shard to the commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from usr_core.commit.file_tree import FileTree
from usr_core.plugin.executors import Executor, ExecutorRequest
from usr_core.runs.commit import RunCommitted, commit_run, settle_runs
from usr_core.runs.driver import Driving, RunProgress
from usr_core.runs.errors import RunMissing
from usr_core.runs.folder import RunFolder
from usr_core.runs.plan import RunStatus
from usr_core.runs.planning import MapRequest, Planned, plan_run
from usr_core.store.mutation import Site

if TYPE_CHECKING:
    from usr_core.plugin.host import PluginHost

__all__ = ["MapRun", "start_run"]

OnError = Literal["fail", "null", "skip"]


class MapRun:
    """One run of `Dataset.map`. It stays on disk until it is committed or discarded, whatever becomes of this object.

    Attributes:
        folder: The run on disk, or None where there is nothing to do, or nothing was to be written.
        planned: What it was planned to be.

    Example:
        >>> run = dataset.map("scores.py:gc", into="lab__gc", mode="all", executor="inline")
        >>> run
        MapRun('...', 'demo/promoters', scores.py:gc -> lab__gc: planned, 0 of 1 shard, 0 of 3 rows)
        >>> run.wait().commit().rows
        3
        >>> run.status().state
        'committed'
    """

    def __init__(
        self,
        site: Callable[..., Site],
        folder: RunFolder | None,
        *,
        host: PluginHost,
        planned: Planned | None = None,
    ) -> None:
        self._site, self._host = site, host
        self.folder, self.planned = folder, planned
        self._executor: Executor | None = None
        self._driving: Driving | None = None

    def __repr__(self) -> str:
        if self.folder is None:
            return (
                "MapRun(nothing to do)" if self.planned is None or not self.planned.rows else f"MapRun({self.planned})"
            )
        try:
            told = self.folder.status()
        except RunMissing:
            return f"MapRun({self.folder.run_id!r}, discarded)"
        shards = f"{told.done:,} of {told.shards:,} shard{'s' if told.shards > 1 else ''}"
        failed = f", {told.failed:,} failed" if told.failed else ""
        return (
            f"MapRun({told.run_id!r}, {told.dataset!r}, {told.function} -> {', '.join(told.into)}: {told.state}, "
            f"{shards}{failed}, {told.rows_done:,} of {told.rows:,} rows)"
        )

    @property
    def run_id(self) -> str:
        """The run's id; "" where there is nothing to do."""
        return "" if self.folder is None else self.folder.run_id

    def status(self, *, failures: bool = False) -> RunStatus:
        """Return where the run stands, by what lies on disk.

        Args:
            failures: Tell what shards failed on, too.

        Raises:
            RunMissing: There is nothing to do, or the run is discarded.
        """
        return self._there().status(failures=failures)

    def start(
        self,
        executor: str,
        *,
        workers: int | None = None,
        options: Mapping[str, Any] | None = None,
        say: Callable[[str], None] = print,
        progress: Callable[[RunProgress], None] | None = None,
    ) -> Self:
        """Hand the shards that are not done to an executor. A detached one goes on without this process.

        Args:
            executor: Its name.
            workers: How many; None leaves it to the executor.
            options: What the executor takes besides.
            say: Takes a line for the user.
            progress: Told how far the run is, while `wait` waits.

        Raises:
            PluginMissing, OptionInvalid: There is no such executor; it takes no such option.
            RunMissing: The run is discarded.
        """
        run = self._there()
        if run.committed() is not None:
            return self
        spec = self._host.executor_spec(executor)
        request = ExecutorRequest(
            run_id=run.run_id,
            folder=run.path,
            shards=run.plan.shards,
            workers=workers,
            options=options or {},
            say=say,
        )
        self._executor = self._host.executor(executor, request)
        run.hand_to(executor, plugins_off=self._host.catalogue.switches.off)
        self._driving = Driving(run, self._executor, progress=progress)
        try:
            self._driving.submit()
        except BaseException:
            self.stop()
            raise
        if spec.detached:
            self.close()
        return self

    def wait(self, seconds: float | None = None) -> Self:
        """Go on until every shard is done, or for so many seconds; without an executor, nothing happens.

        Ctrl-C, and every error, stops the workers and leaves the run to be resumed.

        Raises:
            ShardFailed: Shards have failed three times.
            WorkersLost: A shard has lost its worker ten times.
        """
        if self._driving is not None:
            try:
                ended = self._driving.wait(seconds)
            except BaseException:
                self.stop()
                raise
            if ended:
                self.close()
        return self

    def commit(self, *, allow_partial: bool = False, dry_run: bool = False) -> RunCommitted:
        """Make the values part of the dataset: one change, one event. A second call says that it is done already.

        Where there was nothing to do, it says so too, and no event is named.

        Args:
            allow_partial: Take what is there where shards are missing.
            dry_run: Check and count, and change nothing.

        Raises:
            RunMissing: The run is discarded.
            RunIncomplete, ShardFailed, RunDamaged, RunTypesDiffer, RunRecordsGone: It can't be committed.
        """
        if self.folder is None and self.planned is not None and not self.planned.rows:
            return RunCommitted(run_id="", already=True, seq=0, parts=(), shards=0, rows=0)
        return commit_run(self._site(dry_run=dry_run), self._there(), allow_partial=allow_partial)

    def forgive(self) -> Self:
        """Let shards that have failed three times be tried again.

        Raises:
            RunMissing: There is nothing to do, or the run is discarded.
        """
        self._there().forgive()
        return self

    def discard(self) -> None:
        """Stop the workers and remove the run; what it has committed stays."""
        self.stop()
        if self.folder is not None:
            self.folder.remove()

    def stop(self) -> None:
        """Stop the workers; finished shards stay."""
        if self._executor is not None:
            try:
                self._executor.cancel()
            finally:
                self.close()

    def close(self) -> None:
        """Give the executor back."""
        executor, self._executor, self._driving = self._executor, None, None
        if executor is not None:
            executor.close()

    def _there(self) -> RunFolder:
        if self.folder is None:
            raise RunMissing(run_id="", where=", as no record lacks a value")
        return self.folder


def start_run(
    site: Callable[..., Site],
    request: MapRequest,
    *,
    host: PluginHost,
    dry_run: bool = False,
    seen: Callable[[FileTree], FileTree],
) -> MapRun:
    """Plan a run and return it; no shard has run yet. Arguments and errors as `plan_run`."""
    place = site()
    if not dry_run:
        settle_runs(place)
    folder, planned = plan_run(place, request, host=host, dry_run=dry_run, seen=seen)
    return MapRun(site, folder, host=host, planned=planned)
