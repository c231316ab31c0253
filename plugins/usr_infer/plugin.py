"""What the plugin `infer` offers: a namespace and an overlay writer."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import NamespaceSpec, OverlayWriter, OverlayWriterSpec, hookimpl
from usr_infer.columns import DESCRIPTION, FIXED_COLUMNS, NAMESPACE
from usr_infer.options import OPTIONS

__all__ = ["usr_namespaces", "usr_overlay_writers"]


@hookimpl
def usr_namespaces() -> Iterable[NamespaceSpec]:
    """Describe what every model has; vectors and further models are registered by ``usr infer register``."""
    return [
        NamespaceSpec(
            name=NAMESPACE,
            summary="Model outputs: log-likelihoods, ratios, model and run",
            columns=FIXED_COLUMNS,
            owner="infer",
            description=DESCRIPTION,
        )
    ]


@hookimpl
def usr_overlay_writers() -> Iterable[OverlayWriterSpec]:
    """Offer to read model outputs from .npy, .npz and Parquet files."""
    return [
        OverlayWriterSpec(
            name="infer",
            summary="Model outputs in .npy, .npz and Parquet files",
            factory=_writer,
            namespace=NAMESPACE,
            options=OPTIONS,
        )
    ]


def _writer() -> OverlayWriter:
    from usr_infer.writer import InferWriter

    return InferWriter()
