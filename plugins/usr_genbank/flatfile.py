"""One record of a GenBank or EMBL file, from its text: nothing is guessed, and what was written is kept.

Biopython loses ``circular`` from a LOCUS line with a long name, the order of qualifiers, the text of locations and the
case of letters, and gb-io turns ``order()`` into ``join()``; so the lines are read here.
"""

from __future__ import annotations

import re

from usr_genbank.feature_table import read_features, read_table
from usr_genbank.record import Feature, FlatRecord

__all__ = ["FlatFileFault", "read_embl", "read_genbank"]

_LOCUS = re.compile(r"LOCUS\s+(?:(?P<name>.*\S)\s+)?(?P<length>\d{1,18}) +(?P<unit>bp|aa)\b(?P<rest>.*)", re.IGNORECASE)
_DATE = re.compile(r"\d{1,2}-[A-Za-z]{3}-\d{4}")
_MOLECULE = re.compile(r"(?:[a-z]+-)?[a-z]*(?:DNA|RNA|PRT|PROTEIN)", re.IGNORECASE)
_TABLE = re.compile(r"\nFEATURES(?!\S)[^\n]*+((?:\n(?:[^\S\n][^\n]*+)?(?=\n|\Z))*+)")
_NOT_LETTERS = dict.fromkeys(map(ord, "0123456789 \t\n"))


class FlatFileFault(ValueError):
    """A line that can't be read; its number within the record, from 0, and what to do."""

    def __init__(self, reason: str, *, line: int, hint: str) -> None:
        super().__init__(reason)
        self.reason, self.line, self.hint = reason, line, hint


def read_genbank(text: str) -> FlatRecord:
    """Read a record from its LOCUS line to the line before ``//``.

    Raises:
        FlatFileFault: Its LOCUS line has no length, or its feature table does not begin with a feature.
    """
    head, origin, letters = _split(text, "ORIGIN")
    record = _read_locus(head.partition("\n")[0])
    head, record.features = _without_tables(head)
    for key, body in _sections(head.split("\n"), 12):
        joined = " ".join(" ".join(body).split())
        if key == "DEFINITION":
            record.definition = joined
        elif key == "ACCESSION":
            record.accession = joined or None
        elif key == "VERSION":
            record.version = joined or None
        elif key == "KEYWORDS":
            record.keywords = _keywords(joined)
        elif key == "ORGANISM":
            record.organism = body[0].strip() or None
            record.taxonomy = _keywords(" ".join(body[1:]))
        elif key == "COMMENT":
            record.comment = "\n".join(filter(None, [record.comment, "\n".join(body).rstrip()]))
        elif key in ("CONTIG", "WGS", "TSA"):
            record.contig = True
    record.sequence = _letters(letters) if origin else ""
    return record


def _split(text: str, word: str) -> tuple[str, bool, str]:
    head, found, rest = text.partition(f"\n{word}")
    return head, bool(found), rest


def _read_locus(line: str) -> FlatRecord:
    found = _LOCUS.fullmatch(line.rstrip())
    if found is None:
        hint = "It gives a name, a length in bp or aa, and what the molecule is."
        raise FlatFileFault("The LOCUS line gives no length.", line=0, hint=hint)
    record = FlatRecord(name=found["name"], declared=int(found["length"]), protein=found["unit"].lower() == "aa")
    for word in found["rest"].split():
        if word.lower() in ("linear", "circular"):
            record.topology = word.lower()
        elif _DATE.fullmatch(word):
            record.date = word
        elif _MOLECULE.fullmatch(word) and record.molecule_type is None:
            record.molecule_type = word
        elif len(word) == 3 and word.isalpha() and word.isupper():
            record.division = word
    return record


def _sections(lines: list[str], indent: int) -> list[tuple[str, list[str]]]:
    """Return keyword and text lines of each section."""
    sections: list[tuple[str, list[str]]] = []
    for line in lines:
        keyword = line[:indent].strip()
        if keyword and (not line[0].isspace() or (keyword.isupper() and sections)):
            word = line.split(None, 1)[0]
            sections.append((word, [line.strip()[len(word) :].strip()]))
        elif sections:
            sections[-1][1].append(line[indent:].rstrip())
    return sections


def _keywords(text: str) -> list[str]:
    return [word for word in (part.strip() for part in text.strip().removesuffix(".").split(";")) if word]


def _without_tables(head: str) -> tuple[str, list[Feature]]:
    """Return the text without its feature tables, and the features of the last one."""
    features: list[Feature] = []
    rest, place = [], 0
    for found in _TABLE.finditer(head):
        rest.append(head[place : found.start()])
        place = found.end()
        try:
            features = read_table(found[1][1:])
        except ValueError as error:
            raise _no_feature(head.count("\n", 0, found.start(1)) + 1) from error
    return "".join([*rest, head[place:]]), features


def _no_feature(line: int) -> FlatFileFault:
    return FlatFileFault(
        "The feature table begins with something else than a feature.",
        line=line,
        hint="A feature's type begins in column 6, its location in column 22.",
    )


def _letters(text: str) -> str:
    letters = text.partition("\n")[2]
    if letters.isascii():
        return letters.encode("ascii").translate(None, b"0123456789 \t\n").decode("ascii")
    return letters.translate(_NOT_LETTERS)


def read_embl(text: str) -> FlatRecord:
    """Read a record from its ID line to the line before ``//``.

    Raises:
        FlatFileFault: Its ID line has no length, or its feature table does not begin with a feature.
    """
    head, found, letters = _split(text, "SQ ")
    lines = head.split("\n")
    record = _read_id(lines[0])
    texts: dict[str, list[str]] = {}
    for line in lines[1:]:
        texts.setdefault(line[:2], []).append(line[5:].rstrip())
    record.accession = " ".join(texts.get("AC", [])).rstrip(" ;") or record.accession
    record.definition = " ".join(texts["DE"]) if "DE" in texts else None
    record.keywords = _keywords(" ".join(texts.get("KW", [])))
    record.organism = " ".join(texts["OS"]) if "OS" in texts else None
    record.taxonomy = _keywords(" ".join(texts.get("OC", [])))
    record.comment = "\n".join(texts["CC"]) if "CC" in texts else None
    dates = [date[0] for line in texts.get("DT", []) if (date := _DATE.match(line))]
    record.date = dates[-1] if dates else None
    record.contig = "CO" in texts
    try:
        record.features = read_features(texts.get("FT", []))
    except ValueError as error:
        raise _no_feature(next(at for at, line in enumerate(lines) if line[:2] == "FT")) from error
    record.sequence = _letters(letters) if found else ""
    return record


def _read_id(line: str) -> FlatRecord:
    length = re.search(r"(?<!\d)(\d{1,18}) (BP|AA)\.?\s*$", line, re.IGNORECASE)
    if length is None:
        raise FlatFileFault("The ID line gives no length.", line=0, hint="It ends in a number and BP or AA.")
    name, *fields = [field.strip() for field in line[2 : length.start()].split(";")]
    record = FlatRecord(name=name or None, declared=int(length[1]), protein=length[2].upper() == "AA")
    for word in filter(None, fields):
        if word.startswith("SV "):
            record.version = f"{name}.{word[3:]}" if word[3:].isdigit() else word[3:]
        elif word.lower() in ("linear", "circular"):
            record.topology = word.lower()
        elif _MOLECULE.fullmatch(word) or word.endswith((" DNA", " RNA")):
            record.molecule_type = word
        elif len(word) == 3 and word.isupper() and word != "STD":
            record.division = word
    return record
