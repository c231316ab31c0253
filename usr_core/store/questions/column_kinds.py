"""Types for the columns of a file, found by reading it with an importer.

Each column begins with the narrowest kind of value and takes the next one where a value does not fit, by the same rules
by which an attachment reads the file. A change begins another pass, so that a type holds for every row that was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from usr_core.errors import UsrError
from usr_core.plugin.specs import ImportRequest
from usr_core.records.arrays import plain_type
from usr_core.registry.type_parser import parse_type
from usr_core.registry.types import from_arrow
from usr_core.store.rules.errors import SourceUnreadable
from usr_core.values.bad_cell import BadCell
from usr_core.values.text import parse_text

if TYPE_CHECKING:
    from usr_core.plugin.importing import HostedImporter

__all__ = ["column_kinds"]

_KINDS = (
    "int64",
    "float64",
    "bool",
    "timestamp[us, UTC]",
    "timestamp[us]",
    "list<int64>",
    "list<float64>",
    "list<bool>",
    "list<string>",
    "list<list<float64>>",
    "string",
)
"""From the narrowest to the one that every text fits; 0 and 1 alone are numbers."""


def column_kinds(
    importer: HostedImporter,
    path: Path,
    columns: Sequence[str],
    *,
    options: Mapping[str, object] | None = None,
    rows: int | None = None,
) -> dict[str, str | None]:
    """Return the text of a type that the registry knows for each column; None for one without values that it can hold.

    Texts of digits that begin with 0, such as ``007``, stay texts. A column of a typed file keeps its type.

    Args:
        importer: What reads the file, as the plugin host gives it.
        path: The file.
        columns: Those that are asked about.
        options: The importer's options.
        rows: The types are to hold for so many rows at least; None reads the file whole, a batch at a time.

    Raises:
        SourceFileError: The file can't be read.

    Example:
        >>> from usr_core.api.results import column_kinds
        >>> column_kinds(dataset.host.importer("csv"), tmp_path / "more.csv", ["sequence"])
        {'sequence': 'string'}
    """
    found = {column: _Column() for column in columns}
    while not _fitting(importer, path, dict(options or {}), found, rows=rows):
        pass
    return {name: column.left[0] if column.valued and column.left else None for name, column in found.items()}


@dataclass(slots=True)
class _Column:
    """What is known of one column: the kinds that may still hold it, the narrowest first."""

    left: list[str] = field(default_factory=lambda: list(_KINDS))
    valued: bool = False

    @property
    def type(self) -> pa.DataType:
        return parse_type(self.left[0]).to_arrow()

    def narrow(self, values: pa.Array) -> bool:
        """Take the next kinds until the values fit; return whether there was a need to."""
        self.valued = self.valued or values.null_count < len(values)
        plain = plain_type(values.type)
        if pa.types.is_null(plain) or not self.left:
            return False
        if plain != pa.string():
            self.left = [] if plain != self.type and not _storable(plain) else [from_arrow(plain).canonical()]
            return False
        before = len(self.left)
        while self.left[0] != "string" and not _fits(values, self.left[0], self.type):
            del self.left[0]
        return len(self.left) < before


def _fitting(
    importer: HostedImporter,
    path: Path,
    options: Mapping[str, object],
    columns: Mapping[str, _Column],
    *,
    rows: int | None,
) -> bool:
    """Read the file with the types that the columns have now; return whether all rows fit.

    Where they do not, fewer kinds are left afterwards.
    """
    request = ImportRequest(
        path=path,
        columns=tuple(columns),
        types={name: column.type for name, column in columns.items() if column.left},
        options=options,
    )
    changed, read = False, 0
    opened = importer.open(request)
    try:
        for batch in opened.batches:
            for name, column in columns.items():
                if name in batch.schema.names and column.narrow(batch.column(name)):
                    changed = True
            read += len(batch)
            if rows is not None and read >= rows:
                break
    except SourceUnreadable as error:
        # A format that makes typed values itself, as JSON Lines does.
        found = columns.get(str(error.facts.get("column")))
        if found is None or len(found.left) < 2:
            raise
        del found.left[0]
        return False
    finally:
        opened.close()
    return not changed


def _fits(values: pa.Array, kind: str, arrow: pa.DataType) -> bool:
    texts = values.cast(pa.string())
    unlike = {"int64": r"^-?0\d", "float64": r"^-?0\d"}.get(kind, r"^\s*[^\[\s]" if kind.startswith("list") else None)
    if unlike is not None and pc.any(pc.match_substring_regex(texts, unlike)).as_py():
        return False
    try:
        parse_text(texts, arrow, parse_json=True)
    except BadCell:
        return False
    return True


def _storable(kind: pa.DataType) -> bool:
    try:
        from_arrow(kind)
    except UsrError:
        return False
    return True
