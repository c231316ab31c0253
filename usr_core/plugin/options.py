"""Options of providers: what ``--option NAME=VALUE`` says, checked against what a provider takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from usr_core.errors import visible
from usr_core.plugin.errors import OptionInvalid
from usr_core.plugin.specs import OptionSpec

__all__ = ["as_option_spec", "option_line", "option_spelling", "option_values", "options_text"]

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def as_option_spec(option: OptionSpec | str) -> OptionSpec:
    """Return an option in full; writers of plugin API 1.0 give names alone, which are options of any text.

    Example:
        >>> from usr_core.api.plugins import as_option_spec
        >>> as_option_spec("factor").type.__name__
        'str'
    """
    return option if isinstance(option, OptionSpec) else OptionSpec(name=option)


def option_values(
    provider: str,
    options: Sequence[OptionSpec | str],
    given: Mapping[str, object],
    *,
    noun: str = "option",
    flags: Collection[str] = (),
) -> dict[str, object]:
    """Return the value of each option that has one: what was given, in the option's type, else its default.

    Args:
        provider: Whose options they are, for the message: ``importer csv``.
        options: What it takes.
        given: By name: texts, as on the command line, or values of the option's type.
        noun: What they are called: ``option``, or ``parameter`` of a function, which ``--param`` gives.
        flags: Those that a command has as flags of their own, for hints.

    Raises:
        OptionInvalid: There is no such option, or it takes no such value.

    Example:
        >>> width = OptionSpec(name="width", type=int, default=60)
        >>> option_values("exporter fasta", [width], {"width": "0"})
        {'width': 0}
        >>> option_values("exporter fasta", [width], {})
        {'width': 60}
    """
    known = {spec.name: spec for spec in map(as_option_spec, options)}
    for name in given:
        if name not in known:
            raise OptionInvalid(
                f"The {provider} takes no {noun} {visible(name)!r}.",
                hint=f"Use one of: {', '.join(known) or 'none'}.",
                facts={"option": visible(name)},
            )
    word = "param" if noun == "parameter" else noun
    spelled = {name: f"--{name.replace('_', '-')} " if name in flags else f"--{word} {name}=" for name in given}
    values = {name: _value(provider, known[name], value, noun, spelled[name]) for name, value in given.items()}
    defaults = {name: spec.default for name, spec in known.items() if spec.default is not None}
    return {**defaults, **values}


def option_spelling(spec: OptionSpec) -> str:
    """Return what may stand behind ``NAME=``: the choices, or the kind of value."""
    if spec.choices:
        return "|".join(map(str, spec.choices))
    return {bool: "true|false", int: "a whole number", float: "a number"}.get(spec.type, "text")


def option_line(spec: OptionSpec) -> str:
    """Return an option in one line: name, values, default and help.

    Example:
        >>> from usr_core.api import OptionSpec, option_line
        >>> option_line(OptionSpec(name="width", type=int, default=60, help="Letters a line"))
        'width=a whole number (60): Letters a line'
    """
    default = "" if spec.default is None else f" ({str(spec.default).lower() if spec.type is bool else spec.default})"
    return f"{spec.name}={option_spelling(spec)}{default}{f': {spec.help}' if spec.help else ''}"


def options_text(offered: Mapping[str, Sequence[OptionSpec]]) -> str:
    """Return the options of providers by their names, a line each; a provider without any has a line that says so.

    Example:
        >>> from usr_core.api import OptionSpec, options_text
        >>> print(options_text({"fasta": [OptionSpec(name="width", type=int, help="Letters a line")], "csv": []}))
        fasta width=a whole number: Letters a line
        csv takes no options
    """
    lines = []
    for name, options in offered.items():
        lines += [f"{name} {option_line(option)}" for option in options] or [f"{name} takes no options"]
    return "\n".join(lines)


def _value(provider: str, spec: OptionSpec, given: object, noun: str, spelled: str) -> object:
    """Return what was given in the option's type; `spelled` is what stands before the value on the command line.

    Raises:
        OptionInvalid: It can't be read so, or is none of the choices.
    """
    try:
        value = _READERS[spec.type](given)
        if not spec.choices or value in spec.choices:
            return value
    except ValueError:
        pass
    raise OptionInvalid(
        f"The {noun} {spec.name!r} of the {provider} can't be {visible(str(given))!r}.",
        hint=f"Give {spelled}{option_spelling(spec)}.",
        facts={"option": spec.name, "value": visible(str(given))},
    )


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise ValueError
    return given


def _boolean(given: object) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and given.lower() in _BOOLEANS:
        return _BOOLEANS[given.lower()]
    raise ValueError


def _whole(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        raise ValueError
    return int(given)


def _number(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        raise ValueError
    number = float(given)
    if not math.isfinite(number):
        raise ValueError
    return number


_READERS: Mapping[type, Callable[[object], object]] = {str: _text, bool: _boolean, int: _whole, float: _number}
