"""The strict parser of type texts, and the splitter of column lists."""

from __future__ import annotations

import re

from usr_core.errors import near_names, visible
from usr_core.registry.errors import ColumnSpecError, TypeSyntaxError
from usr_core.registry.types import (
    FIELD_NAME,
    MAX_DEPTH,
    MAX_LIST_SIZE,
    UNITS,
    ColumnType,
    FixedSizeListType,
    ListType,
    PrimitiveType,
    StructField,
    StructType,
    TimestampType,
    is_time_zone,
)

__all__ = ["TypeParser", "parse_type", "split_columns"]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]+")
_ZONE = re.compile(r"[A-Za-z0-9_+/:-]+")
_BLANK = " \t\r\n"
_OPENING, _CLOSING = "<[", ">]"
_OTHER_NAMES = {  # what the same is called in Python, SQL or pandas
    "boolean": "bool",
    "bytes": "binary",
    "date": "date32",
    "datetime": "timestamp[us]",
    "double": "float64",
    "float": "float64",
    "int": "int64",
    "integer": "int64",
    "number": "float64",
    "object": "string",
    "str": "string",
    "text": "string",
    "varchar": "string",
}


class TypeParser:
    """Reads one type from a text, once.

    Args:
        text: The whole text; nothing may follow the type.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parse(self) -> ColumnType:
        """Return the type.

        Raises:
            TypeSyntaxError: The text is not a type.
        """
        found = self._type(depth=1)
        self._skip_blanks()
        if self._at < len(self._text):
            raise self._error("nothing may follow the type")
        return found

    def _type(self, *, depth: int) -> ColumnType:
        if depth > MAX_DEPTH:
            raise self._error(f"types nest at most {MAX_DEPTH} deep")
        start, word = self._at, self._match(_WORD, "a type is missing")
        if word in PrimitiveType.NAMES:
            return PrimitiveType(word)
        if word == "timestamp":
            return self._timestamp()
        if word == "list":
            return ListType(self._item(depth))
        if word == "fixed_size_list":
            return FixedSizeListType(self._item(depth), self._size())
        if word == "struct":
            return self._struct(depth)
        self._at = start
        self._skip_blanks()
        meant = _OTHER_NAMES.get(word.lower())
        near = [meant] if meant else near_names(word, sorted(PrimitiveType.NAMES))
        raise TypeSyntaxError(self._text, position=self._at, reason=f"there is no type {word!r}", meant=near)

    def _timestamp(self) -> ColumnType:
        self._sign("[")
        start, unit = self._at, self._match(_WORD, "a unit is missing")
        if unit not in UNITS:
            self._at = start
            raise self._error(f"the unit is one of {', '.join(UNITS)}")
        zone = None
        if self._peek() == ",":
            self._sign(",")
            start, zone = self._at, self._match(_ZONE, "a time zone is missing")
            if not is_time_zone(zone):
                self._at = start
                self._skip_blanks()
                raise self._error(f"the time zone {zone!r} is unknown")
        self._sign("]")
        return TimestampType(unit, zone)

    def _item(self, depth: int) -> ColumnType:
        self._sign("<")
        item = self._type(depth=depth + 1)
        self._sign(">")
        return item

    def _size(self) -> int:
        self._sign("[")
        start, digits = self._at, self._match(_NUMBER, "a number of items is missing")
        # The length first: converting a million digits is slow, and refused by Python itself.
        if len(digits.lstrip("0")) > 10 or not 1 <= int(digits) <= MAX_LIST_SIZE:
            self._at = start
            raise self._error("the number of items is from 1 to 2^31-1")
        self._sign("]")
        return int(digits)

    def _struct(self, depth: int) -> ColumnType:
        self._sign("<")
        fields: dict[str, StructField] = {}
        while True:
            start, name = self._at, self._match(FIELD_NAME, "a part's name is missing")
            if name in fields:
                self._at = start
                raise self._error(f"the name {name!r} is repeated")
            self._sign(":")
            fields[name] = StructField(name, self._type(depth=depth + 1))
            if self._peek() != ",":
                break
            self._sign(",")
        self._sign(">")
        return StructType(tuple(fields.values()))

    def _skip_blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in _BLANK:
            self._at += 1

    def _peek(self) -> str:
        self._skip_blanks()
        return self._text[self._at : self._at + 1]

    def _sign(self, sign: str) -> None:
        if self._peek() != sign:
            raise self._error(f"{sign!r} is missing")
        self._at += 1

    def _match(self, pattern: re.Pattern[str], reason: str) -> str:
        self._skip_blanks()
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._error(reason)
        self._at = found.end()
        return found.group()

    def _error(self, reason: str) -> TypeSyntaxError:
        return TypeSyntaxError(self._text, position=self._at, reason=reason)


def parse_type(text: str) -> ColumnType:
    """Parse a type; white space between its words and signs is free.

    Raises:
        TypeSyntaxError: It is not a type, nests deeper than `MAX_DEPTH`, has a list size outside
            1..2^31-1, repeats a struct's name, or names a time zone that this machine does not know.

    Example:
        >>> from usr_core.api.registry import parse_type
        >>> parse_type("list<struct<motif:string, at:int64>>").canonical()
        'list<struct<motif:string,at:int64>>'
        >>> parse_type("list<flaot64>")
        Traceback (most recent call last):
            ...
        usr_core.registry.errors.TypeSyntaxError: 'list<flaot64>' is not a type: there is no type 'flaot64' (at ...
    """
    return TypeParser(text).parse()


def split_columns(spec: str) -> list[tuple[str, str]]:
    """Split ``name:type,name:type`` into pairs, in order; commas inside ``<>`` and ``[]`` do not split.

    It is only checked that each name and each type is there.

    Raises:
        ColumnSpecError: The list is empty, or a piece has no name, no ``:`` or no type.

    Example:
        >>> from usr_core.api.registry import split_columns
        >>> split_columns("lab__gc:float64, lab__hits:list<struct<motif:string,at:int64>>")
        [('lab__gc', 'float64'), ('lab__hits', 'list<struct<motif:string,at:int64>>')]
    """
    if not spec.strip():
        raise ColumnSpecError(reason="No columns were given.")
    pairs: list[tuple[str, str]] = []
    for piece in _pieces(spec):
        name, colon, kind = (part.strip(_BLANK) for part in piece.partition(":"))
        if not piece.strip():
            raise ColumnSpecError(reason="A column is missing between two commas, or after the last one.")
        if not name:
            raise ColumnSpecError(reason=f"{piece.strip()!r} has no name before the ':'.", column=piece.strip())
        if not colon or not kind:
            wanted = f"{visible(name)}:TYPE, as in {visible(name)}:float64 or {visible(name)}:string"
            raise ColumnSpecError(reason=f"The column {name!r} has no type.", column=name, wanted=wanted)
        pairs.append((name, kind))
    return pairs


def _pieces(spec: str) -> list[str]:
    pieces, depth, start = [], 0, 0
    for position, letter in enumerate(spec):
        if letter in _OPENING:
            depth += 1
        elif letter in _CLOSING:
            depth -= 1
        elif letter == "," and depth <= 0:
            pieces.append(spec[start:position])
            start = position + 1
    return [*pieces, spec[start:]]
