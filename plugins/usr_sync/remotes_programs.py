"""Programs on this machine and their versions."""

from __future__ import annotations

import re
import shutil
import subprocess

__all__ = ["local_version", "rsync_fault"]

_VERSION_OPTIONS = {"ssh": "-V", "rsync": "--version"}
_RSYNC_VERSION = re.compile(r"version v?(\d+)\.(\d+)")
_SECONDS = 10.0


def local_version(tool: str) -> str | None:
    """Return what a program calls its version, or its path where it is not known how to ask; None if it is missing."""
    path = shutil.which(tool)
    if path is None or tool not in _VERSION_OPTIONS:
        return path
    try:
        done = subprocess.run(
            [path, _VERSION_OPTIONS[tool]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return path
    first = next((" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()), "")
    return first or path


def rsync_fault(version: str) -> str | None:
    """Return what to do about an rsync that is too old to keep odd file names from a shell, or None."""
    told = _RSYNC_VERSION.search(version)
    if told is None or int(told[1]) >= 3:
        return None
    return "Install rsync 3.0 or newer (on macOS: brew install rsync)."
