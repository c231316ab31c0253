"""Trying what a plugin offers: factories are called, and what comes back is checked as at the border.

An importer opens an empty file, an exporter writes one without rows, a strategy looks at one, a check sees no row.
An error in proper form is a good answer, as an empty file may well be refused. Nothing is printed meanwhile: libraries
talk when they are imported.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from usr_core.api import FileRef, HealthRequest, ImportRequest, PluginError, UsrError
from usr_core.api.plugins import KINDS, AnySpec, PluginRecord, build_provider

__all__ = ["try_offers"]

Step = Callable[[str, str], AbstractContextManager[None]]

_FIX = "Let it return what its protocol in usr_core.plugin.specs says, or raise a UsrError."


def try_offers(record: PluginRecord, specs: Mapping[str, tuple[AnySpec, ...]], step: Step) -> None:
    """Build every provider that can be built without settings, and use those that an empty file is enough for.

    Args:
        record: The plugin.
        specs: What it offers, by kind.
        step: Names what is being done and takes the errors out of it.
    """
    with _silent(), tempfile.TemporaryDirectory(prefix="usr-trial-") as folder:
        for kind, offered in specs.items():
            for spec in offered if kind not in ("namespace", "transport", "alphabet", "executor") else ():
                words = f"{KINDS[kind].words} {spec.name}"
                with step(f"building the {words}", "Let the factory return an object with its protocol's methods."):
                    provider = build_provider(kind, record, spec)
                    with step(f"trying the {words}", _FIX), _proper_errors():
                        _TRIALS.get(kind, _untried)(provider, spec, Path(folder))


def _importer(provider: Any, spec: Any, folder: Path) -> None:
    for suffix in spec.suffixes or ("",):
        empty = folder / f"empty{suffix}"
        empty.touch()
        with _proper_errors():
            provider.columns(ImportRequest(path=empty))
        list(provider.read(ImportRequest(path=empty)))


def _exporter(provider: Any, spec: Any, folder: Path) -> None:
    import pyarrow as pa

    from usr_core.api.results import export_batches

    schema = pa.schema([("id", pa.string()), ("sequence", pa.string())])
    export_batches(provider, folder / "written", spec=spec, schema=schema, batches=(), overwrite=True)


def _verify(provider: Any, _: Any, folder: Path) -> None:
    (folder / "seen").write_bytes(b"seen")
    fingerprint = provider.fingerprint(FileRef(path=folder / "seen", size_bytes=4))
    provider.compare(fingerprint, fingerprint)


def _event_sink(provider: Any, _: Any, __: Path) -> None:
    provider.close()


def _check(provider: Any, _: Any, __: Path) -> None:
    list(provider(iter(())))


def _health_check(provider: Any, _: Any, __: Path) -> None:
    list(provider(HealthRequest()))


def _untried(provider: Any, _: Any, __: Path) -> None:
    """Leave an overlay writer alone: it needs a tool's output."""


_TRIALS: Mapping[str, Callable[[Any, Any, Path], None]] = {
    "importer": _importer,
    "exporter": _exporter,
    "verify": _verify,
    "event_sink": _event_sink,
    "check": _check,
    "health_check": _health_check,
}


@contextlib.contextmanager
def _proper_errors() -> Iterator[None]:
    """Let an error pass in which a plugin has said in proper form what is wrong with the file."""
    try:
        yield
    except PluginError:
        raise
    except UsrError:
        return


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, old in zip((1, 2), kept, strict=True):
            os.dup2(old, number)
            os.close(old)
        os.close(nowhere)
