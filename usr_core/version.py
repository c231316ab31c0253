"""The version of the installed distribution."""

from __future__ import annotations

from functools import cache

__all__ = ["package_version"]


@cache
def package_version() -> str:
    """Return the installed version of ``universal-sequence-record``, or ``0+unknown`` in a bare source tree."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("universal-sequence-record")
    except PackageNotFoundError:
        return "0+unknown"
