"""Every error class of the core and of the built-in plugins, found by importing all their modules."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import usr_core
from usr_core.errors import UsrError

__all__ = ["coded_errors", "error_fields"]

_PLUGINS = Path(usr_core.__file__).parent.parent / "plugins"


def coded_errors() -> dict[str, list[type[UsrError]]]:
    """Return the error classes by code; a class that only groups others is under its parent's code as well."""
    for name in _modules():
        importlib.import_module(name)
    found: dict[str, list[type[UsrError]]] = {}
    for kind in _below(UsrError):
        if "code" in vars(kind) and kind.__module__.split(".")[0].startswith("usr_"):
            found.setdefault(kind.code, []).append(kind)
    return dict(sorted(found.items()))


def error_fields(kind: type[UsrError], *, with_hint: bool) -> set[str]:
    """Return the names that the templates of `kind` show, those of its hint only where no other hint is given."""
    shown = [form or f"{{{key}}}" for key, _, form in (one.partition("=") for one in kind.shown)]
    forms = [kind.template, *shown, *([kind.hint_template] if with_hint else [])]
    fields = [field for form in forms for _, field, _, _ in Formatter().parse(form) if field]
    return {field.partition(".")[0].partition("[")[0] for field in fields}


def _modules() -> Iterator[str]:
    packages = [("usr_core", usr_core.__path__)]
    packages += [(place.name, [str(place)]) for place in sorted(_PLUGINS.glob("usr_*"))]
    for package, path in packages:
        yield package
        for module in pkgutil.walk_packages(path, f"{package}."):
            yield module.name


def _below(kind: type[UsrError]) -> Iterator[type[UsrError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)
