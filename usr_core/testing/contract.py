"""What all contracts share: a subclass declares its features, and tests of other features are not there.

A test that does not apply is never collected, so that a run without skips has really run everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

__all__ = ["Contract", "needs"]

TestT = TypeVar("TestT", bound=Callable[..., None])

_MARK = "usr_contract_feature"


def needs(feature: str) -> Callable[[TestT], TestT]:
    """Mark a contract's test as one that runs only for subclasses that declare `feature`."""

    def mark(test: TestT) -> TestT:
        setattr(test, _MARK, feature)
        return test

    return mark


class Contract:
    """The root of contract classes.

    Attributes:
        features: What the thing under test can do beyond what everything of its kind has to.
    """

    features: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if Contract in cls.__bases__:
            return  # a contract itself, which holds all of its tests for those that keep it
        marked = _marked_tests(cls)
        known = {getattr(test, _MARK) for test in marked.values()}
        unknown = sorted(cls.features - known)
        if unknown:
            raise TypeError(f"{cls.__name__}.features has {unknown[0]!r}; there are: {', '.join(sorted(known))}")
        for name, test in marked.items():
            wanted = getattr(test, _MARK) in cls.features
            if wanted != callable(getattr(cls, name)):
                setattr(cls, name, test if wanted else None)


def _marked_tests(cls: type) -> Mapping[str, Any]:
    """Return the marked tests by name, also those that a class in between has left out."""
    return {
        name: found
        for base in reversed(cls.__mro__)
        for name, found in vars(base).items()
        if getattr(found, _MARK, None) is not None
    }
