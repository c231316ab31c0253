"""The version of the installed distribution."""

from __future__ import annotations

import os
import sys
from functools import cache

__all__ = ["package_version"]

_NAME = "universal-sequence-record"
_FOLDER = _NAME.replace("-", "_") + "-"
_FIELD = "Version:"


@cache
def package_version() -> str:
    """Return the installed version of ``universal-sequence-record``, or ``0+unknown`` in a bare source tree.

    Example:
        >>> import usr_core
        >>> from usr_core.api import package_version
        >>> package_version() == usr_core.__version__
        True
    """
    found = _noted_version()
    if found:
        return found
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(_NAME)
    except PackageNotFoundError:
        return "0+unknown"


def _noted_version() -> str:
    """Return what the first folder of the distribution that tells one says, or ``""``.

    ``importlib.metadata`` does the same, and takes 15 ms to import.
    """
    for place in sys.path:
        try:
            for name in sorted(os.listdir(place or os.curdir)):  # noqa: PTH208 - names
                if name.startswith(_FOLDER) and name.endswith(".dist-info"):
                    with open(f"{place or os.curdir}/{name}/METADATA", encoding="utf-8") as file:  # noqa: PTH123
                        for line in file:
                            if line.startswith(_FIELD):
                                return line.removeprefix(_FIELD).strip()
                            if not line.strip():
                                break
        except (OSError, ValueError):
            continue
    return ""
