"""What the plugin `notify` offers: a sink that keeps events in a spool, for users whose settings ask for it."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import EventSink, EventSinkSpec, hookimpl

__all__ = ["usr_event_sinks"]


@hookimpl
def usr_event_sinks() -> Iterable[EventSinkSpec]:
    """Offer to keep events in the spool that the settings file names; without one the sink does nothing."""
    return [EventSinkSpec(name="notify-spool", summary="Keep events for `usr notify drain`", factory=_sink)]


def _sink() -> EventSink:
    from usr_notify.settings import read_settings
    from usr_notify.sink import SpoolSink

    return SpoolSink(read_settings())
