"""A map of vectors: two axes along which a sample of them differs most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from usr_core.api import Dataset

__all__ = ["SAMPLE", "VectorMap", "axes", "vector_map"]

SAMPLE = 5_000


@dataclass(frozen=True, slots=True)
class VectorMap:
    """A sample of records on two axes.

    Attributes:
        ids: The records that have a vector.
        x, y: Where they are.
        shares: The shares of the variance that the axes hold.
        total: How many records were sampled from.
    """

    ids: tuple[str, ...]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    shares: tuple[float, float]
    total: int


def vector_map(dataset: Dataset, column: str, ids: list[str], *, sample: int = SAMPLE, seed: int = 0) -> VectorMap:
    """Return the map of a column of vectors, of at most `sample` of the records; the same sample each time.

    Raises:
        UsrError: The records can't be read.
    """
    total = len(ids)
    if total > sample:
        rows = np.sort(np.random.default_rng(seed).choice(total, sample, replace=False))
        ids = [ids[row] for row in rows.tolist()]
    table = dataset.get(ids, columns=["id", column])
    values = table.column(column).combine_chunks()
    kept = np.asarray(values.is_valid())
    width = values.type.list_size
    flat = np.asarray(values.drop_null().flatten()).astype(np.float64).reshape(-1, width)
    finite = np.asarray(np.isfinite(flat).all(axis=1), np.bool_)
    names = [name for name, keep in zip(table.column("id").to_pylist(), kept.tolist(), strict=True) if keep]
    names = [name for name, keep in zip(names, finite.tolist(), strict=True) if keep]
    x, y, shares = axes(flat[finite])
    return VectorMap(tuple(names), x, y, shares, total)


def axes(
    vectors: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], tuple[float, float]]:
    """Return the vectors on the two eigenvectors of their covariance with the greatest values, and these's shares."""
    if len(vectors) < 2:
        none = np.zeros(len(vectors))
        return none, none, (0.0, 0.0)
    centred = vectors - vectors.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T @ centred / (len(vectors) - 1))
    whole = float(values.clip(min=0).sum()) or 1.0
    places = centred @ directions[:, ::-1][:, :2]
    if places.shape[1] < 2:
        places = np.column_stack([places, np.zeros(len(vectors))])
    # An eigenvector has no sign of its own; the same vectors are to give the same picture.
    for axis in range(2):
        if places[np.abs(places[:, axis]).argmax(), axis] < 0:
            places[:, axis] *= -1
    return (
        places[:, 0],
        places[:, 1],
        (float(values[-1] / whole), float(values[-2] / whole) if len(values) > 1 else 0.0),
    )
