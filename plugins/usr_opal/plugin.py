"""What the plugin `opal` offers: a namespace, an overlay writer and two checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from usr_core.api import CheckSpec, Finding, NamespaceSpec, OverlayWriter, OverlayWriterSpec, hookimpl
from usr_opal.labels import COLUMNS, NAMESPACE, OFFSET, VECTOR

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["usr_checks", "usr_namespaces", "usr_overlay_writers"]


@hookimpl
def usr_namespaces() -> Iterable[NamespaceSpec]:
    """Describe the label vectors and the offset of their intensities."""
    return [
        NamespaceSpec(
            name=NAMESPACE,
            summary="OPAL's labels: vectors of eight numbers, and the offset of their intensities",
            columns=COLUMNS,
            owner="opal",
            description="OPAL label vectors",
        )
    ]


@hookimpl
def usr_overlay_writers() -> Iterable[OverlayWriterSpec]:
    """Offer to read tables of labels."""
    return [
        OverlayWriterSpec(
            name="opal", summary="Tables of labels (CSV, Parquet, JSONL)", factory=_writer, namespace=NAMESPACE
        )
    ]


@hookimpl
def usr_checks() -> Iterable[CheckSpec]:
    """Offer to check that vectors have eight numbers, and that all numbers are finite."""
    return [
        CheckSpec(
            name="opal_vectors",
            summary="Label vectors have eight finite numbers",
            factory=_vector_check,
            columns=(VECTOR,),
            namespace=NAMESPACE,
        ),
        CheckSpec(
            name="opal_intensity",
            summary="Offsets of intensities are finite",
            factory=_offset_check,
            columns=(OFFSET,),
            namespace=NAMESPACE,
        ),
    ]


def _writer() -> OverlayWriter:
    from usr_opal.writer import OpalWriter

    return OpalWriter()


def _vector_check() -> Callable[[Iterable[pa.RecordBatch]], Iterable[Finding]]:
    from usr_opal.checks import check_vectors

    return check_vectors


def _offset_check() -> Callable[[Iterable[pa.RecordBatch]], Iterable[Finding]]:
    from usr_opal.checks import check_offsets

    return check_offsets
