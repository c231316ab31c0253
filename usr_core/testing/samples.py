"""Values of every form of registry type, with those that formats most often get wrong."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ODD_TEXTS", "SAMPLES", "arrow_type", "sample_table"]

ODD_TEXTS = (
    "λ ẞ 日本 🧬",
    "",
    " padded ",
    "007",
    "NA",
    "null",
    "1e5",
    'say "a, b"; \\n\t!',
    "line 1\nline 2\r\nline 3",
)
"""Texts whose spelling has to survive."""

_DAY = dt.date(2024, 2, 29)
_TIME = dt.datetime(1969, 12, 31, 23, 59, 59)
_INSTANT = _TIME.replace(tzinfo=dt.UTC)

SAMPLES: dict[str, tuple[object, ...]] = {
    "string": (*ODD_TEXTS, None),
    "bool": (True, None, False),
    **{f"int{bits}": (-(2 ** (bits - 1)), None, 0, 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, None, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "float16": (1.5, None, -0.0, float("inf")),
    "float32": (0.1, None, -0.0, float("inf"), float("-inf"), float("nan"), 1e-45),
    "float64": (0.1, None, -0.0, float("inf"), float("-inf"), float("nan"), 5e-324, 1.7976931348623157e308),
    "binary": (b"\x00\xff,\n", None, b""),
    "date32": (_DAY, None, dt.date(1, 1, 1)),
    **{f"timestamp[{unit}]": (_TIME, None) for unit in ("s", "ms", "us", "ns")},
    "timestamp[us, UTC]": (_INSTANT, None),
    "timestamp[us, Europe/Zurich]": (_INSTANT, None),
    "list<string>": (["a,b", None, ""], None, []),
    "list<list<int64>>": ([[1, None], None, []], None),
    "fixed_size_list<float32>[2]": ([1.0, None], None, [0.5, -1.5]),
    "struct<a:int64,b:list<string>>": ({"a": 1, "b": ["x"]}, None, {"a": None, "b": None}),
    "list<struct<tf:string,offset:int64>>": ([{"tf": "lexA", "offset": -3}], None, [{"tf": None, "offset": None}]),
}
"""By the registry's spelling of the type: values in which nulls, limits and empty things occur."""


def arrow_type(spelling: str) -> pa.DataType:
    """Return the Arrow type that the registry means by a spelling."""
    from usr_core.registry.type_parser import parse_type

    return parse_type(spelling).to_arrow()


def sample_table(spelling: str) -> pa.Table:
    """Return a table of one column ``x`` with the sample values of a type."""
    import pyarrow as pa

    return pa.table({"x": pa.array(SAMPLES[spelling], arrow_type(spelling))})
