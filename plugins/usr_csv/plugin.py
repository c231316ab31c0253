"""What the plugin `csv` offers: two importers and two exporters, which differ in the delimiter."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Exporter, ExporterSpec, Importer, ImporterSpec, OptionSpec, hookimpl

__all__ = ["usr_exporters", "usr_importers"]


_DIALECT = (
    OptionSpec(name="delimiter", help="One sign between cells, or tab; by default a comma, in .tsv and .tab a tab"),
    OptionSpec(name="decimal", default=".", choices=(".", ","), help="Before the fraction of a number"),
    OptionSpec(name="encoding", default="utf-8", help="Of the text, such as latin-1"),
    OptionSpec(name="null", help="What means null where it is not quoted, such as NA,n.d."),
    OptionSpec(name="comment", help="Lines that begin with this sign are left out"),
    OptionSpec(name="skip_rows", type=int, default=0, help="Lines at the beginning that are left out"),
)


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read tables of text, plain or compressed."""
    return [
        ImporterSpec(
            name="csv",
            summary="CSV files and other tables of text (compressed too)",
            factory=_importer,
            suffixes=(".csv",),
            options=_DIALECT,
        ),
        ImporterSpec(
            name="tsv",
            summary="Tables of text with tabs (compressed too)",
            factory=_tsv_importer,
            suffixes=(".tsv", ".tab"),
            options=_DIALECT,
        ),
    ]


_OUTPUT = (
    OptionSpec(name="delimiter", help="One sign between cells, or tab; by default a comma, for tsv a tab"),
    OptionSpec(
        name="spreadsheet_safe",
        type=bool,
        default=False,
        help="Put an apostrophe before text that a spreadsheet would take for a formula",
    ),
)


@hookimpl
def usr_exporters() -> Iterable[ExporterSpec]:
    """Offer to write CSV and TSV; nested values as JSON."""
    return [
        ExporterSpec(
            name="csv",
            summary="CSV; nested values as JSON",
            factory=_exporter,
            suffix=".csv",
            streams=True,
            options=_OUTPUT,
        ),
        ExporterSpec(
            name="tsv",
            summary="Tables with tabs; nested values as JSON",
            factory=_tsv_exporter,
            suffix=".tsv",
            suffixes=(".tab",),
            streams=True,
            options=_OUTPUT,
        ),
    ]


def _importer() -> Importer:
    from usr_csv.reader import CsvImporter

    return CsvImporter()


def _tsv_importer() -> Importer:
    from usr_csv.dialect import TAB
    from usr_csv.reader import CsvImporter

    return CsvImporter(TAB)


def _exporter() -> Exporter:
    from usr_csv.writer import CsvExporter

    return CsvExporter()


def _tsv_exporter() -> Exporter:
    from usr_csv.dialect import TAB
    from usr_csv.writer import CsvExporter

    return CsvExporter(TAB)
