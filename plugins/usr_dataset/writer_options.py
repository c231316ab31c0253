"""What ``--writer-option NAME=VALUE`` says."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api.commands import UsageError

__all__ = ["split_options"]


def split_options(texts: Iterable[str]) -> dict[str, str]:
    """Return options by name, in their order; a value may hold ``=``.

    Raises:
        UsageError: A text has no ``=``, or a name is empty or given twice.
    """
    options: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(
                "--writer-option takes NAME=VALUE",
                hint="Write it as --writer-option name=value.",
                facts={"value": text},
            )
        if name in options:
            raise UsageError(
                f"the writer's option {name!r} is given twice", hint="Give it once.", facts={"value": text}
            )
        options[name] = value
    return options
