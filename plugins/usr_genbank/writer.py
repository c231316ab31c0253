"""GenBank and EMBL files from batches: what the importer reads from them is what was given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import pyarrow as pa

from usr_core.api import ExportRequest, ExportResult, UsrError, visible
from usr_core.api.arrow import bounded, to_json
from usr_genbank.feature_table import feature_lines
from usr_genbank.record import TYPES, Feature

__all__ = ["FlatFileExporter"]

_STEP_BYTES = 1 << 20
_WIDTH = 79
_PROTEIN = "protein"
_FORMS = {
    "molecule_type": re.compile(r"([a-z]+[ -])?[A-Za-z]*(DNA|RNA|PRT|PROTEIN)"),
    "topology": re.compile("linear|circular"),
    "division": re.compile("[A-Z]{3}"),
    "date": re.compile(r"\d{1,2}-[A-Za-z]{3}-\d{4}"),
}


class FlatFileExporter:
    """Writes a record for each row, with what the columns of ``genbank`` say of it; other columns are left out."""

    def __init__(self, kind: Literal["GenBank", "EMBL"]) -> None:
        self._kind = kind

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write the records; the ``id`` is the name of one that has no ``genbank__name``.

        Raises:
            UsrError: A column that is needed is not there or has another type, or a value can't be written so that
                it is read back.
            OSError: Writing failed.
        """
        columns = _columns(request.schema, self._kind)
        lines_of = _genbank if self._kind == "GenBank" else _embl
        rows = 0
        with request.open() as file:
            for batch in bounded(iter(batches), limit=_STEP_BYTES):
                values = {name: to_json(batch.column(name)) for name in columns}
                for index in range(batch.num_rows):
                    row = {name.removeprefix("genbank__"): cells[index] for name, cells in values.items()}
                    _check(row, rows + index + 1)
                    file.write("\n".join([*lines_of(row), "//\n"]).encode("utf-8"))
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


def _columns(schema: pa.Schema, kind: str) -> list[str]:
    if "sequence" not in schema.names or not {"id", "genbank__name"} & set(schema.names):
        raise UsrError(f"{kind} needs the columns sequence and id.", hint="Add them to --columns.")
    for name in schema.names:
        if name in TYPES and schema.field(name).type != TYPES[name]:
            raise UsrError(
                f"{kind} can't be written from a column {name} of the type {schema.field(name).type}.",
                hint="Leave the column out, or register it as the importer has it.",
                facts={"column": name},
            )
    return [name for name in schema.names if name in TYPES or name in ("id", "bio_type")]


def _check(row: Mapping[str, Any], number: int) -> None:
    """Refuse what would be read back as something else: line ends, and blanks where the format has no room for them."""
    for column, value in (*_bad_texts(row), *_bad_words(row), *_bad_features(row)):
        raise UsrError(
            "The value can't be written so that it is read back.",
            hint="Values have no line ends, no blanks at their ends, and only names and texts have any inside.",
            facts={"row": number, "column": f"genbank__{column}", "value": visible(repr(value))},
        )


