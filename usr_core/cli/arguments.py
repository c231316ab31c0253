"""A look at the command line before Typer: root options that decide about plugins, and the first words.

Which plugin to import has to be known before there is an application that could parse anything. What is
not understood here is left to Typer, which reports it.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import NamedTuple

__all__ = ["COMPLETION_VARIABLE", "LeadingArguments", "drop_lone_equals", "read_leading"]

COMPLETION_VARIABLE = "_USR_COMPLETE"

_WITH_VALUE = frozenset({"--root", "--remotes-config", "--disable-plugin", "--lock-timeout"})
_FLAGS = frozenset({"--debug", "--no-plugins"})
_ANSWERS = frozenset({"-h", "--help", "--version", "--install-completion", "--show-completion"})


class LeadingArguments(NamedTuple):
    """What stands before, and at, the command's name.

    Attributes:
        words: The command's words as far as they are known: ``()``, ``("ls",)``, ``("maintenance", "dedupe")``.
            Under shell completion the word being typed is not among them.
        answers: True where ``--help``, ``--version`` or the like stands before any command.
        completing: True where a shell asks for completions.
    """

    words: tuple[str, ...] = ()
    debug: bool = False
    no_plugins: bool = False
    disabled: tuple[str, ...] = ()
    answers: bool = False
    completing: bool = False


def read_leading(argv: Sequence[str], environ: Mapping[str, str]) -> LeadingArguments:
    """Read the leading part of `argv` (without the program), or of what a shell is completing."""
    completing = environ.get(COMPLETION_VARIABLE, "").startswith("complete_")
    rest = _completed_words(environ) if completing else list(argv)
    disabled: list[str] = []
    flags: set[str] = set()
    while rest and rest[0].startswith("-") and rest[0] != "-":
        option, equals, value = rest.pop(0).partition("=")
        if option == "--":
            break
        if option in _WITH_VALUE:
            if not equals:
                if not rest:
                    break
                value = rest.pop(0)
            if option == "--disable-plugin":
                disabled.append(value)
        elif option in _FLAGS or option in _ANSWERS:
            flags.add(option)
        else:
            rest = []
    return LeadingArguments(
        words=_words(rest),
        debug="--debug" in flags,
        no_plugins="--no-plugins" in flags,
        disabled=tuple(disabled),
        answers=bool(flags & _ANSWERS),
        completing=completing,
    )


def drop_lone_equals(environ: MutableMapping[str, str]) -> None:
    """Take out of the line that bash is completing what it makes of ``--root=X``: a word ``=`` of its own."""
    words = environ.get("COMP_WORDS", "").split("\n" if "\n" in environ.get("COMP_WORDS", "") else None)
    at = environ.get("COMP_CWORD", "")
    if "=" in words and at.isdecimal():
        environ["COMP_CWORD"] = str(int(at) - words[: int(at)].count("="))
        environ["COMP_WORDS"] = "\n".join(word for word in words if word != "=")


def _words(rest: Sequence[str]) -> tuple[str, ...]:
    if not rest:
        return ()
    if len(rest) > 1 and not rest[1].startswith("-"):
        return (rest[0], rest[1])
    return (rest[0],)


def _completed_words(environ: Mapping[str, str]) -> list[str]:
    """Return the words before the one being typed, as the completion scripts of each shell hand them over."""
    import shlex

    text = environ.get("_TYPER_COMPLETE_ARGS") or environ.get("COMP_WORDS", "")
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    if "COMP_CWORD" in environ:
        try:
            return words[1 : int(environ["COMP_CWORD"])]
        except ValueError:
            return []
    typing = bool(text) and not text[-1].isspace()
    return words[1:-1] if typing else words[1:]
