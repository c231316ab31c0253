"""The types that a dataset's own copies of the registry give to columns, for what Parquet can't tell.

Parquet keeps times in seconds as milliseconds. The type that was registered stands in the registry that was frozen when
the file was written, which its metadata name by a hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.errors import UsrError
from usr_core.registry.types import keeps_type
from usr_core.roots.layout import DatasetLayout
from usr_core.store.base.parquet import usr_metadata
from usr_core.store.parts.files import NamespaceOverlay

if TYPE_CHECKING:
    from usr_core.registry.document import Registry

__all__ = ["RegisteredTypes", "holds_milliseconds"]


class RegisteredTypes:
    """Looks types up; nothing is read before the first question.

    Args:
        tree: The dataset's files.
        base: The base's schema, with its metadata.
        overlays: The opened overlays.
    """

    def __init__(self, tree: FileTree, base: pa.Schema, overlays: Mapping[str, NamespaceOverlay]) -> None:
        self._tree, self._base, self._overlays = tree, base, overlays
        self._known: dict[str, Registry | None] = {}

    def of(self, name: str, stored: pa.DataType) -> pa.DataType:
        """Return the registered type of a column where `stored` is how Parquet keeps it, else `stored`."""
        for registry in self._registries(name.split("__", 1)[0]):
            try:
                kind = registry.column_type(name).to_arrow()
            except UsrError:
                continue
            return kind if keeps_type(stored, kind) else stored
        return stored

    def _registries(self, namespace: str) -> Iterator[Registry]:
        """Yield those under which the namespace's parts and the base were written, the newest part's first."""
        overlay = self._overlays.get(namespace)
        hashes = [part.registry_hash for part in reversed(overlay.parts)] if overlay is not None else []
        for registry_hash in dict.fromkeys([*hashes, usr_metadata(self._base).get("usr:registry_hash")]):
            if registry_hash is not None and registry_hash not in self._known:
                self._known[registry_hash] = self._read(registry_hash)
            registry = self._known.get(registry_hash or "")
            if registry is not None:
                yield registry

    def _read(self, registry_hash: str) -> Registry | None:
        from usr_core.registry.reader import parse_registry

        path = self._tree.path(DatasetLayout(self._tree.folder).frozen_registry(registry_hash))
        try:
            return None if path is None else parse_registry(path.read_bytes(), path.name)
        except (UsrError, OSError):
            return None  # `usr validate` tells; reading goes on with what Parquet says


def holds_milliseconds(kind: pa.DataType) -> bool:
    """Tell whether a plain type is that of times in milliseconds, or holds some."""
    if pa.types.is_timestamp(kind):
        return bool(kind.unit == "ms")
    if pa.types.is_struct(kind):
        return any(holds_milliseconds(field.type) for field in kind)
    nested = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    return nested and holds_milliseconds(kind.value_type)