def _bad_texts(row: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for column in ("name", "accession", "version", "definition", "organism"):
        value = row.get(column)
        if value is not None and not _is_line(value):
            yield column, value
    for column, form in _FORMS.items():
        value = row.get(column)
        if value is not None and not form.fullmatch(value):
            yield column, value


def _bad_words(row: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for column in ("keywords", "taxonomy"):
        for word in row.get(column) or ():
            if ";" in word or not _is_line(word):
                yield column, word


def _bad_features(row: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for feature in row.get("features") or ():
        for text in (feature["type"], feature["location"], *(item["key"] for item in feature["qualifiers"])):
            if not text or text.split() != [text]:
                yield "features", text
        for value in (item["value"] for item in feature["qualifiers"]):
            if value is not None and value.splitlines() not in ([], [value]):
                yield "features", value


def _is_line(text: str) -> bool:
    return bool(text) and " ".join(text.split()) == text


def _features(row: Mapping[str, Any]) -> Iterator[Feature]:
    for cells in row.get("features") or ():
        qualifiers = [(item["key"], item["value"]) for item in cells["qualifiers"]]
        yield Feature(cells["type"], cells["location"], qualifiers)


def _is_protein(row: Mapping[str, Any]) -> bool:
    return row.get("bio_type") == _PROTEIN


def _genbank(row: Mapping[str, Any]) -> Iterator[str]:
    yield _locus(row)
    if row.get("definition") is not None:
        yield from _wrapped("DEFINITION", row["definition"])
    for key in ("accession", "version"):
        if row.get(key) is not None:
            yield f"{key.upper():<12}{row[key]}"
    if row.get("keywords"):
        yield from _wrapped("KEYWORDS", "; ".join(row["keywords"]) + ".")
    if row.get("organism") or row.get("taxonomy"):
        organism = row.get("organism") or ""
        yield from (f"SOURCE      {organism}".rstrip(), f"  ORGANISM  {organism}".rstrip())
    if row.get("taxonomy"):
        yield from _wrapped("", "; ".join(row["taxonomy"]) + ".")
    if row.get("comment") is not None:
        first, *more = row["comment"].split("\n")
        yield from (f"{key:<12}{line}".rstrip() for key, line in [("COMMENT", first), *(("", line) for line in more)])
    if row.get("features"):
        yield "FEATURES             Location/Qualifiers"
        yield from (f"     {line}" for line in feature_lines(_features(row)))
    yield "ORIGIN"
    sequence = row["sequence"]
    for start in range(0, len(sequence), 60):
        yield f"{start + 1:>9} {_blocks(sequence[start : start + 60])}"


def _locus(row: Mapping[str, Any]) -> str:
    name, length = row.get("name") or row["id"], len(row["sequence"])
    strand, dash, molecule = (row.get("molecule_type") or "").split(" ")[-1].rpartition("-")
    parts = [
        f"LOCUS       {name:<16} {length:>{max(1, min(11, 27 - len(name)))}} {'aa' if _is_protein(row) else 'bp'}",
        f"{strand + dash:>3}{molecule:<6} ",
        f"{row.get('topology') or '':<8}",
        f"{row.get('division') or '':<3}",
        row.get("date") or "",
    ]
    return " ".join(parts).rstrip()


def _blocks(letters: str) -> str:
    return " ".join(letters[start : start + 10] for start in range(0, len(letters), 10))


def _wrapped(key: str, text: str) -> Iterator[str]:
    front, line = f"{key:<12}", ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 13 > _WIDTH:
            yield front + line
            front, line = " " * 12, word
        else:
            line = f"{line} {word}" if line else word
    yield (front + line).rstrip()


def _embl(row: Mapping[str, Any]) -> Iterator[str]:
    unit = "AA" if _is_protein(row) else "BP"
    name, version = row.get("name") or row["id"], row.get("version")
    fields = [
        name,
        *([f"SV {version.removeprefix(f'{name}.')}"] if version else []),
        *(row[key] for key in ("topology", "molecule_type", "division") if row.get(key)),
    ]
    yield f"ID   {'; '.join(fields)}; {len(row['sequence'])} {unit}."
    if row.get("accession") is not None:
        yield f"AC   {row['accession']};"
    if row.get("date") is not None:
        yield f"DT   {row['date']}"
    for key, column in (("DE", "definition"), ("OS", "organism")):
        if row.get(column) is not None:
            yield f"{key}   {row[column]}"
    for key, column in (("KW", "keywords"), ("OC", "taxonomy")):
        if row.get(column):
            yield f"{key}   {'; '.join(row[column])}."
    if row.get("comment") is not None:
        yield from (f"CC   {line}".rstrip() for line in row["comment"].split("\n"))
    if row.get("features"):
        yield "FH   Key             Location/Qualifiers"
        yield from (f"FT   {line}" for line in feature_lines(_features(row)))
    yield f"SQ   Sequence {len(row['sequence'])} {unit};"
    sequence = row["sequence"]
    for start in range(0, len(sequence), 60):
        part = sequence[start : start + 60]
        yield f"     {_blocks(part):<66}{start + len(part):>9}"
