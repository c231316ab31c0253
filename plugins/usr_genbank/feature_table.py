"""The feature table of GenBank and EMBL, which is the same in both behind the first columns: read and written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from usr_genbank.record import Feature

__all__ = ["feature_lines", "read_features", "read_table"]

_WIDTH = 58
"""Letters of a line behind the 21 columns in front."""
_UNQUOTED = frozenset(
    {
        *("anticodon", "citation", "codon_start", "compare", "direction", "estimated_length", "mod_base", "number"),
        *("rpt_type", "rpt_unit_range", "tag_peptide", "transl_except", "transl_table"),
    }
)
_JOINED = frozenset({"translation"})

_INDENT = r"\n {21}"
_ENTRY = re.compile(
    rf" {{5}}(\S++) ++([^\n]*+(?:{_INDENT}[^/\s][^\n]*+)*+)\n|"
    rf' {{21}}/([^="\n]*+)(="(?:[^"\n]++|""|{_INDENT})*+" *|=[^"\n][^\n]*+|)\n|'
    r"([^\n]*+\n)"
)
"""A feature with its location, or a qualifier with its value, as nearly all are written, or any other line.

It takes whole lines, and leaves none out.
"""


def read_table(text: str) -> list[Feature]:
    """Read a table from its text, with the prefix of five blanks.

    Raises:
        ValueError: It begins with something else than a feature.
    """
    features: list[Feature] = []
    add: Callable[[tuple[str, str | None]], None] | None = None
    for kind, location, key, value, other in _ENTRY.findall(text + "\n"):
        if kind:
            plain = location.isprintable() and " " not in location
            feature = Feature(kind, location if plain else _location(location))
            features.append(feature)
            add = feature.qualifiers.append
        elif other or add is None:
            return read_features(line[5:] if line[:5].isspace() else line.lstrip() for line in text.split("\n"))
        elif not value:
            add((key.rstrip(), None))
        elif value[1:2] == '"':
            quoted = value.rstrip(" ")[2:-1]
            add((key, _unquoted(key, quoted) if '"' in quoted or "\n" in quoted else quoted))
        else:
            add((key, value[1:].rstrip()))
    return features


def _location(text: str) -> str:
    """Return the location of several lines, or with blanks in it."""
    if "\n" in text:
        first, *lines = text.split("\n")
        text = first.rstrip() + "".join(map(str.strip, lines))
    return text.rstrip().replace(" ", "")


def _unquoted(key: str, value: str) -> str:
    if "\n" in value:
        first, *lines, last = value.split("\n")
        parts = [first.rstrip(), *filter(None, map(str.strip, lines)), last.lstrip()]
        value = ("" if key in _JOINED else " ").join(parts)
    return value.replace('""', '"') if '""' in value else value


def read_features(lines: Iterable[str]) -> list[Feature]:
    """Read a table from its lines without the prefix of five columns; blank lines are skipped."""
    features: list[Feature] = []
    text: list[str] = []  # of the qualifier that is being read
    is_open = False  # whether its value has a quote that is not closed
    for line in lines:
        content = line.strip()
        if not content:
            continue
        if not line[0].isspace():
            _end_qualifier(features, text)
            kind, _, location = content.partition(" ")
            features.append(Feature(kind, location.replace(" ", "")))
        elif not features:
            raise ValueError(content)
        elif text and is_open:
            text.append(content)
            is_open = content.count('"') % 2 == 0
        elif content.startswith("/"):
            _end_qualifier(features, text)
            text.append(content)
            is_open = _is_open(content)
        elif text:
            text.append(content)
            is_open = _is_quoted(text[0]) and content.count('"') % 2 == 1
        else:
            features[-1].location += content.replace(" ", "")
    _end_qualifier(features, text)
    return features


def _is_quoted(qualifier: str) -> bool:
    return qualifier[qualifier.find("=") :].startswith('="')


def _is_open(qualifier: str) -> bool:
    return _is_quoted(qualifier) and qualifier.count('"') % 2 == 1


def _end_qualifier(features: list[Feature], text: list[str]) -> None:
    if not text:
        return
    key, equals, value = text[0][1:].partition("=")
    if len(text) > 1:
        whole = ("" if key in _JOINED else " ").join(text)
        _, equals, value = whole.partition("=")
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('""', '"')
    features[-1].qualifiers.append((key, value if equals else None))
    text.clear()


def feature_lines(features: Iterable[Feature]) -> Iterator[str]:
    """Yield the lines of a table without the prefix of five columns."""
    for feature in features:
        first, *more = _location_lines(feature.location)
        yield f"{feature.type:<15} {first}"
        yield from (" " * 16 + line for line in more)
        for key, value in feature.qualifiers:
            yield from (" " * 16 + line for line in _qualifier_lines(key, value))


def _location_lines(location: str) -> list[str]:
    lines = [""]
    for part in re.findall(r"[^,]+,?|,", location):
        if lines[-1] and len(lines[-1]) + len(part) > _WIDTH:
            lines.append("")
        lines[-1] += part
    return lines


def _qualifier_lines(key: str, value: str | None) -> Iterator[str]:
    if value is None:
        yield f"/{key}"
        return
    plain = key in _UNQUOTED and value and " " not in value and not value.startswith('"')
    text = f"/{key}={value}" if plain else f'/{key}="{value.replace(chr(34), chr(34) * 2)}"'
    if key in _JOINED:
        yield from (text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH))
        return
    while len(text) > _WIDTH:
        # A line ends where there is one blank: it is read back as one. A longer word stays whole.
        breaks = [found.start() for found in re.finditer(r"(?<=\S) (?=\S)", text)]
        fitting = [place for place in breaks if place <= _WIDTH]
        if not breaks:
            break
        place = fitting[-1] if fitting else breaks[0]
        yield text[:place]
        text = text[place + 1 :]
    yield text
