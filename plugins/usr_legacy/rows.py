"""The rows of old exports, brought to the names of today: a record, and the values of a namespace beside it.

A name is looked up without the prefixes that DenseGen used over time (``densegen__``, ``meta_``). What is neither
a record's column nor registered is left out and told. Old ids are left out too: ids are computed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usr_legacy.errors import LegacyFileInvalid, LegacyRowInvalid

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.api.plugins import HostedImporter

__all__ = ["LegacyRow", "LegacyRows", "Naming", "read_rows"]

_RECORD = ("sequence", "bio_type", "alphabet", "source", "created_at")
_PREFIXES = ("meta_", "meta__")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyRow:
    """One row; `row` counts from 1 in its file, `record` and `values` go by today's names."""

    path: Path
    row: int
    record: Mapping[str, object]
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyRows:
    """All rows in order, and the names that were left out, sorted."""

    rows: Sequence[LegacyRow]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What old names mean.

    Attributes:
        namespace: The one whose columns get the values.
        types: Its registered columns by full name; empty where it is not registered.
        renamed: Old names to new ones, as the user gave them.
    """

    namespace: str
    types: Mapping[str, pa.DataType]
    renamed: Mapping[str, str]

    def meaning(self, name: str) -> tuple[str | None, str | None]:
        """Return (record's column, namespace's full column), at most one of them."""
        plain = self.renamed.get(name, name)
        if plain in _RECORD:
            return plain, None
        bare = plain.removeprefix(f"{self.namespace}__")
        for form in (bare, *(bare.removeprefix(p) for p in _PREFIXES if bare.startswith(p))):
            if f"{self.namespace}__{form}" in self.types:
                return None, f"{self.namespace}__{form}"
            if form == "source":
                return form, None
        return None, None


def read_rows(paths: Iterable[Path], naming: Naming, csv: HostedImporter) -> LegacyRows:
    """Read all files into memory.

    Raises:
        LegacyFileInvalid, LegacyHoldsCode, TorchMissing: A file can't be read.
        LegacyRowInvalid: A row is not a dict with text for keys, gives one column twice, or has a value that its
                column can't hold.
        SourceFileError: A CSV file can't be read.
    """
    rows: list[LegacyRow] = []
    ignored: set[str] = set()
    for path in paths:
        if path.suffix.lower() == ".pt":
            raw, as_text = _of_pickle(path), False
        elif path.name.lower().endswith((".csv", ".csv.gz", ".csv.zst")):
            raw, as_text = _of_csv(path, csv), True
        else:
            raise LegacyFileInvalid(path=path, reason="The file's ending is neither .csv nor .pt.")
        for number, entry in enumerate(raw, 1):
            record: dict[str, object] = {}
            values: dict[str, object] = {}
            for name, value in entry.items():
                of_record, column = naming.meaning(name)
                if of_record is None and column is None:
                    ignored.add(name)
                    continue
                target = record if of_record is not None else values
                key = of_record or column or ""
                if target.get(key) is not None and value is not None:
                    raise LegacyRowInvalid(
                        path=path, reason=f"{key} is given twice, under two names.", row=number, column=name
                    )
                if target.get(key) is None:
                    kind = None if column is None else naming.types[column]
                    target[key] = _typed(path, number, name, value, kind, as_text=as_text)
            rows.append(LegacyRow(path=path, row=number, record=record, values=values))
    return LegacyRows(rows=rows, ignored=tuple(sorted(ignored)))


def _of_csv(path: Path, csv: HostedImporter) -> Iterator[Mapping[str, object]]:
    from usr_core.api import ImportRequest

    for batch in csv.read(ImportRequest(path=path)):
        yield from batch.to_pylist()


def _of_pickle(path: Path) -> Iterator[Mapping[str, object]]:
    from usr_legacy.tensors import load_rows_object

    held = load_rows_object(path)
    if not isinstance(held, list | tuple):
        raise LegacyFileInvalid(path=path, reason=f"The file holds a {type(held).__name__}, not a list of dicts.")
    for number, entry in enumerate(held, 1):
        if not isinstance(entry, dict) or not all(isinstance(name, str) for name in entry):
            kind = type(entry).__name__
            raise LegacyRowInvalid(path=path, reason=f"The row is a {kind}, not a dict with text for keys.", row=number)
        try:
            yield {name: _plain(value) for name, value in entry.items()}
        except RecursionError:
            raise LegacyRowInvalid(
                path=path, reason="The row holds itself, or is nested too deeply.", row=number
            ) from None


def _plain(value: Any) -> object:
    """Return tensors and arrays as lists or numbers."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def _typed(path: Path, row: int, name: str, value: object, kind: pa.DataType | None, *, as_text: bool) -> object:
    """Return text as what it stands for: nested values (JSON, or as Python prints them), in a CSV numbers too."""
    import pyarrow.types as kinds

    if kind is None or not isinstance(value, str) or kinds.is_string(kind):
        return value
    if kinds.is_nested(kind):
        return _nested(path, row, name, value)
    if not as_text:
        return value
    import pyarrow as pa

    from usr_core.api import BadCell
    from usr_core.api.arrow import parse_text

    try:
        return parse_text(pa.array([value], pa.string()), kind, parse_json=True)[0].as_py()
    except BadCell as bad:
        raise LegacyRowInvalid(
            path=path, reason=f"The cell is not {kind}: {bad.reason}.", row=row, column=name, value=value
        ) from None


def _nested(path: Path, row: int, name: str, text: str) -> object:
    from usr_core.api.arrow import loads

    try:
        return loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        reason = "The cell is neither JSON nor a list as Python prints it."
        raise LegacyRowInvalid(path=path, reason=reason, row=row, column=name, value=text) from None
