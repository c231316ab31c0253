"""Importers as the core uses them: options checked, files opened once, whichever plugin API they were written for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from usr_core.plugin.answers import ANSWERS
from usr_core.plugin.discovery import PluginRecord
from usr_core.plugin.isolation import Isolated
from usr_core.plugin.options import option_values
from usr_core.plugin.specs import ImporterSpec, ImportRequest, Opened

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["HostedImporter"]


class HostedImporter:
    """An importer that is ready to be used, and isolated.

    Args:
        provider: What the factory gave: an object with `open`, or with `columns` and `read` (API 1.0).
        record: The plugin.
        spec: What the importer says of itself.

    Raises:
        PluginCallError: A method is missing.

    Example:
        >>> from usr_core.api import ImportRequest
        >>> reader = dataset.host.importer("csv")
        >>> opened = reader.open(ImportRequest(path=tmp_path / "more.csv", columns=("sequence",)))
        >>> "sequence" in opened.columns, next(opened.batches).num_rows
        (True, 2)
    """

    def __init__(self, provider: object, record: PluginRecord, spec: ImporterSpec) -> None:
        self.spec = spec
        self._opens = "open" in dir(provider) or not hasattr(provider, "read")
        answers = ANSWERS["importer" if self._opens else "importer of API 1.0"]
        self._provider: Any = Isolated(provider, record, f"importer {spec.name}", answers)

    def open(self, request: ImportRequest) -> Opened:
        """Open a file: the names of all its columns, and the batches of those that the request wants.

        Raises:
            OptionInvalid: The importer takes no such option, or no such value.
            PluginCallError: The importer failed, or gave something else.
            UsrError: The file can't be read.
        """
        if not self._opens:
            return Opened(columns=self.columns(request), batches=self.read(request))
        opened: Opened = self._provider.open(self._checked(request))
        return opened

    def columns(self, request: ImportRequest) -> Sequence[str]:
        """Return the names of the columns alone; errors as `open`."""
        if not self._opens:
            names: Sequence[str] = self._provider.columns(self._checked(request))
            return names
        opened = self.open(request)
        opened.close()
        return opened.columns

    def read(self, request: ImportRequest) -> Iterator[pa.RecordBatch]:
        """Return the batches alone; errors as `open`."""
        if self._opens:
            return self.open(request).batches
        batches: Iterator[pa.RecordBatch] = self._provider.read(self._checked(request))
        return batches

    def _checked(self, request: ImportRequest) -> ImportRequest:
        options = option_values(f"importer {self.spec.name}", self.spec.options, request.options)
        return replace(request, options=options)
