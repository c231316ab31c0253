"""The version of the installed distribution."""

from __future__ import annotations

from functools import cache

__all__ = ["package_version"]


@cache
def package_version() -> str:
    """Return the installed version of ``universal-sequence-record``, or ``0+unknown`` in a bare source tree.

    Example:
        >>> import usr_core
        >>> from usr_core.api import package_version
        >>> package_version() == usr_core.__version__
        True
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("universal-sequence-record")
    except PackageNotFoundError:
        return "0+unknown"
