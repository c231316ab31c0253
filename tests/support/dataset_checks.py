"""Comparing a dataset with its model (`support.dataset_model`), each promise with one read of the dataset."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

from support.dataset_model import COLUMNS, DatasetModel, namespace_of, same
from support.tree import tree_digest
from usr_core import Dataset

__all__ = ["check_log", "check_overview", "check_rows", "check_snapshots", "check_validity"]

_BASE = ("id", "bio_type", "sequence", "alphabet", "length", "source", "created_at")
_STATE = ("masked", "qc_status", "split", "supersedes", "lineage")


def check_rows(dataset: Dataset, model: DatasetModel, created: dict[str, Any], *, deleted: bool) -> None:
    """The view has the model's records in its order with its values; deleted ones only where they are asked for.

    Args:
        dataset, model: The two.
        created: Times by id, which never change; those of new records are added.
        deleted: Ask for the deleted ones too.
    """
    shown = dataset.to_arrow(include_deleted=deleted)
    names, rows = shown.column_names, {row["id"]: row for row in shown.to_pylist()}
    expected = list(model.rows) if deleted else model.live
    assert expected == shown["id"].to_pylist()
    assert list(_BASE) == names[: len(_BASE)]
    assert {*model.base} <= {*names}
    assert deleted == ("usr__deleted" in names)
    for one, row in rows.items():
        record = model.rows[one]
        given = (one, record.bio_type, record.sequence, record.alphabet, len(record.sequence), record.source)
        assert given == tuple(row[name] for name in _BASE[:-1])
        assert created.setdefault(one, row["created_at"]) == row["created_at"]
        for column in (name for columns in COLUMNS.values() for name in columns):
            value = model.value(column, one)
            assert same(value, row.get(column)), (one, column, value, row.get(column))
        for name in _STATE:
            value = model.state.get(one, {}).get(name)
            value = list(value) if isinstance(value, tuple) else value
            assert value == row.get(f"usr_state__{name}"), (one, name)
        if deleted:
            told = (row["usr__deleted"], row["usr__deleted_reason"], row["usr__deleted_at"] is not None)
            there = one in model.tombstones
            assert (there or None, model.tombstones.get(one), there) == told


def check_overview(dataset: Dataset, model: DatasetModel) -> None:
    """What `info` counts is what the model has."""
    found = dataset.overview()
    assert (len(model.live), len(model.tombstones)) == (found.rows, found.deleted)
    assert (len(model.events), model.events[-1]) == (found.events, found.last_action)
    namespaces = {one.name: one for one in found.namespaces if one.name in COLUMNS}
    assert model.parts == {name: one.files for name, one in namespaces.items()}
    assert {name: len(model.unmatched(name)) for name in model.parts} == {
        name: one.unmatched for name, one in namespaces.items()
    }
    assert {*model.base} == {one.name for one in found.columns if "base" in one.origin} - {*_BASE}
    assert all(namespace_of(column) in namespaces for column, values in model.attached.items() if values)


def check_validity(dataset: Dataset) -> None:
    """Strict validation finds nothing."""
    report = dataset.validate(strict=True)
    assert report.ok, report


def check_log(dataset: Dataset, model: DatasetModel) -> None:
    """The log has one event for each change, and its chain is whole."""
    assert [] == dataset.verify_events()
    assert model.events == [line.event["action"] for line in dataset.events()]


def check_snapshots(dataset: Dataset, model: DatasetModel, seen: dict[int, Any]) -> None:
    """There is one snapshot for each that was taken; a new one shows what the base was, the others are as they were."""
    files = sorted((dataset.path / "_snapshots").glob("*")) if model.snapshots else []
    assert len(model.snapshots) == len(files)
    for number, (file, (ids, values)) in enumerate(zip(files, model.snapshots, strict=True)):
        content = tree_digest(file)
        if number not in seen:
            kept = pq.read_table(file).to_pylist()
            assert list(ids) == [row["id"] for row in kept]
            for row in kept:
                for column, cells in values.items():
                    assert same(cells.get(row["id"]), row[column]), (file.name, row["id"], column)
        assert seen.setdefault(number, content) == content
