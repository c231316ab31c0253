"""What the plugin `fastq` offers: an importer and an exporter."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers"]


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read FASTQ files, plain or compressed."""
    return [
        ImporterSpec(
            name="fastq",
            summary="FASTQ files (compressed too)",
            factory=_importer,
            suffixes=(".fq", ".fastq"),
        )
    ]


@hookimpl
def usr_exporters() -> Iterable[ExporterSpec]:
    """Offer to write FASTQ: names, letters and qualities."""
    return [
        ExporterSpec(
            name="fastq",
            summary="FASTQ, names, letters and qualities",
            factory=_exporter,
            suffix=".fastq",
            streams=True,
        )
    ]


def _importer() -> Importer:
    from usr_fastq.reader import FastqImporter

    return FastqImporter()


def _exporter() -> Exporter:
    from usr_fastq.writer import FastqExporter

    return FastqExporter()
