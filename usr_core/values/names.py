"""Names that are given as a list: a text in its place is one name, not its letters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import overload

__all__ = ["names_given"]


@overload
def names_given(names: None) -> None: ...
@overload
def names_given(names: str | Iterable[str]) -> tuple[str, ...]: ...
@overload
def names_given(names: str | Iterable[str] | None) -> tuple[str, ...] | None: ...
def names_given(names: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the names in their order; None stays None."""
    if names is None:
        return None
    return (names,) if isinstance(names, str) else tuple(names)
