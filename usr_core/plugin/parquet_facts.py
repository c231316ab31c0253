"""Facts of a Parquet file that two hosts compute alike, whatever version of pyarrow each has.

Rows, columns and a digest of the schema's text are all in the footer, so a file of any size costs a few
kilobytes. The text is made here and not taken from pyarrow, whose wording changes between versions: one
JSON array per leaf column, holding what the Parquet format itself says about it. `PARQUET_FACTS_PROGRAM` is the same
rule for a host that has nothing but Python and pyarrow; a test holds the two together.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import IO, Any

__all__ = ["PARQUET_FACTS_PROGRAM", "parquet_facts"]

_LOGICAL = ("Type", "isAdjustedToUTC", "timeUnit", "bitWidth", "isSigned", "precision", "scale")

PARQUET_FACTS_PROGRAM = """\
import hashlib, json, os, sys
import pyarrow.parquet as pq
LOGICAL = ("Type", "isAdjustedToUTC", "timeUnit", "bitWidth", "isSigned", "precision", "scale")
def line(c):
    logical = json.loads(c.logical_type.to_json())
    length = c.length if c.physical_type == "FIXED_LEN_BYTE_ARRAY" else None
    return json.dumps([c.path, c.physical_type, length, c.max_definition_level, c.max_repetition_level]
                      + [logical.get(key) for key in LOGICAL])
for path in sys.argv[1:]:
    if not os.path.isfile(path):
        continue
    facts = {"path": path}
    try:
        with open(path, "rb") as opened:
            parquet = pq.ParquetFile(opened)
            text = "\\n".join(line(parquet.schema.column(i)) for i in range(len(parquet.schema)))
            facts.update(rows=parquet.metadata.num_rows, columns=parquet.metadata.num_columns,
                         schema=hashlib.sha256(text.encode("ascii")).hexdigest())
    except Exception as error:
        facts["error"] = str(error) or type(error).__name__
    print(json.dumps(facts))
"""
"""A Python program (3.6 or later, with pyarrow) that takes file names as arguments and prints a JSON object a line:
``{"path": …, "rows": …, "columns": …, "schema": …}``, or ``{"path": …, "error": …}`` for what it can't read. A name
that no regular file has gets no line. ``path`` is the argument as it was given."""


def parquet_facts(source: Path | IO[bytes]) -> dict[str, str | int]:
    """Return ``rows``, ``columns`` (leaf columns) and ``schema``, the sha256 of the schema's text, of a Parquet file.

    Args:
        source: The file, or its content opened for reading.

    Raises:
        OSError: The file can't be opened.
        pyarrow.ArrowInvalid: The content is not a Parquet file. (A `ValueError`.)

    Example:
        >>> from usr_core.api.transports import parquet_facts
        >>> facts = parquet_facts(dataset.layout.records)
        >>> facts["rows"], facts["columns"], len(facts["schema"])
        (3, 7, 64)
    """
    if isinstance(source, Path):
        with source.open("rb") as opened:
            return parquet_facts(opened)
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(source)
    text = "\n".join(_line(parquet.schema.column(index)) for index in range(len(parquet.schema)))
    return {
        "rows": parquet.metadata.num_rows,
        "columns": parquet.metadata.num_columns,
        "schema": hashlib.sha256(text.encode("ascii")).hexdigest(),
    }


def _line(column: Any) -> str:
    logical = json.loads(column.logical_type.to_json())
    return json.dumps(
        [
            column.path,
            column.physical_type,
            column.length if column.physical_type == "FIXED_LEN_BYTE_ARRAY" else None,
            column.max_definition_level,
            column.max_repetition_level,
            *(logical.get(key) for key in _LOGICAL),
        ]
    )
