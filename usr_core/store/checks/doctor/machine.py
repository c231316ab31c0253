"""What runs here: versions of Python and the libraries, and the programs that USR calls."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from usr_core.version import package_version

__all__ = ["LIBRARIES", "TOOLS", "find_tools", "read_versions"]

LIBRARIES = ("pyarrow", "duckdb", "numpy", "filelock", "typer", "pluggy", "pyyaml")
TOOLS: Mapping[str, str] = {
    "rsync": "usr pull and usr push",
    "ssh": "usr pull and usr push",
    "flock": "usr push, where this machine is the remote",
    "sha256sum": "usr pull and usr push, where this machine is the remote",
}
"""Programs by name, and what needs them."""


def read_versions() -> dict[str, str | None]:
    """Return the versions of usr, Python, the platform and the libraries; None for one that is not installed.

    Nothing is imported: a broken library shows as installed all the same.
    """
    found: dict[str, str | None] = {
        "usr": package_version(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def find_tools() -> dict[str, str | None]:
    """Return the path of each tool, None for one that is not on PATH."""
    return {name: shutil.which(name) for name in TOOLS}
