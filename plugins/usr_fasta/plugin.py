"""What the plugin `fasta` offers: an importer and an exporter."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers"]


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read FASTA files, plain or compressed."""
    return [
        ImporterSpec(
            name="fasta",
            summary="FASTA files (compressed too)",
            factory=_importer,
            suffixes=(".fa", ".fasta", ".fna", ".ffn", ".faa", ".frn", ".seq"),
        )
    ]


@hookimpl
def usr_exporters() -> Iterable[ExporterSpec]:
    """Offer to write FASTA: names, descriptions and letters."""
    return [
        ExporterSpec(
            name="fasta",
            summary="FASTA, names and letters only",
            factory=_exporter,
            suffix=".fasta",
            streams=True,
        )
    ]


def _importer() -> Importer:
    from usr_fasta.reader import FastaImporter

    return FastaImporter()


def _exporter() -> Exporter:
    from usr_fasta.writer import FastaExporter

    return FastaExporter()
