"""Names that a module re-exports and loads only when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["lazy_names"]


def lazy_names(module: str, places: Mapping[str, str]) -> tuple[Callable[[str], object], list[str]]:
    """Return a module's ``__getattr__`` and ``__all__``.

    Type checkers and import-linter can't see these names, so the module imports the same ones under ``TYPE_CHECKING``;
    in the branch beside it, where this function is called, a misspelled name is still an error for type checkers.

    Args:
        module: The ``__name__`` of the module.
        places: Names, with spaces between, by the module that they come from.
    """
    found = {name: place for place, names in places.items() for name in names.split()}

    def load(name: str) -> object:
        if name not in found:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        # Not `import_module`: what that imports is missing in the output of ``python -X importtime``.
        return getattr(__import__(found[name], fromlist=(name,)), name)

    return load, sorted(found)
