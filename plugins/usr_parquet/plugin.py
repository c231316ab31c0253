"""What the plugin `parquet` offers: an importer and an exporter."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers"]


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read Parquet files."""
    return [ImporterSpec(name="parquet", summary="Parquet files", factory=_importer, suffixes=(".parquet",))]


@hookimpl
def usr_exporters() -> Iterable[ExporterSpec]:
    """Offer to write Parquet with exact types."""
    return [
        ExporterSpec(
            name="parquet",
            summary="Parquet with exact types",
            factory=_exporter,
            suffix=".parquet",
            streams=True,
            binary=True,
        )
    ]


def _importer() -> Importer:
    from usr_parquet.reader import ParquetImporter

    return ParquetImporter()


def _exporter() -> Exporter:
    from usr_parquet.writer import ParquetExporter

    return ParquetExporter()
