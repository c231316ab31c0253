"""What the plugin `genbank` offers: an importer and two exporters."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, NamespaceSpec, OptionSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers", "usr_namespaces"]


_SUFFIXES = (".gb", ".gbk", ".gbff", ".genbank", ".ape", ".gp")


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read GenBank, EMBL and SnapGene files, plain or compressed."""
    return [
        ImporterSpec(
            name="genbank",
            summary="GenBank, EMBL and SnapGene files (compressed too)",
            factory=_importer,
            suffixes=(*_SUFFIXES, ".embl", ".dna"),
            options=(
                OptionSpec(name="encoding", default="utf-8", help="Of the text, such as latin-1"),
                OptionSpec(
                    name="strict", type=bool, default=False, help="Refuse a record of another length than it says"
                ),
            ),
            namespace="genbank",
        )
    ]


@hookimpl
def usr_namespaces() -> Iterable[NamespaceSpec]:
    """Describe what a flat file says of a record beside its letters."""
    return [
        NamespaceSpec(
            name="genbank",
            summary="What GenBank and EMBL files say of a record",
            columns=(
                *((f"genbank__{name}", "string") for name in ("name", "accession", "version", "definition")),
                *((f"genbank__{name}", "string") for name in ("molecule_type", "topology", "division", "date")),
                ("genbank__keywords", "list<string>"),
                ("genbank__organism", "string"),
                ("genbank__taxonomy", "list<string>"),
                ("genbank__comment", "string"),
                (
                    "genbank__features",
                    "list<struct<type:string,location:string,start:int64,end:int64,strand:int8,"
                    "qualifiers:list<struct<key:string,value:string>>>>",
                ),
            ),
            description="Records of GenBank and EMBL flat files; locations 0-based, half open",
        )
    ]


@hookimpl
def usr_exporters() -> Iterable[ExporterSpec]:
    """Offer to write GenBank and EMBL: letters, features and what is said of a record."""
    return [
        ExporterSpec(
            name="genbank",
            summary="GenBank, with features",
            factory=_genbank,
            suffix=".gb",
            suffixes=_SUFFIXES,
            streams=True,
        ),
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
