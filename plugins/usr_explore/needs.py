"""Which packages the page needs, and which of them are here; nothing is imported for that."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from usr_explore.errors import ExploreMissing

__all__ = ["lines", "require"]

_PACKAGES = {
    "explore": (("marimo", "marimo"), ("altair", "altair"), ("uvicorn", "uvicorn"), ("pyzmq", "zmq")),
    "report": (("altair", "altair"), ("vl-convert-python", "vl_convert")),
}
_WHAT = {"explore": "the page", "report": "a report"}


def lines() -> list[str]:
    """Return a line a package: its version, or that it is missing and which extra brings it."""
    found: dict[str, str] = {}
    for extra, packages in _PACKAGES.items():
        for package, module in packages:
            found.setdefault(package, _line(package, module, extra))
    return list(found.values())


def require(extra: str) -> None:
    """Raise unless every package of an extra is installed.

    Raises:
        ExploreMissing: One is not.
    """
    for package, module in _PACKAGES[extra]:
        if find_spec(module) is None:
            raise ExploreMissing(package=package, what=_WHAT[extra], extra=extra)


def _line(package: str, module: str, extra: str) -> str:
    if find_spec(module) is None:
        return f"missing  {package}: {_WHAT[extra]} needs it; pip install 'universal-sequence-record[{extra}]'"
    try:
        return f"ok       {package} {version(package)}"
    except PackageNotFoundError:
        return f"ok       {package}"
