"""What the plugin `fasta` offers: an importer and an exporter."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, NamespaceSpec, OptionSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers", "usr_namespaces"]


_SUFFIXES = (".fa", ".fasta", ".fna", ".ffn", ".faa", ".frn", ".seq")


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read FASTA files, plain or compressed."""
    return [
        ImporterSpec(
            name="fasta",
            summary="FASTA files (compressed too)",
            factory=_importer,
            suffixes=_SUFFIXES,
            options=(
                OptionSpec(name="name", default="word", choices=("word", "whole"), help="What of a header is the name"),
                OptionSpec(name="encoding", default="utf-8", help="Of the text, such as latin-1"),
            ),
            namespace="fasta",
        )
    ]


@hookimpl
def usr_namespaces() -> Iterable[NamespaceSpec]:
    """Describe what a FASTA header holds."""
    return [
        NamespaceSpec(
            name="fasta",
            summary="Names and descriptions of FASTA records",
            columns=(("fasta__name", "string"), ("fasta__description", "string")),
            description="The headers of FASTA records",
        )
    ]


@hookimpl
def usr_exporters() -> Iterable[ExporterSpec]:
    """Offer to write FASTA: names, descriptions and letters."""
    return [
        ExporterSpec(
            name="fasta",
            summary="FASTA: names, descriptions and letters",
            factory=_exporter,
            suffix=".fasta",
            suffixes=_SUFFIXES,
            streams=True,
            options=(
                OptionSpec(name="name", help="The column of the names; by default fasta__name, else id"),
                OptionSpec(name="description", help="The column of the descriptions; by default fasta__description"),
                OptionSpec(name="width", type=int, default=60, help="Letters in a line; 0 writes one line"),
            ),
        )
    ]


def _importer() -> Importer:
    from usr_fasta.reader import FastaImporter

    return FastaImporter()


def _exporter() -> Exporter:
    from usr_fasta.writer import FastaExporter

    return FastaExporter()
