"""A sheet of a workbook as batches of text; calamine reads the cells."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from usr_core.api import ImportRequest, Opened, OptionInvalid, RepeatedColumn, SourceUnreadable, UsrError, open_source
from usr_core.api.formats import other_content, text_format
from usr_excel.cells import spelled
from usr_excel.errors import CalamineMissing
from usr_excel.faults import PasswordNeeded, check_open, faulty_cells, is_workbook
from usr_excel.sheet import Sheet, refuse_stray_dates, say_what_is_left_out

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

__all__ = ["ExcelImporter"]

# What the standard library says of damage in archives, compressed parts, XML and records.
_DAMAGE = (OSError, ValueError, LookupError, SyntaxError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error)
_FORMAT_HINT = "Open it in a spreadsheet and save it as .xlsx, or copy it again if it was cut off."
_LOOK = 1000
"""Bytes at the beginning that tell a file of another kind."""


class ExcelImporter:
    """Reads one sheet: a row of names, and a record in each row below it that is not empty."""

    def open(self, request: ImportRequest) -> Opened:
        """Open a workbook; the columns are those that have a name, all of them text.

        Raises:
            CalamineMissing: The extra ``excel`` is not installed.
            SourceUnreadable: The file is not a workbook, is damaged or encrypted; it has no such sheet, or the sheet is
                empty; a wanted cell holds an error, or a formula without a value.
            RepeatedColumn: A wanted name occurs twice.
            FileChanged: The file changed while it was read.

        Holds the workbook: some 100 bytes a cell.
        """
        return Opened.begun(_steps(request))


def _steps(request: ImportRequest) -> Generator[Any, None, None]:
    with open_source(request.path) as source:
        with io.BufferedReader(source.stream()) as stream:
            content = stream.read()
        source.check_unchanged()
        sheet = _opened(request, content)
        del content
        skipped = int(str(request.options.get("skip_rows", 0)))
        if skipped < 0:
            raise OptionInvalid("The option 'skip_rows' is less than 0.", hint="Give the number of rows to leave out.")
        header = next((row for row in range(skipped, sheet.height) if not sheet.is_blank(row)), None)
        if header is None:
            reason = f"The sheet {sheet.name!r} is empty{f' below row {skipped}' if skipped else ''}."
            raise SourceUnreadable(request.path, reason, hint="Name another sheet: --option sheet=NAME.")
        names = _names(sheet, header)
        yield [name for name in names if name is not None]
        chosen = _chosen(request, names)
        say_what_is_left_out(sheet, header, names, chosen)
        if request.options.get("dates", "refuse") == "refuse":
            refuse_stray_dates(sheet, header, _text_columns(request, chosen))
        if chosen:
            for batch in _batches(request, sheet, header + 1, chosen):
                source.check_unchanged()
                yield batch
            source.check_unchanged()


def _opened(request: ImportRequest, content: bytes) -> Sheet:
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError
    except ImportError as error:
        raise CalamineMissing(file=request.path) from error
    _refuse_other_content(request.path, content[:_LOOK])
    try:
        check_open(content)
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        name = _sheet_name(request, book)
        found = book.get_sheet_by_name(name)
        rows = found.to_python(skip_empty_area=False)
        faults = faulty_cells(content, name, book.sheet_names.index(name))
        return Sheet(request.path, name, rows, faults, found.merged_cell_ranges or ())
    except (PasswordNeeded, PasswordError) as error:
        raise SourceUnreadable(
            request.path,
            "The workbook is protected by a password.",
            hint="Open it in a spreadsheet and save a copy without a password.",
        ) from error
    except BaseException as error:
        # calamine ends with an exception of its own kind, which no module names, where it meets what it did not expect.
        known = isinstance(error, (CalamineError, *_DAMAGE)) or type(error).__name__ == "PanicException"
        if isinstance(error, UsrError) or not known:
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceUnreadable(
            request.path, f"The file is not a workbook that can be read: {reason}.", hint=_FORMAT_HINT
        ) from error


def _refuse_other_content(path: Path, start: bytes) -> None:
    """Refuse a file that is not a workbook: many instruments export text or web pages with the ending .xls."""
    if is_workbook(start):
        return
    other = other_content(start)
    if other is not None and other.line is not None:
        hint = f"{other.hint} A table that a program wrote as a page: open it in a spreadsheet, and save it as .xlsx."
        raise SourceUnreadable(path, other.reason, hint=hint, line=other.line)
    if other is not None:
        raise SourceUnreadable(path, other.reason, hint=other.hint)
    reason, hint = "The file is not a workbook.", _FORMAT_HINT
    if not start:
        reason = "The file is empty."
    elif start.isascii() and b"\0" not in start:
        reason = "The file is not a workbook but text."
        found = text_format(start)
        importer = found[1] if found is not None else "tsv" if b"\t" in start else "csv"
        hint = f"Read it as what it is: --from {importer}."
    raise SourceUnreadable(path, reason, hint=hint)


def _sheet_name(request: ImportRequest, book: CalamineWorkbook) -> str:
    names = book.sheet_names
    wanted = request.options.get("sheet")
    if wanted is None:
        if len(names) > 1:
            note = f"The first sheet of {len(names)} is read: {names[0]} (--option sheet=NAME reads another)."
            print(f"{request.path}: {note}", file=sys.stderr)
        wanted = "1" if names else None
    text = str(wanted)
    if text in names:
        return text
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return names[int(text) - 1]
    raise SourceUnreadable(
        request.path,
        f"The workbook has no sheet {text!r}." if names else "The workbook has no sheets.",
        hint=f"Give --option sheet=NAME, with one of: {', '.join(names)}." if names else _FORMAT_HINT,
    )


def _names(sheet: Sheet, header: int) -> list[str | None]:
    values = sheet.values(header)
    for row, column in sheet.faults:
        if row == header:
            sheet.check(row, column, record=None, name=None)
    return [spelled(value) for value in values]


def _chosen(request: ImportRequest, names: Sequence[str | None]) -> dict[str, int]:
    """Return the columns that are wanted and there, by name, in the order wanted."""
    counts = Counter(names)
    wanted = [name for name in names if name is not None] if request.columns is None else request.columns
    for name in wanted:
        if counts[name] > 1:
            raise RepeatedColumn(request.path, name)
    return {name: names.index(name) for name in wanted if name in counts}


def _text_columns(request: ImportRequest, chosen: Mapping[str, int]) -> dict[str, int]:
    kinds = {name: request.types.get(name) for name in chosen}
    return {name: chosen[name] for name, kind in kinds.items() if kind is None or pa.types.is_string(kind)}


def _batches(request: ImportRequest, sheet: Sheet, first: int, chosen: Mapping[str, int]) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([(name, pa.string()) for name in chosen])
    kinds = [request.types.get(name) for name in chosen]
    held, size, record = list[list[str | None]](), 0, 0
    for row in range(first, sheet.height):
        if sheet.is_blank(row):
            continue
        record += 1
        values = sheet.values(row)
        if row in sheet.faulty_rows:
            for name, column in chosen.items():
                sheet.check(row, column, record=record, name=name)
        texts = [spelled(values[column], kind) for column, kind in zip(chosen.values(), kinds, strict=True)]
        held.append(texts)
        size += sum(len(text or "") + 5 for text in texts)
        if size >= request.batch_bytes:
            yield _batch(held, schema)
            held, size = [], 0
    if held:
        yield _batch(held, schema)


def _batch(rows: Sequence[Sequence[str | None]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
