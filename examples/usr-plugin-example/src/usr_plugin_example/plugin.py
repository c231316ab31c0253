"""What the plugin `example` offers. What does the work is imported by the factories, when it is used."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import (
    EventSink,
    EventSinkSpec,
    Importer,
    ImporterSpec,
    NamespaceSpec,
    OverlayWriter,
    OverlayWriterSpec,
    hookimpl,
)
from usr_plugin_example.columns import COLUMNS

__all__ = ["usr_event_sinks", "usr_importers", "usr_namespaces", "usr_overlay_writers"]


@hookimpl
def usr_namespaces() -> Iterable[NamespaceSpec]:
    """Describe the columns that the tool fills."""
    return [NamespaceSpec(name="example", summary="Hits of a motif", columns=COLUMNS, owner="USR's examples")]


@hookimpl
def usr_overlay_writers() -> Iterable[OverlayWriterSpec]:
    """Offer to attach the tool's table."""
    return [
        OverlayWriterSpec(
            name="example", summary="Tables of `usr example find`", factory=_writer, namespace="example", key="id"
        )
    ]


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read FASTQ files."""
    return [ImporterSpec(name="example-fastq", summary="FASTQ files", factory=_importer, suffixes=(".fastq", ".fq"))]


@hookimpl
def usr_event_sinks() -> Iterable[EventSinkSpec]:
    """Offer to count events by action."""
    return [EventSinkSpec(name="example", summary="Counts of events in a file", factory=_sink)]


def _writer() -> OverlayWriter:
    from usr_plugin_example.motif_table import MotifTableWriter

    return MotifTableWriter()


def _importer() -> Importer:
    from usr_plugin_example.fastq import FastqImporter

    return FastqImporter()


def _sink() -> EventSink:
    from usr_plugin_example.event_counts import EventCounts

    return EventCounts()
