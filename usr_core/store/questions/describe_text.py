"""A description of columns as lines of text and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from usr_core.store.questions.describe_tally import ColumnDescription, Histogram

__all__ = ["TEXT_COLUMNS", "bars", "description_row", "description_value"]

TEXT_COLUMNS = ("name", "type", "nulls", "of", "min", "mean", "max", "distinct", "histogram")
"""The columns of a description's table, in order; see `description_row`."""

_LEVELS = "▁▂▃▄▅▆▇█"


def description_row(column: ColumnDescription) -> dict[str, object]:
    """Return a column as cells of a table with the columns `TEXT_COLUMNS`.

    Example:
        >>> from usr_core.api.results import TEXT_COLUMNS, description_row
        >>> (gc,) = dataset.describe(["lab__gc"]).columns
        >>> {name: description_row(gc).get(name) for name in TEXT_COLUMNS[:4]}
        {'name': 'lab__gc', 'type': 'float64', 'nulls': '0.0%', 'of': ''}
    """
    summary = column.summary
    about = summary.measure if summary.measure not in ("none", "value") else ""
    distinct = None if summary.distinct is None else f"{'>' if summary.distinct_capped else ''}{summary.distinct}"
    notes = [f"{summary.nans} NaN"] if summary.nans else []
    return {
        "name": column.name,
        "type": column.type,
        "nulls": f"{summary.null_share:.1f}%",
        "of": about,
        "min": _text(summary.minimum),
        "mean": None if summary.mean is None else f"{summary.mean:.6g}",
        "max": _text(summary.maximum),
        "distinct": distinct,
        "histogram": " ".join([bars(summary.histogram), *notes]).strip(),
    }


def description_value(column: ColumnDescription) -> Mapping[str, object]:
    """Return a column as an object: times as text, a histogram with its edges and counts.

    Example:
        >>> from usr_core.api.results import description_value
        >>> (gc,) = dataset.describe(["lab__gc"]).columns
        >>> value = description_value(gc)
        >>> value["type"], value["rows"], value["nulls"]
        ('float64', 3, 0)
    """
    summary = column.summary
    found = summary.histogram
    return {
        "name": column.name,
        "type": column.type,
        "rows": summary.rows,
        "nulls": summary.nulls,
        "null_share": round(summary.null_share, 4),
        "nans": summary.nans,
        "measure": summary.measure,
        "min": _plain(summary.minimum),
        "mean": summary.mean,
        "max": _plain(summary.maximum),
        "distinct": summary.distinct,
        "distinct_capped": summary.distinct_capped,
        "histogram": None if found is None else {"low": found.low, "high": found.high, "counts": list(found.counts)},
    }


def bars(histogram: Histogram | None) -> str:
    """Return one block a bin, the fullest one the highest; an empty bin has the lowest, and no other has.

    Nothing where all numbers are one.
    """
    if histogram is None or len(histogram.counts) < 2:
        return ""
    most = max(histogram.counts)
    steps = len(_LEVELS) - 1
    return "".join(_LEVELS[-(-count * steps // most)] for count in histogram.counts)


def _text(value: pa.Scalar | None) -> object:
    plain = _plain(value)
    return f"{plain:.6g}" if isinstance(plain, float) else plain


def _plain(value: pa.Scalar | None) -> Any:
    from usr_core.values.json_writing import to_json

    if value is None:
        return None
    try:
        return to_json(pa.repeat(value, 1))[0]
    except TypeError:  # a type that the registry does not know
        return str(value)
