"""How a run is getting on, told in the dataset's event log: ``densegen_health``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Literal

from usr_core.api import Actor, Dataset, visible

__all__ = ["ACTION", "Health", "Status", "has_run_before"]

ACTION = "densegen_health"
Status = Literal["started", "resumed", "running", "completed", "failed"]
_LINES_LOOKED_AT = 2_000


class Health:
    """The health events of one run.

    Args:
        dataset: Where the run writes.
        actor: The run.
        counts: Returns what the writer has counted so far.
        own: Returns figures of the tool's own for the same place, JSON values; the writer's counts win.
        seconds: How long after an event the next ``running`` is due.
    """

    def __init__(
        self,
        dataset: Dataset,
        actor: Actor,
        *,
        counts: Callable[[], Mapping[str, object]],
        own: Callable[[], Mapping[str, object]] | None,
        seconds: float,
    ) -> None:
        self._dataset, self._actor = dataset, actor
        self._counts, self._own, self._seconds = counts, own, seconds
        self._began = self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether so much time has passed that the run should be heard of."""
        return time.monotonic() - self._last >= self._seconds

    def tell(self, status: Status, *, error: BaseException | None = None) -> None:
        """Record an event with the counts so far under ``metrics.densegen``.

        Raises:
            EventNotRecordable: The tool's own figures are not JSON.
            LockTimeout: Another writer holds the dataset; the next one is due as if this had been told.
        """
        self._last = time.monotonic()
        told = {
            **(self._own() if self._own is not None else {}),
            "status": status,
            "run_id": self._actor.run_id,
            **self._counts(),
            "seconds": round(self._last - self._began, 3),
        }
        # Arguments, not metrics: there secrets that an error's text may quote are hidden.
        args = {} if error is None else {"error": visible(f"{type(error).__name__}: {error}", limit=500)}
        self._dataset.record_event(ACTION, metrics={"densegen": told}, args=args, actor=self._actor)


def has_run_before(dataset: Dataset, run_id: str) -> bool:
    """Tell whether the end of the log has a health event of this run."""
    for line in dataset.events(n=_LINES_LOOKED_AT):
        event = line.event or {}
        if event.get("action") == ACTION and (event.get("actor") or {}).get("run_id") == run_id:
            return True
    return False
