"""The importer keeps the contract that every author's has to keep, for each format of a workbook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from support.workbooks import Error, Rows, ods, xls, xlsx
from usr_core.testing import ImporterContract
from usr_excel.reader import ExcelImporter


class TestXlsx(ImporterContract):
    types: ClassVar[Mapping[str, str]] = {"name": "string", "sequence": "string"}
    rows = (
        {"name": "one", "sequence": "ACGT" * 50},
        {"name": None, "sequence": "TTGACA" * 50},
        {"name": "7", "sequence": "GATTACA" * 50},
    )
    unicode_rows = ({"name": "λ 日本 é😀", "sequence": "ACGT"}, {"name": "<&\"'", "sequence": "AC"})
    suffix = ".xlsx"
    features = frozenset({"bad_rows", "unicode", "compressed"})
    make: ClassVar[Callable[[Mapping[str, Rows]], bytes]] = staticmethod(xlsx)

    @pytest.fixture
    def importer(self) -> ExcelImporter:
        return ExcelImporter()

    def write_file(self, path: Path, rows: Sequence[Mapping[str, object]]) -> None:
        path.write_bytes(type(self).make({"S": [["name", "sequence"], *(list(row.values()) for row in rows)]}))

    def write_bad_file(self, path: Path, rows: Sequence[Mapping[str, object]], bad: int) -> None:
        cells = [["name", "sequence"], *(list(row.values()) for row in rows)]
        cells[bad] = ["x", Error("#N/A")]
        path.write_bytes(type(self).make({"S": cells}))


class TestOds(TestXlsx):
    suffix = ".ods"
    make = staticmethod(ods)


class TestXls(TestXlsx):
    suffix = ".xls"
    make = staticmethod(xls)
