"""The forms of Arrow types that conversions tell apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pyarrow as pa
import pyarrow.types as kinds

__all__ = ["Form", "form_of"]

Form = Literal["text", "integer", "float", "boolean", "binary", "date", "timestamp", "list", "fixed_list", "struct"]

_TESTS: dict[Form, Callable[[pa.DataType], bool]] = {
    "text": kinds.is_string,
    "integer": kinds.is_integer,
    "float": kinds.is_floating,
    "boolean": kinds.is_boolean,
    "binary": kinds.is_binary,
    "date": kinds.is_date32,
    "timestamp": kinds.is_timestamp,
    "list": kinds.is_list,
    "fixed_list": kinds.is_fixed_size_list,
    "struct": kinds.is_struct,
}


def form_of(kind: pa.DataType) -> Form:
    """Return the form of a type that the registry knows.

    Raises:
        TypeError: The registry has no such type.
    """
    for form, applies in _TESTS.items():
        if applies(kind):
            return form
    raise TypeError(f"{kind} is not a type of the registry")
