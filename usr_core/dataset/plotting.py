"""Pictures of columns for a notebook: rows become at most a few thousand numbers here, and altair draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usr_core.errors import ExitCode, UsrError

if TYPE_CHECKING:
    import altair as alt
    import pyarrow as pa

__all__ = ["ColumnNotDrawn", "plot_columns"]

_BINS = 40
_SQUARES = 60
_MOST_POINTS = 5_000
_MOST_BARS = 30


class ColumnNotDrawn(UsrError, TypeError):
    """A column has a type that no picture is made of."""

    code = "USR-EXPLORE-002"
    exit_code = ExitCode.USAGE
    template = "The column {column:visible} is {kind}; {wanted} drawn."
    hint_template = "Name a column of numbers, text or booleans; two columns that are drawn together are numbers."
    shown = ("column={column:visible}", "value={kind}")


def plot_columns(table: pa.Table, x: str, y: str | None = None) -> alt.Chart:
    """Return a histogram or bars of one column, or two columns of numbers against each other.

    Args:
        table: The columns.
        x: The first column.
        y: The second one, or None.

    Raises:
        PackageMissing: altair is not installed.
        ColumnNotDrawn: A column has another type.
    """
    from usr_core.store.questions.errors import PackageMissing

    try:
        import altair as alt
    except ImportError as error:
        raise PackageMissing(package="altair", instead="describe()") from error
    if y is not None:
        chart: alt.Chart = _against(alt, table, x, y)
    elif _is_number(table.schema.field(x).type):
        chart = _histogram(alt, table, x)
    else:
        chart = _bars(alt, table, x)
    return chart


def _bars(alt: Any, table: pa.Table, x: str) -> Any:
    import pyarrow as pa

    kind = table.schema.field(x).type
    if not (pa.types.is_string(kind) or pa.types.is_boolean(kind)):
        raise ColumnNotDrawn(column=x, kind=str(kind), wanted="numbers, text and booleans are")
    counted = sorted(table.column(x).value_counts().to_pylist(), key=lambda one: -int(one["counts"]))
    rows = [{"value": str(one["values"]), "records": one["counts"]} for one in counted[:_MOST_BARS]]
    chart = alt.Chart(_values(alt, rows)).mark_bar()
    return chart.encode(x=alt.X("records:Q"), y=alt.Y("value:N", sort="-x", title=x))


def _histogram(alt: Any, table: pa.Table, x: str) -> Any:
    import numpy as np

    values = _numbers(table, x)
    counts, edges = np.histogram(values[np.isfinite(values)], _BINS)
    rows = [
        {"low": low, "high": high, "records": count}
        for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    ]
    chart = alt.Chart(_values(alt, rows)).mark_bar()
    return chart.encode(x=alt.X("low:Q", title=x, scale=alt.Scale(zero=False)), x2="high:Q", y=alt.Y("records:Q"))


def _against(alt: Any, table: pa.Table, x: str, y: str) -> Any:
    import numpy as np

    left, right = _numbers(table, x), _numbers(table, y)
    kept = np.isfinite(left) & np.isfinite(right)
    left, right = left[kept], right[kept]
    scale = alt.Scale(zero=False)
    axes = {"x": alt.X("x:Q", title=x, scale=scale), "y": alt.Y("y:Q", title=y, scale=scale)}
    if len(left) <= _MOST_POINTS:
        rows = [{"x": one, "y": other} for one, other in zip(left.tolist(), right.tolist(), strict=True)]
        return alt.Chart(_values(alt, rows)).mark_circle(opacity=0.6).encode(**axes)
    counts, across, up = np.histogram2d(left, right, _SQUARES)
    rows = [
        {"x": across[i], "x2": across[i + 1], "y": up[j], "y2": up[j + 1], "records": counts[i, j]}
        for i, j in np.argwhere(counts > 0).tolist()
    ]
    colour = alt.Color("records:Q", scale=alt.Scale(type="log", scheme="blues", domainMin=0.3))
    return alt.Chart(_values(alt, rows)).mark_rect().encode(**axes, x2="x2:Q", y2="y2:Q", color=colour)


def _values(alt: Any, rows: list[dict[str, Any]]) -> Any:
    return alt.Data(
        values=[{name: float(one) if name != "value" else one for name, one in row.items()} for row in rows]
    )


def _numbers(table: pa.Table, name: str) -> Any:
    """Return a column as 64-bit floats; a missing value is NaN."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table.column(name)
    if not _is_number(column.type):
        raise ColumnNotDrawn(column=name, kind=str(column.type), wanted="two columns of numbers are")
    floats = pc.cast(column, pa.float64(), safe=False).fill_null(float("nan")).combine_chunks()
    return np.frombuffer(floats.buffers()[1] or b"", np.float64)[floats.offset : floats.offset + len(floats)]


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
