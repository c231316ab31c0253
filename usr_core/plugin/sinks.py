"""The fan-out of committed events to event sinks.

The event is on disk before any sink hears of it, so no failure here undoes anything. It is reported and
counted, and let out only where the sink is required, after every other sink was served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, cast

from usr_core.errors import UsrError
from usr_core.plugin.records import PluginRecord
from usr_core.plugin.specs import EventSink, EventSinkSpec

__all__ = ["EventSinks"]


class EventSinks:
    """The sinks of one process, each built once, at the first event.

    Args:
        offered: Yields the working plugins' sink specs.
        build: Builds a provider behind the wall.
        tolerate: Reports a failure that the work can go on without.

    Attributes:
        failures: How many calls of sinks have failed.
    """

    def __init__(
        self,
        offered: Callable[[], Iterable[tuple[PluginRecord, EventSinkSpec]]],
        build: Callable[[PluginRecord, EventSinkSpec, str], object],
        tolerate: Callable[[UsrError], None],
    ) -> None:
        self._offered, self._build, self._tolerate = offered, build, tolerate
        self._open: list[tuple[EventSinkSpec, EventSink]] | None = None
        self.failures = 0

    def specs(self) -> tuple[EventSinkSpec, ...]:
        """Return the specs of the sinks that could be built, building them at the first call.

        Raises:
            UsrError: A required sink can't be built.
        """
        return tuple(spec for spec, _ in self._opened())

    def emit(self, event: Mapping[str, Any]) -> None:
        """Hand an event to every sink that wants its action.

        Raises:
            UsrError: A required sink failed.
        """
        for_action = [(s, sink) for s, sink in self._opened() if not s.actions or event.get("action") in s.actions]
        self._each([(spec, partial(sink.emit, event)) for spec, sink in for_action])

    def close(self) -> None:
        """Close every sink that was built; the next event would build them anew.

        Raises:
            UsrError: A required sink failed to close.
        """
        opened, self._open = self._open or [], None
        self._each([(spec, sink.close) for spec, sink in opened])

    def _opened(self) -> list[tuple[EventSinkSpec, EventSink]]:
        if self._open is None:
            opened: list[tuple[EventSinkSpec, EventSink]] = []
            # Kept only if every required sink is there: the next event must not go past one that is missing.
            self._each([(spec, partial(self._add, opened, record, spec)) for record, spec in self._offered()])
            self._open = opened
        return self._open

    def _add(self, opened: list[tuple[EventSinkSpec, EventSink]], record: PluginRecord, spec: EventSinkSpec) -> None:
        opened.append((spec, cast(EventSink, self._build(record, spec, f"event sink {spec.name}"))))

    def _each(self, calls: Iterable[tuple[EventSinkSpec, Callable[[], None]]]) -> None:
        required: UsrError | None = None
        for spec, call in calls:
            try:
                call()
            except UsrError as error:
                self.failures += 1
                if spec.required:
                    required = required or error
                else:
                    self._tolerate(error)
        if required is not None:
            raise required
