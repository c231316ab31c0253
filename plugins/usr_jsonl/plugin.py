"""What the plugin `jsonl` offers: an importer and an exporter."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers"]


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read JSON Lines files, one object a line (.gz and .zst too)."""
    return [
        ImporterSpec(
            name="jsonl",
            summary="JSON Lines files, one object a line (.gz and .zst too)",
            factory=_importer,
            suffixes=(".jsonl", ".ndjson"),
        )
    ]


@hookimpl
def usr_exporters() -> Iterable[ExporterSpec]:
    """Offer to write JSON Lines, one object a record."""
    return [
        ExporterSpec(
            name="jsonl",
            summary="JSON Lines, one object a record",
            factory=_exporter,
            suffix=".jsonl",
            streams=True,
        )
    ]


def _importer() -> Importer:
    from usr_jsonl.reader import JsonlImporter

    return JsonlImporter()


def _exporter() -> Exporter:
    from usr_jsonl.writer import JsonlExporter

    return JsonlExporter()
