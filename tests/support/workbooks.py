"""Workbooks made by hand: .xlsx and .ods as archives of XML, .xls as a compound file of records."""

from __future__ import annotations

import datetime
import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

__all__ = ["Error", "Formula", "compound_file", "ods", "xls", "xlsx"]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_EPOCH = datetime.datetime(1899, 12, 30)
_CODES = {"#DIV/0!": 7, "#N/A": 42, "#VALUE!": 15}


class Error(str):
    """A cell with an error, such as ``#DIV/0!``."""


class Formula:
    """A formula, and the value that it had when it was saved; None where nobody calculated it."""

    def __init__(self, value: object) -> None:
        self.value = value


Rows = Sequence[Sequence[object]]


def xlsx(sheets: Mapping[str, Rows], *, merged: str = "") -> bytes:
    """Return a workbook; of cells, None is none, and dates are numbers with a format."""
    names = list(sheets)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_TYPES}/relationships"><Relationship Id="r1" '
        f'Type="{_RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}"><sheets>'
        + "".join(f'<sheet name={quoteattr(n)} sheetId="{i}" r:id="s{i}"/>' for i, n in enumerate(names, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_TYPES}/relationships">'
        + "".join(
            f'<Relationship Id="s{i}" Type="{_RELATED}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(names) + 1)
        )
        + f'<Relationship Id="st" Type="{_RELATED}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="22"/>'
        '<xf numFmtId="14"/><xf numFmtId="46"/></cellXfs></styleSheet>',
    }
    for number, rows in enumerate(sheets.values(), 1):
        lines = "".join(
            f'<row r="{at}">'
            + "".join(_xlsx_cell(f"{_letter(c)}{at}", value) for c, value in enumerate(row))
            + "</row>"
            for at, row in enumerate(rows, 1)
        )
        ranges = f'<mergeCells count="1"><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData>{ranges}</worksheet>'
        )
    return _archive({name: _HEAD + text for name, text in parts.items()})


def _xlsx_cell(place: str, value: object) -> str:
    formula = "<f>1/1</f>" if isinstance(value, Formula) else ""
    value = value.value if isinstance(value, Formula) else value
    attributes, text = "", repr(value)
    if value is None:
        if not formula:
            return ""
        text = ""
    elif isinstance(value, Error):
        attributes, text = ' t="e"', str(value)
    elif isinstance(value, bool):
        attributes, text = ' t="b"', str(int(value))
    elif isinstance(value, str):
        if not formula:
            return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
        attributes, text = ' t="str"', escape(value)
    elif isinstance(value, datetime.timedelta):
        attributes, text = ' s="3"', repr(value / datetime.timedelta(days=1))
    elif isinstance(value, datetime.date):
        style = 1 if isinstance(value, datetime.datetime) else 2
        attributes, text = f' s="{style}"', repr(_serial(value))
    return f'<c r="{place}"{attributes}>{formula}<v>{text}</v></c>'


def ods(sheets: Mapping[str, Rows]) -> bytes:
    """Return a workbook as LibreOffice writes it."""
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    spaces += ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    tables = "".join(
        f"<table:table table:name={quoteattr(name)}>"
        + "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
        + "</table:table>"
        for name, rows in sheets.items()
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    content = f"<office:document-content{spaces}><office:body><office:spreadsheet>{tables}</office:spreadsheet>"
    return _archive(
        {
            "mimetype": kind,
            "META-INF/manifest.xml": _HEAD
            + '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
            "content.xml": f"{_HEAD}{content}</office:body></office:document-content>",
        }
    )


def _ods_cell(value: object) -> str:
    formula = ""
    if isinstance(value, Formula):
        formula, value = ' table:formula="of:=1/1"', value.value
    if value is None:
        return f"<table:table-cell{formula}/>"
    if isinstance(value, Error):
        kinds = 'office:value-type="string" office:string-value="" calcext:value-type="error"'
        return f"<table:table-cell{formula} {kinds}><text:p>{value}</text:p></table:table-cell>"
    if isinstance(value, bool):
        return f'<table:table-cell{formula} office:value-type="boolean" office:boolean-value="{str(value).lower()}"/>'
    if isinstance(value, datetime.date):
        return f'<table:table-cell{formula} office:value-type="date" office:date-value="{value.isoformat()}"/>'
    if isinstance(value, str):
        return (
            f'<table:table-cell{formula} office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'
        )
    return f'<table:table-cell{formula} office:value-type="float" office:value="{value!r}"/>'


def xls(sheets: Mapping[str, Rows], *, encrypted: bool = False) -> bytes:
    """Return a workbook of Excel 97; dates are not written."""
    begin = struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 0x06)
    parts = [_of_sheet(rows) for rows in sheets.values()]
    names = [struct.pack("<BB", len(name), 1) + name.encode("utf-16-le") for name in sheets]
    lead = _record(0x0809, begin) + (_record(0x2F, bytes(54)) if encrypted else b"") + _record(0x42, b"\xb0\x04")
    at = len(lead) + sum(len(name) + 10 for name in names) + 4
    bounds = b""
    for name, part in zip(names, parts, strict=True):
        bounds += _record(0x85, struct.pack("<IBB", at, 0, 0) + name)
        at += len(part)
    return compound_file({"Workbook": lead + bounds + _record(0x0A, b"") + b"".join(parts)})


