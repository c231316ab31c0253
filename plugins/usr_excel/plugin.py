"""What the plugin `excel` offers: an importer."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import Importer, ImporterSpec, OptionSpec, hookimpl

__all__ = ["usr_importers"]


@hookimpl
def usr_importers() -> Iterable[ImporterSpec]:
    """Offer to read a sheet of a workbook."""
    return [
        ImporterSpec(
            name="excel",
            summary="Workbooks of Excel and LibreOffice (.xlsx, .xls, .ods)",
            factory=_importer,
            suffixes=(".xlsx", ".xls", ".ods"),
            options=(
                OptionSpec(name="sheet", help="The sheet's name, or its number from 1; by default the first"),
                OptionSpec(name="skip_rows", type=int, default=0, help="Rows above the header that are left out"),
                OptionSpec(
                    name="dates",
                    default="refuse",
                    choices=("refuse", "text"),
                    help="Dates in a column of text that has other text: refuse them, or take them as text",
                ),
            ),
        )
    ]


def _importer() -> Importer:
    from usr_excel.reader import ExcelImporter

    return ExcelImporter()
