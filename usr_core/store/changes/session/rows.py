"""The rows of a session: a record beside the overlay values that belong to it, in one Arrow batch.

A batch has the seven columns of a record, then each namespace's columns by their full names, and for each
namespace a column ``<namespace>`` (bool) that says whether the row has values there at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from usr_core.errors import counted
from usr_core.records.base_schema import base_schema
from usr_core.records.bulk_ids import IdHasher
from usr_core.registry.document import RESERVED_NAMESPACES, Registry
from usr_core.store.changes.attach.values import full_name
from usr_core.store.changes.import_.request import batches_of_rows, columns_of_rows
from usr_core.store.changes.session.errors import SessionRowError
from usr_core.store.changes.session.values import column_of
from usr_core.store.errors import NamespaceReservedHere
from usr_core.store.rules.rows import ImportDefaults, RowReader

__all__ = ["OverlayRows", "as_schema", "record_batch", "session_schema"]

OverlayRows = Mapping[str, Sequence[Mapping[str, object] | None]]
"""For each namespace one mapping a record, bare or full column names to values; None where there is none."""

_Rows = Sequence[Mapping[str, object]]


def session_schema(registry: Registry, namespaces: Iterable[str]) -> pa.Schema:
    """Return the columns of a session's rows.

    Raises:
        NamespaceNotRegistered: A namespace is not registered.
        NamespaceReservedHere: A namespace is one of USR's own.
    """
    for name in namespaces:
        if name in RESERVED_NAMESPACES:
            raise NamespaceReservedHere(namespace=name, verb="a writer session")
    fields = list(base_schema())
    for name in namespaces:
        entry = registry.namespace(name)
        fields.extend(pa.field(column.name, column.type.to_arrow()) for column in entry.columns)
        fields.append(pa.field(name, pa.bool_(), nullable=False))
    return pa.schema(fields)


def record_batch(
    records: _Rows,
    overlays: OverlayRows,
    *,
    schema: pa.Schema,
    namespaces: Sequence[str],
    defaults: ImportDefaults,
    hasher: IdHasher,
    label: str,
) -> pa.RecordBatch:
    """Return the rows of one call as a batch, checked as an import checks them.

    Raises:
        ImportCellError, UnknownBioType, UnknownAlphabet, AlphabetMismatch: A record breaks a rule.
        SessionRowError: An overlay has another number of rows, an unknown column, or a value of another type.
    """
    for index, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise SessionRowError("a record is not a mapping", row=index + 1, value=record)
    names = columns_of_rows(records)
    reader = RowReader(label=label, defaults=defaults, hasher=hasher)
    base = [reader.read(batch) for batch in batches_of_rows(records, names, label=label)]
    batches = pa.Table.from_batches(base).combine_chunks().to_batches()
    if len(batches) > 1:
        raise SessionRowError("one call holds more than 2 GiB of text; add the records in several calls")
    rows = batches[0]
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    for namespace in overlays:
        if namespace not in namespaces:
            raise SessionRowError(f"namespace {namespace!r} was not named when the session was opened")
    for namespace in namespaces:
        columns.update(_overlay_columns(overlays.get(namespace), namespace, len(records), schema))
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _overlay_columns(
    rows: Sequence[Mapping[str, object] | None] | None, namespace: str, count: int, schema: pa.Schema
) -> dict[str, pa.Array]:
    known = [name for name in schema.names if name.startswith(f"{namespace}__")]
    if rows is None:
        rows = [None] * count
    if isinstance(rows, Mapping | str):
        raise SessionRowError(f"{namespace} has no list of rows", value=rows)
    if len(rows) != count:
        raise SessionRowError(f"{namespace} has {counted(len(rows), 'row')} for {counted(count, 'record')}")
    registered = frozenset(known)
    spelled: dict[object, str] = {}  # rows have the same few names, again and again
    for index, row in enumerate(rows):
        if row is None:
            continue
        if not isinstance(row, Mapping):
            raise SessionRowError(f"{namespace} has a row that is not a mapping", row=index + 1, value=row)
        for name in row.keys() - spelled.keys():
            spelled[name] = full_name(str(name), namespace)
            if spelled[name] not in registered:
                raise SessionRowError("the column is not registered", column=spelled[name], row=index + 1)
    if len(set(spelled.values())) < len(spelled):
        rows = _with_full_names(rows, spelled)
        spelled = {name: name for name in spelled.values()}
    given: dict[str, Any] = {name: spelling for spelling, name in spelled.items()}
    nothing: dict[str, object] = {}
    columns: dict[str, pa.Array] = {}
    for name in known:
        field = schema.field(name)
        if name in given:
            spelling = given[name]
            columns[name] = column_of([(row or nothing).get(spelling) for row in rows], field)
        else:
            columns[name] = pa.nulls(count, field.type)
    columns[namespace] = pa.array([row is not None for row in rows], pa.bool_())
    return columns


def _with_full_names(
    rows: Sequence[Mapping[str, object] | None], spelled: Mapping[object, str]
) -> list[Mapping[str, object] | None]:
    """Return rows of which some have a column with its prefix and others without; none may have it twice."""
    named: list[Mapping[str, object] | None] = []
    for index, row in enumerate(rows):
        full = None if row is None else {spelled[name]: value for name, value in row.items()}
        if full is not None and row is not None and len(full) < len(row):
            raise SessionRowError("a column is given twice, with its prefix and without", row=index + 1)
        named.append(full)
    return named


def as_schema(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return journalled rows with the columns of `schema`: what was registered since they were written is null.

    Raises:
        SessionRowError: The rows have a column that `schema` lacks, or has with another type.
    """
    if batch.schema.equals(schema):
        return batch
    for field in batch.schema:
        if schema.get_field_index(field.name) < 0 or not schema.field(field.name).type.equals(field.type):
            raise SessionRowError(f"the journal's column {field.name} is not registered as {field.type} any more")
    columns = [
        batch.column(field.name)
        if batch.schema.get_field_index(field.name) >= 0
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
