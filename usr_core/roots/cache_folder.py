"""The folder of what USR remembers of datasets to be faster: outside of every dataset, and never needed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["CACHE_VARIABLE", "cache_folder"]

CACHE_VARIABLE = "USR_CACHE_DIR"
_OFF = "off"


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return where caches are, whether the folder exists or not; None where nothing is to be remembered.

    ``USR_CACHE_DIR``, which ``off`` switches off; else ``usr`` below ``XDG_CACHE_HOME``, by default ``~/.cache``.
    """
    named = environ.get(CACHE_VARIABLE)
    if named:
        return None if named == _OFF else Path(named).absolute()
    base = environ.get("XDG_CACHE_HOME")
    # The XDG specification says that a relative path there is invalid and to be ignored.
    if base and base.startswith("/"):
        return Path(base) / "usr"
    try:
        return Path("~/.cache").expanduser() / "usr"
    except RuntimeError:  # nobody knows this user's home
        return None
