"""Which datasets of a root hold columns of a namespace."""

from __future__ import annotations

from pathlib import Path

from usr_core.fs.files import refuse_special
from usr_core.roots.dataset_id import DatasetRef, list_datasets
from usr_core.roots.layout import DatasetLayout

__all__ = ["datasets_using"]


def datasets_using(root: Path, namespace: str) -> list[str]:
    """Return the names of the datasets, archived ones last, that hold an overlay or materialized columns.

    A base that can't be read counts as using it, because its columns are not known.
    """
    datasets = [*list_datasets(root), *list_datasets(root, archived=True)]
    return [ref.name for ref in datasets if _has_overlay(ref, namespace) or _has_columns(ref, namespace)]


def _has_overlay(ref: DatasetRef, namespace: str) -> bool:
    layout = DatasetLayout(ref.path)
    places = (layout.overlay_folder(namespace), layout.overlay_file(namespace))
    return any((ref.path / place).exists() for place in places)


def _has_columns(ref: DatasetRef, namespace: str) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        refuse_special(DatasetLayout(ref.path).records)
        names = pq.read_schema(DatasetLayout(ref.path).records, memory_map=False).names
    except (OSError, pa.ArrowException):
        return True
    return any(name.startswith(f"{namespace}__") for name in names)
