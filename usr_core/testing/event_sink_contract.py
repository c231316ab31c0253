"""The contract of an event sink: subclass `EventSinkContract` and supply ``spec``."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from usr_core.plugin.answers import ANSWERS
from usr_core.plugin.isolation import Isolated
from usr_core.plugin.sinks import EventSinks
from usr_core.plugin.specs import EventSinkSpec
from usr_core.testing.contract import Contract, needs
from usr_core.testing.fixed_plugins import stranger

__all__ = ["EventSinkContract"]


def _event(action: str, **more: object) -> dict[str, Any]:
    return {
        "event_version": 1, "timestamp_utc": "2026-01-02T03:04:05.678901Z", "action": action,
        "dataset": {"name": "ns/data", "root": "/λ lab/root"},
        "args": {"path": "日本.csv", "note": 'a "quoted", line'}, "metrics": {"rows_written": 3, "ratio": 0.5},
        "artifacts": {"added": [{"path": "_derived/mock/part-1.parquet", "size_bytes": 812}]}, "maintenance": {},
        "fingerprint": {"rows": 6, "cols": 7, "size_bytes": 4711}, "registry_hash": "0" * 64,
        "actor": {"tool": "usr", "run_id": "usr-pid-7", "host": "lab", "pid": 7}, "version": "0.1.0", "seq": 2,
        "clock": "2026-01-02T03:04:05.678901Z", "prev": "0" * 64, **more,
    }  # fmt: skip


class EventSinkContract(Contract):
    """A sink takes every event, changes none, and ends quietly, whatever happens on its other side.

    A subclass whose name begins with ``Test`` overrides `spec`, and what its features need.

    Attributes:
        features: ``received``: what arrived can be looked at (`received`). ``breakable``: the other side can be made
            to fail and repaired again (`break_target`, `mend_target`).
    """

    events: ClassVar[Sequence[Mapping[str, Any]]] = (_event("init"), _event("attach", seq=3), _event("delete", seq=4))

    @pytest.fixture
    def spec(self) -> EventSinkSpec:
        """Return the sink's spec, whose factory builds it with its other side ready."""
        raise NotImplementedError("a subclass of EventSinkContract supplies the fixture `spec`")

    def received(self) -> list[dict[str, Any]]:
        """Return the events that arrived on the other side, in order."""
        raise NotImplementedError("a subclass with the feature received supplies `received`")

    def break_target(self) -> None:
        """Make the other side fail: a folder in the file's place, a server that is down."""
        raise NotImplementedError("a subclass with the feature breakable supplies `break_target`")

    def mend_target(self) -> None:
        """Let the other side work again."""
        raise NotImplementedError("a subclass with the feature breakable supplies `mend_target`")

    def test_every_event_is_taken_and_none_changed(self, spec: EventSinkSpec) -> None:
        """The next sink gets the same object."""
        sink = spec.factory()
        given = copy.deepcopy(list(self.events))
        for event in given:
            sink.emit(event)
        sink.close()

        assert list(self.events) == given

    def test_what_is_new_to_it_is_taken(self, spec: EventSinkSpec) -> None:
        """Later versions of the core add actions and keys."""
        sink = spec.factory()

        assert sink.emit(_event("an_action_of_tomorrow", a_key_of_tomorrow=[1])) is None  # type: ignore[func-returns-value]
        sink.close()

    def test_closing_twice_is_closing(self, spec: EventSinkSpec) -> None:
        """Also where no event came."""
        for events in ([], self.events):
            sink = spec.factory()
            for event in events:
                sink.emit(event)

            assert (sink.close(), sink.close()) == (None, None)  # type: ignore[func-returns-value]

    def test_the_working_folder_stays_as_it_is(
        self, spec: EventSinkSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Commands run anywhere, in datasets too."""
        folder = tmp_path / "work"
        folder.mkdir()
        monkeypatch.chdir(folder)
        self._sent(spec)

        assert [] == list(folder.iterdir())

    @needs("received")
    def test_events_arrive_in_order(self, spec: EventSinkSpec) -> None:
        """Whole, once each, at the latest when the sink is closed."""
        self._sent(spec)

        assert [dict(event) for event in self.events] == self.received()

    @needs("received")
    def test_a_second_sink_goes_on(self, spec: EventSinkSpec) -> None:
        """Each command builds its own; what arrived before stays."""
        self._sent(spec)
        self._sent(spec)

        assert [dict(event) for event in (*self.events, *self.events)] == self.received()

    @needs("breakable")
    def test_a_failure_does_not_break_the_command(self, spec: EventSinkSpec) -> None:
        """It is an exception, which the host reports and counts; the sink is closed as ever."""
        reports: list[str] = []
        sinks = _sinks(spec, reports)
        self.break_target()
        for event in self.events:
            sinks.emit(event)
        sinks.close()

        assert 1 <= sinks.failures
        assert sinks.failures == len(reports)

    @needs("breakable")
    def test_after_a_failure_it_works_again(self, spec: EventSinkSpec) -> None:
        """A server that was down for one command does not lose the next one's events."""
        self.break_target()
        with contextlib.suppress(Exception):
            self._sent(spec)
        self.mend_target()
        reports: list[str] = []
        sinks = _sinks(spec, reports)
        for event in self.events:
            sinks.emit(event)
        sinks.close()

        assert ([], 0) == (reports, sinks.failures)

    def _sent(self, spec: EventSinkSpec) -> None:
        sink = spec.factory()
        for event in self.events:
            sink.emit(event)
        sink.close()


def _sinks(spec: EventSinkSpec, reports: list[str]) -> EventSinks:
    """Return what the host fans events out with, holding this sink, not required and for all actions."""
    record = stranger("contract", "contract.plugin")
    tolerant = EventSinkSpec(name=spec.name, summary=spec.summary, factory=spec.factory)
    return EventSinks(
        lambda: [(record, spec.name, lambda: tolerant)],
        lambda _record, offered: Isolated(offered.factory(), record, offered.name, ANSWERS["event_sink"]),
        lambda error: reports.append(error.message),
        reports.append,
    )
