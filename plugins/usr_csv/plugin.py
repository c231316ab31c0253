"""What the plugin `csv` offers: an importer and an exporter."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers"]


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read CSV files (UTF-8, .gz and .zst too)."""
    return [
        ImporterSpec(name="csv", summary="CSV files (UTF-8, .gz and .zst too)", factory=_importer, suffixes=(".csv",))
    ]


@hookimpl
def usr_exporters() -> Iterable[ExporterSpec]:
    """Offer to write CSV; nested values as JSON."""
    return [
        ExporterSpec(
            name="csv",
            summary="CSV; nested values as JSON",
            factory=_exporter,
            suffix=".csv",
            streams=True,
        )
    ]


def _importer() -> Importer:
    from usr_csv.reader import CsvImporter

    return CsvImporter()


def _exporter() -> Exporter:
    from usr_csv.writer import CsvExporter

    return CsvExporter()
