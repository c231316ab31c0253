"""What the plugin `fastq` offers: an importer and an exporter."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, NamespaceSpec, OptionSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers", "usr_namespaces"]


_SUFFIXES = (".fq", ".fastq")


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read FASTQ files, plain or compressed."""
    return [
        ImporterSpec(
            name="fastq",
            summary="FASTQ files (compressed too)",
            factory=_importer,
            suffixes=_SUFFIXES,
            options=(
                OptionSpec(name="name", default="word", choices=("word", "whole"), help="What of a header is the name"),
                OptionSpec(name="encoding", default="utf-8", help="Of the text, such as latin-1"),
            ),
            namespace="fastq",
        )
    ]


@hookimpl
def usr_namespaces() -> Iterable[NamespaceSpec]:
    """Describe what a FASTQ record holds beside its letters."""
    return [
        NamespaceSpec(
            name="fastq",
            summary="Names, descriptions and qualities of FASTQ records",
            columns=(
                ("fastq__name", "string"),
                ("fastq__description", "string"),
                ("fastq__quality", "string"),
                ("fastq__mean_error", "float32"),
            ),
            description="The headers and Phred+33 qualities of FASTQ records",
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
            suffixes=_SUFFIXES,
            streams=True,
            options=(
                OptionSpec(name="name", help="The column of the names; by default fastq__name, else id"),
                OptionSpec(name="description", help="The column of the descriptions; by default fastq__description"),
            ),
        )
    ]


def _importer() -> Importer:
    from usr_fastq.reader import FastqImporter

    return FastqImporter()


def _exporter() -> Exporter:
    from usr_fastq.writer import FastqExporter

    return FastqExporter()
