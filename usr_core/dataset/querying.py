"""Questions in SQL over the datasets of a root: each that is named is a table, and no other is opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.commit.file_tree import FileTree
    from usr_core.roots.dataset_id import DatasetRef
    from usr_core.store.questions.sql import Parameters
    from usr_core.store.questions.sql_result import SqlResult
    from usr_core.store.versions.version import Version
    from usr_core.store.view.merged_view import MergedView

__all__ = ["CURRENT", "query_root"]

CURRENT = "d"
"""The name of the dataset that the question is about, beside its id."""


def query_root(
    root: Path,
    statement: str,
    parameters: Parameters | None = None,
    *,
    current: Callable[[], AbstractContextManager[MergedView]] | None = None,
    current_at: Callable[[str], AbstractContextManager[MergedView]] | None = None,
    allow_files: bool = False,
    include_deleted: bool = False,
    memory_limit: str = "1GB",
) -> SqlResult:
    """Run one SELECT over the datasets of a root, each a table under its id in double quotes.

    Behind an id, ``@`` and a version (see `Dataset.at`) mean the dataset as it was: ``"demo/promoters@17"``.

    Every dataset is read in one state of it; those of two datasets need not be of the same time. Only columns that
    the statement needs are read. The result is held in memory.

    Args:
        root: The root.
        statement: One SELECT of DuckDB's SQL; an ``order by`` is needed where order matters.
        parameters: Values for ``?``, or by name for ``$name``.
        current: Opens the view of the dataset that ``d`` means; None where there is none.
        current_at: Opens it as it was at a version, for ``"d@17"``; None where that can't be asked for.
        allow_files: Let the statement read other files of this machine; never the network.
        include_deleted: Let deleted records and the tombstone columns be in the tables.
        memory_limit: What DuckDB may take before it spills to a temporary folder.

    Raises:
        StatementRefused: It is not one SELECT, or names a table that is not there.
        SqlFailed: DuckDB refused the statement, or failed at it.
        AmbiguousDataset: A name without its folder means several datasets.
        VersionTextInvalid, VersionMissing, VersionNotShown: A dataset has no such version, or it is not kept whole.

    Example:
        >>> from usr_core.api.results import query_root
        >>> asked = 'select count(*), max(lab__gc) from "demo/promoters" where lab__gc > ?'
        >>> query_root(root, asked, [0.35]).fetchall()
        [(2, 0.55)]
        >>> query_root(root, 'select count(*) from "demo/promoters@1"').fetchall()
        [(0,)]
        >>> query_root(root, "drop table promoters")
        Traceback (most recent call last):
            ...
        usr_core.store.questions.errors.StatementRefused: The statement can't be run: it is not a SELECT, ...
    """
    from usr_core.commit.read_snapshot import read_consistent
    from usr_core.store.questions.errors import SqlFailed, StatementRefused
    from usr_core.store.questions.sql import run_tables
    from usr_core.store.questions.sql_result import SqlResult
    from usr_core.store.questions.statement import named_tables
    from usr_core.store.versions.version import find_version

    with ExitStack() as opened:
        views: dict[str, MergedView] = {}
        for name in named_tables(statement):
            if name.lower() in (known.lower() for known in views):  # one table to DuckDB
                continue
            bare, asked, at = name.partition("@")
            if bare.lower() == CURRENT and current is not None and not asked:
                views[name] = opened.enter_context(current())
                continue
            if bare.lower() == CURRENT and current_at is not None and asked:
                views[name] = opened.enter_context(current_at(at))
                continue
            ref = _dataset(root, bare, allow_files=allow_files)
            if ref is not None:
                version = find_version(ref.path, at, dataset=ref.name) if asked else None
                view = partial(_view, version=version, dataset=ref.name)
                views[name] = opened.enter_context(read_consistent(ref.path, view))
        try:
            table = run_tables(
                views,
                statement,
                parameters,
                include_deleted=include_deleted,
                memory_limit=memory_limit,
                files=allow_files,
            )
        except SqlFailed as error:
            if "disabled by configuration" not in str(error):
                raise
            hint = "Let it read files of this machine with --allow-files (allow_files=True in Python)."
            raise StatementRefused("it reads a file, which is not allowed", hint=hint, value=statement) from error
    return SqlResult(_with_integers(table))


def _view(tree: FileTree, version: Version | None, dataset: str) -> MergedView:
    from usr_core.store.versions.tree import files_of
    from usr_core.store.view.merged_view import MergedView

    return MergedView.open(files_of(tree, version, dataset=dataset))


def _with_integers(table: pa.Table) -> pa.Table:
    """Return the result with sums of integers, decimals of 38 digits to DuckDB, as integers where they hold them."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if field.type == pa.decimal128(38, 0):
            try:
                table = table.set_column(place, field.name, table.column(place).cast(pa.int64()))
            except pa.ArrowInvalid:  # one of them is beyond 64 bits
                continue
    return table


def _dataset(root: Path, name: str, *, allow_files: bool) -> DatasetRef | None:
    """Return the dataset that a table's name means; None where it may mean something that is not of the root."""
    from usr_core.roots.dataset_id import list_datasets, resolve_dataset
    from usr_core.roots.errors import ArchivedPath, DatasetMissing, InvalidDatasetId
    from usr_core.store.questions.errors import StatementRefused

    try:
        return resolve_dataset(root, name)
    except (ArchivedPath, DatasetMissing, InvalidDatasetId) as error:
        if allow_files or name.lower().startswith(("duckdb_", "pg_", "sqlite_")):
            return None
        from difflib import get_close_matches

        if name.lower() == CURRENT:
            hint = "Give -d DATASET, stand in a dataset's folder, or name the dataset by its id."
            raise StatementRefused("d is the current dataset, and there is none", hint=hint) from error
        near = get_close_matches(name, [ref.name for ref in list_datasets(root)], n=3, cutoff=0.5)
        hint = f"Did you mean {', '.join(near)}? " if near else "`usr ls` lists the datasets. "
        hint += "An id is written in double quotes; other files can be read with --allow-files."
        raise StatementRefused(f"there is no dataset {name!r} in this root", hint=hint) from error
