"""Keeping pyarrow's start-up remarks about the processor out of the way on macOS.

Arrow's C++ code asks the system for cache sizes and writes ``sysctlbyname failed …`` to file descriptor 2 where
the answer is missing, once a process. That is not news to a user, and it ends up in every script's log. Lines
of any other kind are passed on.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

__all__ = ["NOISE", "QuietLoader", "filtered_stderr", "is_suppressed", "quieten_pyarrow"]

NOISE = b"sysctlbyname"


def is_suppressed(environ: Mapping[str, str]) -> bool:
    """Tell whether the remarks are to be left out.

    ``USR_SUPPRESS_PYARROW_SYSCTL`` decides where it is 1 or 0, else ``USR_SHOW_PYARROW_SYSCTL=1`` shows them; by
    default they are left out.
    """
    asked = environ.get("USR_SUPPRESS_PYARROW_SYSCTL")
    if asked in ("0", "1"):
        return asked == "1"
    return environ.get("USR_SHOW_PYARROW_SYSCTL") != "1"


def quieten_pyarrow(environ: Mapping[str, str], *, platform: str = sys.platform) -> None:
    """On macOS, let the first import of pyarrow pass through the filter, whoever makes it."""
    if platform == "darwin" and is_suppressed(environ) and "pyarrow" not in sys.modules:
        sys.meta_path.insert(0, _QuietFinder("pyarrow"))


@contextlib.contextmanager
def filtered_stderr() -> Iterator[None]:
    """Catch what the block writes to file descriptor 2, and pass on the lines that are not noise."""
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            rest = b"".join(line for line in caught if NOISE not in line)
            if rest:
                os.write(2, rest)


class QuietLoader(importlib.abc.Loader):
    """Loads a module as another loader does, with stderr filtered."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Return what the real loader creates."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module under the filter."""
        with filtered_stderr():
            self._loader.exec_module(module)


class _QuietFinder(importlib.abc.MetaPathFinder):
    """Wraps the loader of one module, once."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the real spec with a quiet loader for our module, None for all others."""
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = QuietLoader(spec.loader)
        return spec
