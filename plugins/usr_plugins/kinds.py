"""The kinds of plugin that ``usr plugins new`` can begin."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["PluginKind"]


class PluginKind(StrEnum):
    """What a new plugin adds."""

    IMPORTER = "importer"
    EXPORTER = "exporter"
    OVERLAY_WRITER = "overlay-writer"
    VERIFY = "verify"
    TRANSPORT = "transport"
    EVENT_SINK = "event-sink"
    NAMESPACE = "namespace"
    CHECK = "check"
    HEALTH_CHECK = "health-check"
    ALPHABET = "alphabet"
    EXECUTOR = "executor"
    FUNCTION = "function"
    COMMAND = "command"
