"""The fan-out of committed events to event sinks, each in a thread of its own and within its time.

The event is on disk before any sink hears of it, so no failure here undoes anything. It is reported and counted, and
let out only where the sink is required, after every other sink was served. A sink that takes too long is given up: its
thread is a daemon, so that neither the command nor the end of the process waits for it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from usr_core.errors import UsrError, visible
from usr_core.plugin.discovery import PluginRecord
from usr_core.plugin.errors import PluginCallError, PluginError
from usr_core.plugin.isolation import call_error
from usr_core.plugin.specs import SINK_TIMEOUT_S, EventSinkSpec

__all__ = ["EventSinks", "sinks_given_up"]

_PIECE_S = 0.2
_given_up: list[str] = []


def sinks_given_up() -> bool:
    """Tell whether a sink of this process was given up; whatever it started may keep the process from ending."""
    return bool(_given_up)


class EventSinks:
    """The sinks of one process, each built once, at the first event.

    Args:
        offered: Yields each plugin's name of a sink and a call that loads its spec, which may raise.
        build: Builds an isolated provider.
        tolerate: Reports a failure that the work can go on without, or raises it where every failure is fatal.
        report: Takes one line.
        hold: Keep events until `tell` is called. The command line does, so that the result is printed first.

    Attributes:
        failures: How many calls of sinks have failed.
    """

    def __init__(
        self,
        offered: Callable[[], Iterable[tuple[PluginRecord, str, Callable[[], EventSinkSpec]]]],
        build: Callable[[PluginRecord, EventSinkSpec], Any],
        tolerate: Callable[[UsrError], None],
        report: Callable[[str], None],
        *,
        hold: bool = False,
    ) -> None:
        self._offered, self._build, self._tolerate, self._report = offered, build, tolerate, report
        self._hold = hold
        self._open: list[_Sink] | None = None
        self._held: list[Mapping[str, Any]] = []
        self.failures = 0

    def specs(self) -> tuple[EventSinkSpec, ...]:
        """Return the specs of the sinks that could be built, building them at the first call.

        Raises:
            UsrError: A required sink can't be built.
        """
        return tuple(sink.spec for sink in self._opened() if sink.spec is not None)

    def emit(self, event: Mapping[str, Any]) -> None:
        """Hand an event to every sink that wants its action, or keep it until `tell`.

        An interrupt ends the telling and is reported; the change is made.

        Raises:
            UsrError: A required sink failed; its message says that the change is made, and its attribute ``event`` is
                the event.
        """
        self._held.append(event)
        if not self._hold:
            self.tell()

    def tell(self) -> None:
        """Hand every event that is held to the sinks; errors and interrupts as for `emit`."""
        required: UsrError | None = None
        while self._held:
            event = self._held[0]
            try:
                self._each(partial(_Sink.emit, event=event), event)
            except KeyboardInterrupt:
                self._held.clear()
                self._report(f"interrupted while event sinks were told; {_done(event)}")
            except UsrError as error:
                required = required or error
            if self._held:
                del self._held[0]
        if required is not None:
            raise required

    def close(self, *, tell: bool = True) -> None:
        """Tell what is held, and close every sink that was built; the next event would build them anew.

        Args:
            tell: False to give up what is held, with a warning.

        Raises:
            UsrError: A required sink failed.
        """
        if self._held and not tell:
            self._report(f"interrupted before event sinks were told; {_done(self._held[-1])}")
            self._held.clear()
        try:
            self.tell()
        finally:
            opened, self._open = self._open or [], None
            try:
                self._each(_Sink.close, None, sinks=opened)
            except KeyboardInterrupt:
                self._report("interrupted while event sinks were closed; the changes are made")

    def _opened(self) -> list[_Sink]:
        if self._open is None:
            opened = [_Sink(record, name, load, self._build) for record, name, load in self._offered()]
            # Kept only if every required sink is there: the next event must not go past one that is missing.
            self._each(_Sink.open, None, sinks=opened)
            self._open = [sink for sink in opened if sink.spec is not None]
        return self._open

    def _each(
        self, call: Callable[[_Sink], None], event: Mapping[str, Any] | None, sinks: list[_Sink] | None = None
    ) -> None:
        required: UsrError | None = None
        try:
            for sink in self._opened() if sinks is None else sinks:
                try:
                    call(sink)
                except UsrError as error:
                    self.failures += 1
                    if sink.required:
                        required = required or error
                        continue
                    try:
                        self._tolerate(error)
                    except UsrError as fatal:
                        required = required or fatal
        except UsrError as error:  # a required one could not be built
            required = required or error
        if required is not None:
            raise required if event is None else _after(required, event)


class _Sink:
    """One sink and its thread; a call that does not return in time is the last one."""

    def __init__(
        self,
        record: PluginRecord,
        name: str,
        load: Callable[[], EventSinkSpec],
        build: Callable[[PluginRecord, EventSinkSpec], Any],
    ) -> None:
        self.record, self.name = record, name
        self.spec: EventSinkSpec | None = None
        self.required = False
        self._load, self._build = load, build
        self._provider: Any = None
        self._jobs: queue.SimpleQueue[tuple[Callable[[], None], _Outcome] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._running: _Outcome | None = None

    def open(self) -> None:
        """Load the spec and build the sink."""
        spec: list[EventSinkSpec] = []
        self._run(lambda: spec.append(self._load()), "loading", SINK_TIMEOUT_S)
        self.required = spec[0].required
        self._run(lambda: self._make(spec[0]), "factory", spec[0].timeout_s)
        self.spec = spec[0]

    def emit(self, event: Mapping[str, Any]) -> None:
        """Hand over an event if it is wanted."""
        if self.spec is not None and (not self.spec.actions or event.get("action") in self.spec.actions):
            self._run(lambda: self._provider.emit(event), "emit", self.spec.timeout_s)

    def close(self) -> None:
        """Close the sink and end its thread."""
        if self.spec is None or self._busy():
            return
        try:
            self._run(self._provider.close, "close", self.spec.timeout_s)
        finally:
            self._jobs.put(None)

    def _make(self, spec: EventSinkSpec) -> None:
        self._provider = self._build(self.record, spec)

    def _busy(self) -> bool:
        return self._running is not None and not self._running.done.is_set()

    def _run(self, job: Callable[[], None], what: str, seconds: float) -> None:
        if self._busy():
            raise self._error(what, "an earlier call has not returned yet, so this one is not made")
        if self._thread is None:
            # A daemon: the end of the process does not wait for it.
            self._thread = threading.Thread(
                target=_serve, args=(self._jobs,), name=f"usr-sink-{self.name}", daemon=True
            )
            self._thread.start()
        self._running = _Outcome()
        self._jobs.put((job, self._running))
        finished = False
        try:
            finished = self._running.ended_within(seconds)
        finally:
            if not finished:
                _given_up.append(self.name)
        if not finished:
            raise self._error(what, f"it did not return within {seconds:g} s and is given up")
        error = self._running.error
        if error is None:
            return
        if isinstance(error, PluginError):
            raise error
        failed = call_error(self.record, f"event sink {self.name}, {what}", error)
        if isinstance(error, UsrError):  # in proper form, but for the name of the plugin
            failed.hint = error.hint
        raise failed from error

    def _error(self, what: str, problem: str) -> PluginCallError:
        return call_error(self.record, f"event sink {self.name}, {what}", TimeoutError(problem))


class _Outcome:
    """What became of one call in a sink's thread."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.error: BaseException | None = None

    def ended_within(self, seconds: float) -> bool:
        """Wait for the call.

        In short pieces: a signal that comes right before a wait does not end that wait, and Ctrl-C would then be heard
        only when the sink's time is over.
        """
        until = time.monotonic() + seconds
        while not self.done.wait(min(_PIECE_S, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until:
                return False
        return True


def _serve(jobs: queue.SimpleQueue[tuple[Callable[[], None], _Outcome] | None]) -> None:
    while (item := jobs.get()) is not None:
        job, outcome = item
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            outcome.error = error
        outcome.done.set()


def _done(event: Mapping[str, Any]) -> str:
    """Return in words that the change that an event tells of is made."""
    told, seq = event.get("dataset"), event.get("seq")
    name = visible(str(told.get("name", "") if isinstance(told, Mapping) else told))
    if seq is None:
        return f"the {event.get('action')} of {name} is done"
    return f"change {seq} of {name} is committed"


def _after(error: UsrError, event: Mapping[str, Any]) -> UsrError:
    """Return the error of a required sink, saying that the change is made all the same."""
    failed = type(error).__new__(type(error))  # a copy: the host raises the same error at each attempt
    failed.__dict__.update(error.__dict__)
    failed.message = f"{error.message}; {_done(event)}"
    failed.args = (failed.message,)
    failed.hint = f"The change is made: don't run the command again. {error.hint}"
    failed.__cause__ = error.__cause__
    failed.event = dict(event)  # type: ignore[attr-defined]
    return failed
