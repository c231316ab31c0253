"""What the plugin `genbank` offers: an importer and two exporters."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers"]


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read GenBank and EMBL files, plain or compressed."""
    return [
        ImporterSpec(
            name="genbank",
            summary="GenBank and EMBL files (compressed too)",
            factory=_importer,
            suffixes=(".gb", ".gbk", ".gbff", ".genbank", ".ape", ".gp", ".embl"),
        )
    ]


@hookimpl
def usr_exporters() -> Iterable[ExporterSpec]:
    """Offer to write GenBank and EMBL: letters, features and what is said of a record."""
    return [
        ExporterSpec(name="genbank", summary="GenBank, with features", factory=_genbank, suffix=".gb", streams=True),
        ExporterSpec(name="embl", summary="EMBL, with features", factory=_embl, suffix=".embl", streams=True),
    ]


def _importer() -> Importer:
    from usr_genbank.reader import GenbankImporter

    return GenbankImporter()


def _genbank() -> Exporter:
    from usr_genbank.writer import FlatFileExporter

    return FlatFileExporter("GenBank")


def _embl() -> Exporter:
    from usr_genbank.writer import FlatFileExporter

    return FlatFileExporter("EMBL")
