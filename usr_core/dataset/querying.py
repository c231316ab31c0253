"""Asking a dataset: single records and cells, patterns, what its columns hold, SQL. Nothing here changes a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from usr_core.dataset.site import Progress
from usr_core.dataset.viewing import Viewing

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.store.questions.describe import Description
    from usr_core.store.questions.sql_result import SqlResult
    from usr_core.store.view.merged_view import MergedView

__all__ = ["Querying"]


class Querying(Viewing):
    """`get`, `cell`, `grep`, `iter_grep`, `describe`, `sql`."""

    def get(
        self, ids: str | Iterable[str], *, columns: Sequence[str] | None = None, include_deleted: bool = False
    ) -> pa.Table:
        """Return records by id, merged, in the order of the ids; a repeated id counts once.

        Args:
            ids: One id or several.
            columns: Names in the order wanted, or None for all.
            include_deleted: Take deleted records too, and show the tombstone columns.

        Raises:
            RecordsNotFound, RecordsDeleted: No record has one of the ids, or it is deleted.
            UnknownColumn: A name is not a column of the view.
        """
        from usr_core.store.questions.get import get_records

        with self.view() as view:
            asked = [ids] if isinstance(ids, str) else ids
            return get_records(view, asked, columns, include_deleted=include_deleted)

    def cell(self, row: int, column: str) -> pa.Scalar:
        """Return one cell of the record number `row`, counted from 0 as `head` shows them.

        Raises:
            CellOutOfRange: The dataset has no such record.
            UnknownColumn: The view has no such column.
        """
        from usr_core.store.questions.cell import read_cell

        with self.view() as view:
            return read_cell(view, row, column)

    def grep(
        self,
        pattern: str,
        *,
        column: str = "sequence",
        limit: int = 20,
        ignore_case: bool = False,
        include_deleted: bool = False,
    ) -> pa.Table:
        """Return the first `limit` records (0 is all) whose `column` matches a pattern: their ids and that column.

        The pattern is RE2's, and may match anywhere in the text.

        Raises:
            PatternInvalid: The pattern is not a regular expression.
            UnknownColumn, ColumnNotText: The view has no such column, or it does not hold text.
        """
        import pyarrow as pa

        names = list(dict.fromkeys(["id", column]))
        with self.view() as view:
            schema = view.schema(names)
            found = self._grep(view, pattern, column, limit, ignore_case, include_deleted, None)
            return pa.Table.from_batches(found, schema)

    def iter_grep(
        self,
        pattern: str,
        *,
        column: str = "sequence",
        limit: int = 20,
        ignore_case: bool = False,
        include_deleted: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield what `grep` returns, batch by batch, as it is found."""
        with self.view() as view:
            yield from self._grep(view, pattern, column, limit, ignore_case, include_deleted, progress)

    def describe(
        self,
        columns: Sequence[str] | None = None,
        *,
        sample: int = 1024,
        include_deleted: bool = False,
        progress: Progress | None = None,
    ) -> Description:
        """Describe columns: type, null share, range or lengths, distinct texts, histogram.

        Args:
            columns: Names in the order wanted, or None for all.
            sample: Rows to look at, spread over the dataset; 0 is all.
            include_deleted: Look at deleted records too.
            progress: Called with the number of rows just done.

        Raises:
            UnknownColumn: A name is not a column of the view.
        """
        from usr_core.store.questions.describe import describe_columns

        with self.view() as view:
            return describe_columns(view, columns, sample=sample, include_deleted=include_deleted, progress=progress)

    def sql(
        self,
        statement: str,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        *,
        include_deleted: bool = False,
        memory_limit: str = "1GB",
    ) -> SqlResult:
        """Run one statement of DuckDB's SQL over the merged view, which is the table ``records``.

        Only the columns that the statement needs are read. The result is held in memory. float16 comes out as
        float32, and a time with a zone in microseconds and UTC; `scan` changes no type.

        Args:
            statement: The statement.
            parameters: Values for ``?``, or by name for ``$name``.
            include_deleted: Let deleted records and the tombstone columns be in the table.
            memory_limit: What DuckDB may take before it spills to a temporary folder.

        Raises:
            SqlFailed: DuckDB refused the statement, or failed at it.
        """
        from usr_core.store.questions.sql import run_sql
        from usr_core.store.questions.sql_result import SqlResult

        with self.view() as view:
            return SqlResult(
                run_sql(view, statement, parameters, include_deleted=include_deleted, memory_limit=memory_limit)
            )

    @staticmethod
    def _grep(
        view: MergedView,
        pattern: str,
        column: str,
        limit: int,
        ignore_case: bool,
        include_deleted: bool,
        progress: Progress | None,
    ) -> Iterator[pa.RecordBatch]:
        from usr_core.store.questions.grep import compile_pattern, grep_records

        return grep_records(
            view,
            compile_pattern(pattern, ignore_case=ignore_case),
            column=column,
            limit=limit,
            include_deleted=include_deleted,
            progress=progress,
        )
