"""How a table of text is written: what the options say, and what follows from a file's ending."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from usr_core.api import OptionInvalid

__all__ = ["TAB", "Dialect", "delimiter_of", "delimiter_spelling", "delimiter_word"]

TAB = "\t"
_TAB_SPELLINGS = ("tab", "\\t")
_TAB_SUFFIXES = (".tsv", ".tab")
_WORDS = {",": "commas", ";": "semicolons", TAB: "tabs", "|": "vertical bars"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a file is read.

    Attributes:
        delimiter: One letter between two cells.
        chosen: Whether the delimiter was asked for; else the ending says it.
        decimal: What stands before the fraction of a number: a point or a comma.
        encoding: Of the text, by any name that Python knows.
        nulls: What means null where it is not quoted, besides the empty cell.
        comment: Lines that begin with this letter are left out; empty where there are none.
        skip_rows: Lines at the beginning that are left out.
    """

    delimiter: str = ","
    chosen: bool = False
    decimal: str = "."
    encoding: str = "utf-8"
    nulls: tuple[str, ...] = ()
    comment: str = ""
    skip_rows: int = 0

    @classmethod
    def of(cls, path: Path, options: Mapping[str, object], *, delimiter: str | None = None) -> Dialect:
        """Return how a file is read.

        Args:
            path: Its ending says the delimiter where neither the options nor `delimiter` do.
            options: The importer's, in their types.
            delimiter: That of the format, where the ending does not matter.

        Raises:
            OptionInvalid: An option has no meaning, alone or beside another.
        """
        given = options.get("delimiter")
        dialect = cls(
            delimiter=delimiter_of(given) if given is not None else delimiter or _by_ending(path),
            chosen=given is not None,
            decimal=str(options.get("decimal", ".")),
            encoding=_encoding(str(options.get("encoding", "utf-8"))),
            nulls=tuple(text for text in str(options.get("null", "")).split(",") if text),
            comment=str(options.get("comment", "")),
            skip_rows=int(str(options.get("skip_rows", 0))),
        )
        if dialect.decimal not in (".", ","):
            raise _refused("decimal", dialect.decimal, "It is a point or a comma.", "decimal=,")
        if dialect.comment and not _one_sign(dialect.comment, besides=dialect.delimiter):
            reason = "Comments begin with one ASCII sign, which is neither the delimiter nor a quote."
            raise _refused("comment", dialect.comment, reason, "comment=#")
        if dialect.skip_rows < 0:
            raise _refused(
                "skip_rows", str(dialect.skip_rows), "It is the number of lines to leave out.", "skip_rows=2"
            )
        return dialect

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes are UTF-8 as they are."""
        return self.encoding == "utf-8"


def delimiter_of(given: object) -> str:
    """Return the delimiter that an option names; ``tab`` is a tab.

    Raises:
        OptionInvalid: It is not one ASCII sign, or is a letter, a digit, a quote or a line end.
    """
    text = str(given)
    text = TAB if text.lower() in _TAB_SPELLINGS else text
    if not _one_sign(text):
        reason = "A delimiter is one ASCII sign, or tab; no letter, digit, quote, blank, point, + or -."
        raise _refused("delimiter", text, reason, "delimiter=tab")
    return text


def delimiter_spelling(delimiter: str) -> str:
    """Return the option as it is typed in a shell."""
    return "--option delimiter=tab" if delimiter == TAB else f'--option "delimiter={delimiter}"'


def delimiter_word(delimiter: str) -> str:
    """Return what such delimiters are called."""
    return _WORDS.get(delimiter, repr(delimiter))


def _by_ending(path: Path) -> str:
    # A compressed file has one more.
    return TAB if any(suffix.lower() in _TAB_SUFFIXES for suffix in path.suffixes[-2:]) else ","


def _one_sign(text: str, *, besides: str = "") -> bool:
    if len(text) != 1 or not text.isascii() or text.isalnum():
        return False
    return text == TAB or (text.isprintable() and text not in f' "+-.{besides}')


def _encoding(name: str) -> str:
    """Return an encoding's own name; ASCII is UTF-8, and so is what has a byte order mark."""
    try:
        found = codecs.lookup(name)
        if not found._is_text_encoding:
            raise LookupError
    except LookupError:
        raise _refused("encoding", name, "There is no such encoding.", "encoding=latin-1") from None
    return "utf-8" if found.name in ("utf-8", "utf-8-sig", "ascii") else found.name


def _refused(option: str, value: str, reason: str, example: str) -> OptionInvalid:
    return OptionInvalid(
        f"The option {option!r} can't be {value!r}. {reason}",
        hint=f"Give for example --option {example}.",
        facts={"option": option, "value": value},
    )
