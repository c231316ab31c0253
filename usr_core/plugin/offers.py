"""What hooks offer, checked field by field: a spec is a stranger's object, and a wrong one is told when it is offered.

A check raises `TypeError` or `ValueError` that says which field is wrong; it is called inside the isolation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from usr_core.errors import UsrError
from usr_core.plugin.answers import a_number, a_text, named, texts, whole_number
from usr_core.plugin.manifest import is_id
from usr_core.plugin.specs import MAX_TIMEOUT_S, OptionSpec
from usr_core.records.alphabets import ALPHABETS, AUTO, BIO_TYPES

__all__ = ["check_spec"]

_KEYS = ("id", "sequence", "sequence_norm", "sequence_ci")


def check_spec(kind: str, spec: Any) -> None:
    """Check the fields of a spec of this kind, which is an object of the kind's class.

    Raises:
        TypeError, ValueError: A field can't be used; the text names it.
    """
    name = a_text(spec.name, "name")
    if not name or not name.isprintable():
        raise ValueError("name has to be one printable line")
    a_text(spec.summary, "summary")
    if kind not in ("namespace", "alphabet") and not callable(spec.factory):
        raise TypeError(f"factory of {name!r} is {named(spec.factory)} and has to be callable")
    _CHECKS[kind](spec)


def _importer(spec: Any) -> None:
    for suffix in texts(spec.suffixes, "suffixes"):
        _suffix(suffix, "suffixes")
    _options(spec.options)
    if spec.namespace is not None:
        a_text(spec.namespace, "namespace")


def _exporter(spec: Any) -> None:
    _suffix(a_text(spec.suffix, "suffix"), "suffix")
    _flag(spec.streams, "streams")
    _flag(spec.binary, "binary")
    _options(spec.options)
    for suffix in texts(spec.suffixes, "suffixes"):
        _suffix(suffix, "suffixes")


def _overlay_writer(spec: Any) -> None:
    a_text(spec.namespace, "namespace")
    if a_text(spec.key, "key") not in _KEYS:
        raise ValueError(f"key is {spec.key!r} and has to be one of {', '.join(_KEYS)}")
    _options(spec.options, names_will_do=True)


def _verify(spec: Any) -> None:
    whole_number(spec.strength, "strength")
    texts(spec.needs, "needs")


def _transport(spec: Any) -> None:
    a_text(spec.scheme, "scheme")
    texts(spec.features, "features")
    texts(spec.settings, "settings")


def _event_sink(spec: Any) -> None:
    _flag(spec.required, "required")
    texts(spec.actions, "actions")
    if not 0 < a_number(spec.timeout_s, "timeout_s") <= MAX_TIMEOUT_S:
        raise ValueError(f"timeout_s has to be more than 0 and at most {MAX_TIMEOUT_S:g}")


def _namespace(spec: Any) -> None:
    from usr_core.registry.type_parser import parse_type

    if isinstance(spec.columns, (str, bytes, Mapping)):
        raise TypeError(f"columns is {named(spec.columns)} and has to be pairs of name and type")
    seen = set()
    for pair in spec.columns:
        if len(texts(pair, "an item of columns")) != 2:
            raise ValueError("an item of columns has to be a pair of name and type")
        column, spelling = pair
        if not column.startswith(f"{spec.name}__") or column in seen:
            raise ValueError(f"the column {column!r} is there twice, or does not begin with {spec.name}__")
        seen.add(column)
        try:
            parse_type(spelling)
        except UsrError as error:
            raise ValueError(f"the type of {column}: {error.message}") from error
    for field in ("owner", "description"):
        if getattr(spec, field) is not None:
            a_text(getattr(spec, field), field)


def _check(spec: Any) -> None:
    texts(spec.columns, "columns")
    at = texts(spec.at, "at")
    if not at or not {"validate", "import"}.issuperset(at):
        raise ValueError("at has to be a set of validate, import or both")
    if spec.namespace is not None:
        a_text(spec.namespace, "namespace")


def _alphabet(spec: Any) -> None:
    letters = a_text(spec.letters, "letters")
    if not is_id(spec.name) or spec.name in (*ALPHABETS, AUTO):
        raise ValueError(
            f"name is {spec.name!r}; it has lower-case letters, digits and _, and is none of USR's own alphabets"
        )
    if a_text(spec.bio_type, "bio_type") not in BIO_TYPES:
        raise ValueError(f"bio_type is {spec.bio_type!r} and has to be one of {', '.join(BIO_TYPES)}")
    if not letters or not (letters.isascii() and letters.isprintable()) or " " in letters:
        raise ValueError(f"letters is {letters!r} and has to be printable ASCII characters without a blank")
    if letters != letters.upper() or len(set(letters)) < len(letters):
        raise ValueError(f"letters is {letters!r}; each is given once, in upper case, and counts in either case")


def _suffix(suffix: str, field: str) -> None:
    if len(suffix) < 2 or suffix[0] != "." or "/" in suffix or not suffix.isprintable():
        raise ValueError(f"{field} holds {suffix!r}; an ending begins with a point and has no /")


def _executor(spec: Any) -> None:
    _options(spec.options)
    _flag(spec.detached, "detached")


def _function(spec: Any) -> None:
    from usr_core.registry.type_parser import parse_type

    if not is_id(spec.name):
        raise ValueError(f"name is {spec.name!r}; it has lower-case letters, digits and _, beginning with a letter")
    texts(spec.columns, "columns")
    _options(spec.params)
    if a_text(spec.type, "type"):
        try:
            parse_type(spec.type)
        except UsrError as error:
            raise ValueError(f"type: {error.message}") from error


def _options(options: object, *, names_will_do: bool = False) -> None:
    if isinstance(options, (str, bytes, Mapping)) or not isinstance(options, Iterable):
        raise TypeError(f"options is {named(options)} and has to be a tuple of OptionSpec")
    seen: set[str] = set()
    for given in options:
        if not isinstance(given, OptionSpec) and not names_will_do:
            raise TypeError(f"options holds {named(given)}; OptionSpec is wanted")
        option = given if isinstance(given, OptionSpec) else OptionSpec(name=a_text(given, "an item of options"))
        name = a_text(option.name, "the name of an option")
        if not name or "=" in name or not name.isprintable() or " " in name:
            raise ValueError(f"options holds {name!r}; a name has no blank and no =")
        if name in seen:
            raise ValueError(f"options holds {name!r} twice")
        seen.add(name)
        a_text(option.help, f"the help of the option {name!r}")
        if option.type not in (str, bool, int, float):
            raise TypeError(f"the type of the option {name!r} has to be str, bool, int or float")
        values = (*option.choices, *(() if option.default is None else (option.default,)))
        if any(type(value) is not option.type for value in values):
            raise TypeError(f"the default and the choices of the option {name!r} have to be of its type")
        if option.default is not None and option.choices and option.default not in option.choices:
            raise ValueError(f"the default of the option {name!r} is none of its choices")


def _flag(value: object, field: str) -> None:
    if value is not True and value is not False:
        raise TypeError(f"{field} is {named(value)} and has to be True or False")


_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "importer": _importer,
    "exporter": _exporter,
    "overlay_writer": _overlay_writer,
    "verify": _verify,
    "transport": _transport,
    "event_sink": _event_sink,
    "namespace": _namespace,
    "check": _check,
    "alphabet": _alphabet,
    "health_check": lambda _: None,
    "executor": _executor,
    "function": _function,
}
