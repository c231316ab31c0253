"""Cells that hold no value: errors such as #DIV/0!, and formulas that nobody has calculated.

calamine reads both as empty cells, so the file is looked through for them. Only cells that look like one cost more than
a search.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Mapping
from xml.etree import ElementTree as Xml

from usr_excel.biff import CompoundFile, biff_faults, workbook_stream

__all__ = ["PasswordNeeded", "check_open", "faulty_cells", "is_workbook"]

Faults = Mapping[tuple[int, int], str]

UNCALCULATED = "a formula without a value"
_ARCHIVE = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0"
_SUSPECT_XLSX = re.compile(rb"""\st=["']e["']|<(?:\w+:)?f[\s>/]""")
_SUSPECT_ODS = re.compile(rb"""value-type=["']error["']|formula=""")
_REFERENCE = re.compile(r"([A-Z]+)([0-9]+)")


class PasswordNeeded(ValueError):
    """The workbook is encrypted."""


def is_workbook(content: bytes) -> bool:
    """Tell whether a file begins as workbooks do."""
    return content.startswith((_ARCHIVE, _COMPOUND))


def check_open(content: bytes) -> None:
    """Refuse what calamine does not tell from other damage.

    Raises:
        PasswordNeeded: The workbook is encrypted.
        Exception: The workbook is damaged.
    """
    if content.startswith(_COMPOUND):
        file = CompoundFile(content)
        if file.has("EncryptedPackage"):
            raise PasswordNeeded
        workbook_stream(file)
    elif content.startswith(_ARCHIVE) and not zipfile.is_zipfile(io.BytesIO(content)):
        raise zipfile.BadZipFile("its end is missing, so that it was cut off")
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            manifest = "META-INF/manifest.xml"
            if manifest in archive.namelist() and b"encryption-data" in archive.read(manifest):
                raise PasswordNeeded


def faulty_cells(content: bytes, sheet: str, number: int) -> Faults:
    """Return the cells of a sheet that hold no value: by row and column, from 0, what they show.

    Args:
        content: The workbook.
        sheet: The sheet's name.
        number: Its place among the sheets, from 0.

    Raises:
        PasswordNeeded: The workbook is encrypted.
        Exception: The workbook is damaged.
    """
    if content.startswith(_COMPOUND):
        found = biff_faults(CompoundFile(content), number)
        if found is None:
            raise PasswordNeeded
        return found
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if "content.xml" in archive.namelist():
            return _ods(archive.read("content.xml"), sheet)
        return _xlsx(archive.read(_sheet_part(archive, sheet)))


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str:
    book = "xl/workbook.xml"
    wanted = None
    for element in Xml.fromstring(archive.read(book)).iter():
        if _local(element.tag) == "sheet" and element.get("name") == sheet:
            wanted = next(value for key, value in element.attrib.items() if key.endswith("}id"))
    for element in Xml.fromstring(archive.read("xl/_rels/workbook.xml.rels")):
        if element.get("Id") == wanted:
            return posixpath.normpath(posixpath.join("/xl", element.get("Target", ""))).lstrip("/")
    raise KeyError(sheet)


def _xlsx(content: bytes) -> Faults:
    found = dict[tuple[int, int], str]()
    if not _SUSPECT_XLSX.search(content):
        return found
    row = column = -1
    for event, element in Xml.iterparse(io.BytesIO(content), events=("start", "end")):
        kind = _local(element.tag)
        if event == "start":
            if kind == "row":
                row, column = int(element.get("r", row + 2)) - 1, -1
            elif kind == "c":
                row, column = _place(element.get("r"), row, column + 1)
        elif kind == "c":
            parts = {_local(part.tag): part.text or "" for part in element}
            if element.get("t") == "e":
                found[row, column] = parts.get("v", "#N/A")
            elif "f" in parts and not parts.get("v") and element.get("t") != "str":
                found[row, column] = UNCALCULATED
        elif kind == "row":
            element.clear()
    return found


def _place(reference: str | None, row: int, column: int) -> tuple[int, int]:
    found = _REFERENCE.fullmatch(reference or "")
    if found is None:
        return row, column
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return int(found[2]) - 1, number - 1


def _ods(content: bytes, sheet: str) -> Faults:
    found = dict[tuple[int, int], str]()
    if not _SUSPECT_ODS.search(content):
        return found
    row = 0
    for _, table in Xml.iterparse(io.BytesIO(content)):
        if _local(table.tag) != "table" or _attribute(table, "name") != sheet:
            continue
        for line in (element for element in table.iter() if _local(element.tag) == "table-row"):
            column, faults = 0, dict[int, str]()
            for cell in line:
                shown = _ods_fault(cell)
                repeated = int(_attribute(cell, "number-columns-repeated") or 1)
                if shown is not None:
                    faults.update(dict.fromkeys(range(column, column + repeated), shown))
                column += repeated
            repeated = int(_attribute(line, "number-rows-repeated") or 1)
            if faults:
                found.update({(row + more, at): shown for more in range(repeated) for at, shown in faults.items()})
            row += repeated
    return found


def _ods_fault(cell: Xml.Element) -> str | None:
    kinds = [value for key, value in cell.attrib.items() if _local(key) == "value-type"]
    if "error" in kinds:
        return "".join(cell.itertext()) or "an error"
    return UNCALCULATED if _attribute(cell, "formula") is not None and not kinds else None


def _attribute(element: Xml.Element, name: str) -> str | None:
    return next((value for key, value in element.attrib.items() if _local(key) == name), None)


def _local(name: str) -> str:
    return name.rpartition("}")[2]
