"""What the plugin `densegen` offers: its namespace, and an overlay writer for DenseGen's output files."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import NamespaceSpec, OverlayWriter, OverlayWriterSpec, hookimpl
from usr_densegen.namespace import COLUMNS, DESCRIPTION, NAMESPACE

__all__ = ["usr_namespaces", "usr_overlay_writers"]


@hookimpl
def usr_namespaces() -> Iterable[NamespaceSpec]:
    """Describe the columns that DenseGen writes."""
    return [
        NamespaceSpec(
            name=NAMESPACE, summary="What DenseGen says of a sequence", columns=COLUMNS, description=DESCRIPTION
        )
    ]


@hookimpl
def usr_overlay_writers() -> Iterable[OverlayWriterSpec]:
    """Offer to read DenseGen's output Parquet files, older ones with JSON text included."""
    return [
        OverlayWriterSpec(
            name=NAMESPACE,
            summary="DenseGen's output Parquet, also older files with JSON text",
            factory=_overlay_writer,
            namespace=NAMESPACE,
            key="id",
        )
    ]


def _overlay_writer() -> OverlayWriter:
    from usr_densegen.output_file import DenseGenOutput

    return DenseGenOutput()