def _of_sheet(rows: Rows) -> bytes:
    cells = b""
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            place = struct.pack("<HHH", row, column, 0)
            result = value.value if isinstance(value, Formula) else value
            if isinstance(value, Formula):
                code = (
                    struct.pack("<BBBBHH", 2, 0, _CODES[str(result)], 0, 0, 0xFFFF)
                    if isinstance(result, Error)
                    else None
                )
                saved = code or struct.pack("<d", result)
                cells += _record(0x06, place + saved + struct.pack("<HIH", 0, 0, 3) + b"\x1e\x01\x00")
            elif isinstance(value, Error):
                cells += _record(0x0205, place + struct.pack("<BB", _CODES[value], 1))
            elif isinstance(value, bool):
                cells += _record(0x0205, place + struct.pack("<BB", value, 0))
            elif isinstance(value, str):
                text = value.encode("utf-16-le")
                cells += _record(0x0204, place + struct.pack("<HB", len(text) // 2, 1) + text)
            elif value is not None:
                cells += _record(0x0203, place + struct.pack("<d", value))
    begin = struct.pack("<HHHHII", 0x0600, 0x0010, 0x0DBB, 0x07CC, 0, 0x06)
    return _record(0x0809, begin) + cells + _record(0x0A, b"")


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file; each stream takes at least 4096 bytes."""
    sectors, entries, table = b"", [], list[int]()
    padded = {name: content.ljust(4096, b"\0") for name, content in streams.items()}
    for name, content in padded.items():
        count = -(-len(content) // 512)
        entries.append((name, 2, len(table), len(content)))
        table += [*range(len(table) + 1, len(table) + count), 0xFFFFFFFE]
        sectors += content.ljust(count * 512, b"\0")
    directory = b""
    for name, kind, start, size in [("Root Entry", 5, 0xFFFFFFFE, 0), *entries]:
        text = name.encode("utf-16-le")
        child = 1 if kind == 5 else 0xFFFFFFFF
        right = len(directory) // 128 + 1 if 0 < len(directory) // 128 < len(entries) else 0xFFFFFFFF
        entry = text.ljust(64, b"\0") + struct.pack("<HBB", len(text) + 2, kind, 1)
        entry += struct.pack("<III", 0xFFFFFFFF, right, child) + bytes(36) + struct.pack("<IQ", start, size)
        directory += entry
    count = -(-len(directory) // 512)
    first = len(table)
    table += [*range(first + 1, first + count), 0xFFFFFFFE]
    sectors += directory.ljust(count * 512, b"\0")
    tables = 1
    while (len(table) + tables) * 4 > tables * 512:
        tables += 1
    places = [len(table) + number for number in range(tables)]
    table += [0xFFFFFFFD] * tables
    sectors += struct.pack(f"<{len(table)}I", *table).ljust(tables * 512, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, tables, first, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    return header + struct.pack("<109I", *places, *[0xFFFFFFFF] * (109 - len(places))) + sectors


def _archive(parts: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


def _letter(column: int) -> str:
    return chr(ord("A") + column)


def _serial(value: datetime.date) -> float:
    moment = value if isinstance(value, datetime.datetime) else datetime.datetime(value.year, value.month, value.day)
    return (moment - _EPOCH) / datetime.timedelta(days=1)
