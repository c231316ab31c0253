"""Counts for pictures: histograms, bars, and points or a density of two columns. Rows become a few numbers here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from usr_explore.load import Loaded

__all__ = ["MOST_POINTS", "Bars", "Cloud", "Histogram", "cloud", "count_words", "histogram"]

MOST_POINTS = 5_000
_BINS = 40
_SQUARES = 60


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of a column of numbers in bins of one width: of all records, and of the chosen ones."""

    name: str
    edges: npt.NDArray[np.float64]
    everything: npt.NDArray[np.int64]
    chosen: npt.NDArray[np.int64]
    missing: int


@dataclass(frozen=True, slots=True)
class Bars:
    """Counts of a column's different values, the most frequent first."""

    name: str
    labels: tuple[str, ...]
    everything: tuple[int, ...]
    chosen: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cloud:
    """Two columns against each other: as points, or where there are too many, as squares with counts.

    Attributes:
        x, y: The points, or the lower left corners of the squares.
        counts: None for points.
        widths: Of a square.
        total: The records that have both values.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64] | None
    widths: tuple[float, float]
    total: int


def histogram(loaded: Loaded, name: str, mask: npt.NDArray[np.bool_]) -> Histogram:
    """Count a column of numbers; the bins span all records, so that subsets are compared by eye."""
    values = loaded.values(name)
    finite = np.isfinite(values)
    kept = values[finite]
    least, most = (float(kept.min()), float(kept.max())) if len(kept) else (0.0, 1.0)
    bins = _BINS
    if name == "length" or _whole(kept):
        step = max(1, int(np.ceil((most - least + 1) / _BINS)))
        bins = max(1, int(np.ceil((most - least + 1) / step)))
        most = least + bins * step
    elif most <= least:
        most = least + 1.0
    places = np.zeros(len(values), np.int64)
    places[finite] = _places(kept, least, most, bins)
    chosen = places[finite & mask]
    return Histogram(
        name,
        np.linspace(least, most, bins + 1),
        np.bincount(places[finite], minlength=bins),
        np.bincount(chosen, minlength=bins),
        int(mask.sum()) - len(chosen),
    )


def count_words(loaded: Loaded, name: str, mask: npt.NDArray[np.bool_]) -> Bars:
    """Count the different values of a column; what has none is ``(none)``."""
    labels, codes = loaded.labels(name)
    everything = np.bincount(codes + 1, minlength=len(labels) + 1)
    chosen = np.bincount(codes[mask] + 1, minlength=len(labels) + 1)
    named = ["(none)", *labels]
    order = [int(one) for one in np.argsort(-everything, kind="stable") if everything[one]]
    return Bars(
        name,
        tuple(named[one] for one in order),
        tuple(int(everything[one]) for one in order),
        tuple(int(chosen[one]) for one in order),
    )


def cloud(loaded: Loaded, x: str, y: str, mask: npt.NDArray[np.bool_]) -> Cloud:
    """Return up to `MOST_POINTS` points, or a density; records without one of the values are left out."""
    left, right = loaded.values(x), loaded.values(y)
    kept = mask & np.isfinite(left) & np.isfinite(right)
    left, right = left[kept], right[kept]
    if len(left) <= MOST_POINTS:
        return Cloud(left, right, None, (0.0, 0.0), len(left))
    spans = []
    for values in (left, right):
        least, most = float(values.min()), float(values.max())
        spans.append((least, most if most > least else least + 1.0))
    squares = _places(left, *spans[0], _SQUARES) * _SQUARES + _places(right, *spans[1], _SQUARES)
    counts = np.bincount(squares, minlength=_SQUARES * _SQUARES)
    filled = np.flatnonzero(counts)
    widths = tuple((most - least) / _SQUARES for least, most in spans)
    return Cloud(
        np.asarray(spans[0][0] + (filled // _SQUARES) * widths[0], np.float64),
        np.asarray(spans[1][0] + (filled % _SQUARES) * widths[1], np.float64),
        counts[filled],
        (widths[0], widths[1]),
        len(left),
    )


def _whole(values: npt.NDArray[np.float64]) -> bool:
    return (
        len(values) > 0
        and bool((values[:10_000] == np.floor(values[:10_000])).all())
        and bool((values == np.floor(values)).all())
    )


def _places(values: npt.NDArray[np.float64], least: float, most: float, bins: int) -> npt.NDArray[np.int64]:
    found = ((values - least) * (bins / (most - least))).astype(np.int64)
    return np.minimum(found, bins - 1, out=found)
