"""Reading a dataset: its merged view and what is asked of it. Nothing here changes a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from usr_core.dataset.site import DatasetSite, Progress
from usr_core.values.names import names_given

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from usr_core.commit.file_tree import FileTree
    from usr_core.dataset.compared import Comparable
    from usr_core.dataset.page import ExplorePage
    from usr_core.events.chain import ChainFault
    from usr_core.events.log import LogLine
    from usr_core.events.log_entry import LogEntry
    from usr_core.store.changes.state import RecordState
    from usr_core.store.checks.validate import RegistryMode, ValidationReport
    from usr_core.store.ids.lookup import AskedIds
    from usr_core.store.questions.choice import Choice
    from usr_core.store.questions.compare.outcome import Comparison
    from usr_core.store.questions.compare.sides import Side
    from usr_core.store.questions.describe import Description
    from usr_core.store.questions.export import ExportOutcome
    from usr_core.store.questions.overview import ColumnOverview, Overview
    from usr_core.store.questions.row_filter import Where
    from usr_core.store.questions.scan import Scan
    from usr_core.store.questions.sql_result import SqlResult
    from usr_core.store.view.merged_view import MergedView

__all__ = ["Reading"]


class Reading(DatasetSite):
    """Views, single records and cells, patterns, frames, streams, exports, validation, events."""

    # ------------------------------------------------------------- earlier versions

    def at(self, version: str | int) -> Self:
        """Return this dataset as it was at an earlier version, to be read; what would change it is refused.

        A version is what an event has left: its records, in their order, with the values, tombstones and states of
        then. Nothing is copied for it: records are only ever added behind others, and parts of overlays are never
        changed. What later changes replaced is there where the dataset keeps it.

        Args:
            version: ``17``, the number of an event, as ``usr log`` shows them; ``"now"``; a time such as
                ``"2026-11-20T12:00"`` (UTC, where no offset is given), which means the last event until then; a field
                of an event with its value, such as ``"actor.run_id=r7"``, which means the last event that has it; or
                the name of a tag.

        Raises:
            VersionTextInvalid: The text has none of these forms.
            VersionMissing: The dataset has no such version.
            DatasetMissing: The dataset does not exist.

        Example:
            >>> dataset.add_sequences([{"sequence": "CCCCC"}]).added
            1
            >>> dataset.rows, dataset.at(3).rows, dataset.at("now").version
            (4, 3, 4)
            >>> dataset.at(3).to_arrow(columns=["lab__gc"])["lab__gc"].to_pylist()
            [0.4, 0.3, 0.55]
            >>> dataset.at(3).delete(ids[:1])
            Traceback (most recent call last):
                ...
            usr_core.store.versions.errors.VersionReadOnly: demo/promoters was opened as it was at version 3, ...
        """
        from usr_core.store.versions.version import find_version

        self._require_records()
        past = copy(self)
        past._version = find_version(self.path, version, dataset=self.name)
        return past

    # ------------------------------------------------------------- the merged view

    @contextlib.contextmanager
    def view(self, *, namespaces: Sequence[str] | None = None) -> Iterator[MergedView]:
        """Open the merged view of one state of the dataset; writers may go on meanwhile.

        Rows are the base's, in its order. The files stay open until the end of the block.

        Args:
            namespaces: Whose overlays to merge, or None for all.

        Raises:
            NoSuchOverlay: The dataset has neither an overlay nor a materialized column of one of them.

        Example:
            >>> with dataset.view(namespaces=["lab"]) as view:
            ...     view.rows, view.schema(["sequence", "lab__gc"]).types
            (3, [DataType(string), DataType(double)])
        """
        with self._open_view(namespaces) as opened:
            yield opened

    def _few_rows(self, read: Callable[[MergedView], pa.Table], namespaces: Sequence[str] | None = None) -> pa.Table:
        """Read a few rows of a view in which parts that are remembered are opened late."""
        from usr_core.store.view.part_catalogue import Overtaken

        for few_rows in (True, False):
            try:
                with self._open_view(namespaces, few_rows=few_rows) as opened:
                    return read(opened)
            except Overtaken:
                continue
        raise AssertionError("parts that were all open were overtaken")

    def _open_view(self, namespaces: Sequence[str] | None = None, *, few_rows: bool = False) -> MergedView:
        """Return an open view, which the caller closes; `few_rows` as for `MergedView.open`.

        Raises:
            DatasetMissing: The dataset does not exist (`Dataset.open` allows one that is still to be made).
            NoSuchOverlay: The dataset has nothing of a namespace.
        """
        from usr_core.commit.read_snapshot import read_consistent
        from usr_core.store.errors import BaseMissing
        from usr_core.store.view.merged_view import MergedView

        namespaces = names_given(namespaces)

        def opened(found: FileTree) -> MergedView:
            tree = self._seen(found)
            view = MergedView.open(tree, namespaces=namespaces, few_rows=few_rows)
            try:
                _refuse_unknown(namespaces or (), view, tree)
            except BaseException:
                view.close()
                raise
            return view

        try:
            return read_consistent(self.path, opened)
        except BaseMissing:
            self._require_records()
            raise

    # ------------------------------------------------------------- asking

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

        Example:
            >>> dataset.get([ids[2], ids[0]], columns=["lab__gc", "lab__sigma"]).to_pylist()
            [{'lab__gc': 0.55, 'lab__sigma': None}, {'lab__gc': 0.4, 'lab__sigma': 'sigma70'}]
            >>> dataset.get("0" * 40)
            Traceback (most recent call last):
                ...
            usr_core.store.questions.errors.RecordsNotFound: No record has the id ...
        """
        from usr_core.store.questions.get import get_records

        asked = [ids] if isinstance(ids, str) else list(ids)
        return self._few_rows(lambda view: get_records(view, asked, columns, include_deleted=include_deleted))

    def cell(self, row: int, column: str) -> pa.Scalar:
        """Return one cell of the record number `row`, counted from 0 as `head` shows them.

        Deleted records are not counted. The scalar has the column's Arrow type.

        Raises:
            CellOutOfRange: The dataset has no such record.
            UnknownColumn: The view has no such column.

        Example:
            >>> dataset.cell(1, "lab__gc").as_py()
            0.3
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
        where: Where | None = None,
        include_deleted: bool = False,
    ) -> pa.Table:
        """Return the first `limit` records (0 is all) whose `column` matches a pattern: their ids and that column.

        The pattern is RE2's, and may match anywhere in the text. With `where`, see `scan`, only the records that
        meet it are searched.

        Rows are in the base's order.

        Raises:
            PatternInvalid: The pattern is not a regular expression.
            ConditionInvalid, FilterInvalid: `where` can't be used.
            UnknownColumn, ColumnNotText: The view has no such column, or it does not hold text.

        Example:
            >>> dataset.grep("TTGACA|TATAAT", limit=5)["sequence"].to_pylist()
            ['TTGACAGGCTAACTGGATAT']
            >>> dataset.grep("^sigma", column="lab__sigma").num_rows
            2
        """
        import pyarrow as pa

        names = list(dict.fromkeys(["id", column]))
        with self.view() as view:
            schema = view.schema(names)
            found = self._grep(view, pattern, column, limit, ignore_case, where, include_deleted, None)
            return pa.Table.from_batches(found, schema)

    def iter_grep(
        self,
        pattern: str,
        *,
        column: str = "sequence",
        limit: int = 20,
        ignore_case: bool = False,
        where: Where | None = None,
        include_deleted: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield what `grep` returns, batch by batch, as it is found.

        Raises:
            PatternInvalid, ConditionInvalid, FilterInvalid, UnknownColumn, ColumnNotText: As `grep`.

        Example:
            >>> [batch["sequence"].to_pylist() for batch in dataset.iter_grep("ATTACA", limit=0)]
            [['GATTACAGATTACAGATTAC', 'GGGCCCATATCGCGATTACA']]
        """
        with self.view() as view:
            yield from self._grep(view, pattern, column, limit, ignore_case, where, include_deleted, progress)

    def motif(
        self,
        motif: str,
        *,
        mismatches: int = 0,
        both_strands: bool | None = None,
        circular: bool | None = None,
        limit: int = 0,
        where: Where | None = None,
        include_deleted: bool = False,
        progress: Progress | None = None,
    ) -> pa.RecordBatchReader:
        """Return a reader of the hits of a motif: id, start (from 0), end, strand, mismatches and the letters found.

        The motif is written in IUPAC's letters, with gaps of one length (``N{17}``) or of several (``N{15,19}``); ``X``
        in proteins. Overlapping hits are all there, in the base's order, then by start, end and strand. Positions are
        those of the sequence as it is, on both strands. Memory grows neither with the rows nor with the hits. An error
        met while it reads is Arrow's, with the message of ours, as with `scan`.

        Args:
            motif: The motif.
            mismatches: How many letters that are not gaps may differ, from 0 to 3.
            both_strands: Look for the reverse complement too; None where there is another strand.
            circular: Let hits go on at the beginning of a sequence; their end is then more than its length. None where
                a column ``…__topology`` says ``circular``.
            limit: Stop after so many hits; 0 is all.
            where: Look only at records that meet it, see `scan`.
            include_deleted: Look at deleted records too.
            progress: Called with the number of rows searched since its last call.

        Raises:
            MotifInvalid, MotifMismatches: The motif can't be looked for.
            MotifStrands: `both_strands` is set, and there are proteins, which have one strand.
            ConditionInvalid, FilterInvalid, PatternInvalid, UnknownColumn: `where` can't be used.

        Example:
            >>> hits = dataset.motif("TTGACAN{8}GGT", mismatches=1).read_all()
            >>> hits.select(["start", "end", "strand", "mismatches", "site"]).to_pylist()
            [{'start': 0, 'end': 17, 'strand': '+', 'mismatches': 1, 'site': 'TTGACAGGCTAACTGGA'}]
        """
        import pyarrow as pa

        from usr_core.store.questions.motif_hits import HITS, find_motif

        view = self._open_view()
        try:
            found = find_motif(
                view,
                motif,
                mismatches=mismatches,
                both_strands=both_strands,
                circular=circular,
                limit=limit,
                where=where,
                include_deleted=include_deleted,
                progress=progress,
            )
        except BaseException:
            view.close()
            raise

        def batches() -> Iterator[pa.RecordBatch]:
            with view:
                yield from found

        return pa.RecordBatchReader.from_batches(HITS, batches())

    def describe(
        self,
        columns: Sequence[str] | None = None,
        *,
        sample: int = 1024,
        where: Where | None = None,
        include_deleted: bool = False,
        progress: Progress | None = None,
    ) -> Description:
        """Describe columns: type, null share, range or lengths, distinct texts, histogram.

        Memory does not grow with the rows: histograms and distinct counts are kept over a thinned sample.

        Args:
            columns: Names in the order wanted, or None for all.
            sample: Rows to look at, spread over the dataset; 0 is all.
            where: Look at every record that meets it, see `scan`, instead of a sample.
            include_deleted: Look at deleted records too.
            progress: Called with the number of rows just done.

        Raises:
            UnknownColumn: A name is not a column of the view.

        Example:
            >>> (gc,) = dataset.describe(["lab__gc"], sample=0).columns
            >>> gc.type, gc.summary.rows, gc.summary.nulls, gc.summary.maximum.as_py()
            ('float64', 3, 0, 0.55)
        """
        from usr_core.store.questions.describe import describe_columns

        with self.view() as view:
            return describe_columns(
                view, columns, sample=sample, where=where, include_deleted=include_deleted, progress=progress
            )

    def explore(self, *, port: int | None = None, browser: bool = True) -> ExplorePage:
        """Serve the page of `usr explore` by a process of its own, and open it; Python goes on meanwhile.

        The page ends with `stop`, as a context manager, and with this process. In a notebook it shows as a link, with
        the panels below it as they are, which needs the extra ``report``.

        Args:
            port: The port; by default a free one.
            browser: Open it in a browser.

        Raises:
            PageNotServed: It can't be; the extra ``explore`` is not installed, or the dataset does not exist.

        Example:
            >>> with dataset.explore(browser=False) as page:
            ...     page.url.startswith("http://127.0.0.1:")
            True
        """
        from usr_core.dataset.page import ExplorePage

        return ExplorePage(self.ref.root, self.ref.name, at=self.version, port=port, browser=browser)

    def plot(self, x: str, y: str | None = None, *, where: Where | None = None) -> alt.Chart:
        """Return a picture of a column, or of two columns of numbers against each other, as a chart of altair.

        One column of numbers is a histogram, one of text or booleans bars of its most frequent values. Two columns are
        points up to 5,000 records, and squares with counts beyond. Only these two columns are read.

        Args:
            x: A column.
            y: Another one, or None.
            where: Draw only the records that meet it, see `scan`.

        Raises:
            PackageMissing: altair is not installed.
            ColumnNotDrawn: A column has a type that is not drawn.
            UnknownColumn, ConditionInvalid, FilterInvalid, PatternInvalid: As `scan`.

        Example:
            >>> dataset.plot("lab__gc").mark
            'bar'
            >>> dataset.plot("lab__gc", "length", where="lab__gc > 0.3").to_dict()["data"]["values"]
            [{'x': 0.4, 'y': 20.0}, {'x': 0.55, 'y': 20.0}]
        """
        from usr_core.dataset.plotting import plot_columns

        return plot_columns(self.to_arrow(columns=[x] if y in (None, x) else [x, str(y)], where=where), x, y)

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

        Example:
            >>> dataset.sql("SELECT lab__sigma, lab__gc FROM records WHERE lab__gc < ?", [0.35]).fetchall()
            [('sigma32', 0.3)]
            >>> dataset.sql("SELECT lab__score FROM records")
            Traceback (most recent call last):
                ...
            usr_core.store.questions.errors.SqlFailed: The statement failed: Binder Error: Referenced column ...
        """
        from usr_core.store.questions.sql import run_sql
        from usr_core.store.questions.sql_result import SqlResult

        with self.view() as view:
            return SqlResult(
                run_sql(view, statement, parameters, include_deleted=include_deleted, memory_limit=memory_limit)
            )

    def query(
        self,
        statement: str,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        *,
        include_deleted: bool = False,
        allow_files: bool = False,
        memory_limit: str = "1GB",
    ) -> SqlResult:
        """Run one SELECT over the datasets of the root: this one is the table ``d``, each has its id in double quotes.

        It only reads, and reaches no other file unless `allow_files` is set. Only the datasets that it names are
        opened, and the columns that it needs are read. The result is held in memory.

        Args:
            statement: One SELECT of DuckDB's SQL.
            parameters: Values for ``?``, or by name for ``$name``.
            include_deleted: Let deleted records and the tombstone columns be in the tables.
            allow_files: Let the statement read other files of this machine; never the network.
            memory_limit: What DuckDB may take before it spills to a temporary folder.

        Raises:
            StatementRefused: It is not one SELECT, or names a table that is not there.
            SqlFailed: DuckDB refused the statement, or failed at it.

        Example:
            >>> dataset.query("select lab__sigma, count(*) as n from d where lab__gc < ? group by 1 order by 1", [0.5])
            SqlResult(2 rows: lab__sigma, n)
            lab__sigma  n
            sigma32     1
            sigma70     1
            >>> dataset.query('select max(a.length) from d as a join "demo/promoters" as b using (id)').fetchall()
            [(20,)]
        """
        from usr_core.dataset.querying import query_root

        return query_root(
            self.ref.root,
            statement,
            parameters,
            current=self.view,
            current_at=lambda version: self.at(version).view(),
            allow_files=allow_files,
            include_deleted=include_deleted,
            memory_limit=memory_limit,
        )

    @staticmethod
    def _grep(
        view: MergedView,
        pattern: str,
        column: str,
        limit: int,
        ignore_case: bool,
        where: Where | None,
        include_deleted: bool,
        progress: Progress | None,
    ) -> Iterator[pa.RecordBatch]:
        from usr_core.store.questions.grep import grep_records
        from usr_core.store.questions.pattern import compile_pattern, literal_of

        return grep_records(
            view,
            compile_pattern(pattern, ignore_case=ignore_case),
            literal=None if ignore_case else literal_of(pattern),
            column=column,
            limit=limit,
            where=where,
            include_deleted=include_deleted,
            progress=progress,
        )

    def get_state(
        self, ids: Iterable[str] | None = None, *, where: Where | None = None, allow_missing: bool = False
    ) -> list[RecordState]:
        """Return the state of each record, in the order of `ids`; what is not set is None. Errors as `delete`.

        With `where` in place of `ids`, see `scan`, they are the live records that meet it.

        Example:
            >>> dataset.get_state(ids[:1])[0].qc_status is None
            True
        """
        from usr_core.store.changes.record_options import RecordOptions
        from usr_core.store.changes.state import get_state

        self._require_records()
        options = RecordOptions(ids=self._asked_ids(ids, where), allow_missing=allow_missing)
        return get_state(self.ref, options, self._version)

    def _asked_ids(self, ids: Iterable[str] | None, where: Where | None, *, deleted: bool = False) -> AskedIds:
        """Return the ids that were given, or those of the live records that meet a condition; of deleted ones instead.

        Raises:
            RecordsNotNamed: Neither was given, or both.
            RecordIdInvalid: A text is not an id.
            ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used.
        """
        from usr_core.store.ids.lookup import ask_ids

        if (ids is None) == (where is None):
            from usr_core.store.changes.record_errors import RecordsNotNamed

            raise RecordsNotNamed(reason="no record was named" if ids is None else "ids and where exclude each other")
        if ids is None:
            columns = ["id", "usr__deleted"] if deleted else ["id"]
            found = self.to_arrow(columns=columns, where=where, include_deleted=deleted)
            ids = found.filter(found["usr__deleted"])["id"] if deleted else found["id"]
        return ask_ids(ids)

    # ------------------------------------------------------------- reading whole

    def head(
        self,
        n: int = 10,
        *,
        columns: Sequence[str] | None = None,
        include_deleted: bool = False,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Return the first `n` records of the merged view as a pandas DataFrame; `head_arrow` needs no pandas.

        Raises:
            PackageMissing: pandas is not installed.

        Example:
            >>> frame = dataset.head(2, columns=["sequence", "lab__gc"])
            >>> frame["lab__gc"].tolist(), frame.shape
            ([0.4, 0.3], (2, 2))
        """
        from usr_core.store.questions.frames import pandas_frame, require_pandas

        require_pandas(instead="head_arrow()")
        return pandas_frame(self.head_arrow(n, columns=columns, include_deleted=include_deleted, where=where))

    def head_arrow(
        self,
        n: int | None = 10,
        *,
        columns: Sequence[str] | None = None,
        include_deleted: bool = False,
        namespaces: Sequence[str] | None = None,
        where: Where | None = None,
        sample: int | None = None,
        seed: int = 0,
        sort: str | None = None,
    ) -> pa.Table:
        """Return the first `n` records of the merged view as an Arrow table; cost does not grow with the base.

        With `where`, see `scan`, they are the first `n` that meet it, and the base is read until these are found.
        `sample` takes so many of them, each with the same chance, and `seed` decides which; `sort` sorts by ``column``
        or ``column:desc``, nulls last. Then the first `n` are taken, or all where it is None.

        Raises:
            UnknownColumn, NoSuchOverlay: A name is not a column of the view, or not a namespace with values here.
            SortInvalid: The values of the column to sort by have no order.
            ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used.

        Example:
            >>> dataset.head_arrow(1, columns=["sequence", "lab__gc"]).to_pylist()
            [{'sequence': 'TTGACAGGCTAACTGGATAT', 'lab__gc': 0.4}]
            >>> dataset.head_arrow(1, columns=["lab__gc"], where="lab__gc < 0.4").to_pylist()
            [{'lab__gc': 0.3}]
        """
        import pyarrow as pa

        if n is not None and where is None and sample is None and sort is None:
            return self._few_rows(lambda view: view.head(n, columns, include_deleted=include_deleted), namespaces)
        with self.view(namespaces=namespaces) as view:
            from usr_core.store.questions.choice import Choice

            schema = view.schema(columns, include_deleted=include_deleted)
            choice = Choice(sample=sample, seed=seed, sort=sort, limit=n)
            return pa.Table.from_batches(_chosen(view, schema, where, choice, include_deleted, None), schema)

    def scan(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        include_deleted: bool = False,
        batch_rows: int | None = None,
    ) -> pa.RecordBatchReader:
        """Return the merged view as a stream of batches, in the base's row order.

        Its files are closed when it is exhausted, closed (it is a context manager), or dropped. An error while
        it reads, such as a damaged page, is Arrow's, with the message of ours; `to_arrow` raises ours.

        A batch has at most 131,072 rows. Memory: some batches, and 28 bytes a row where parts have another order
        than the base.

        Args:
            columns: Names in the order wanted, or None for all.
            where: A condition in SQL, such as ``"length > 20 and lab__sigma like 'sigma7%'"``, see
                `usr_core.store.questions.condition`; or conditions such as
                ``[("length", ">", 20), ("mock__tag", "in", ["a", "b"])]``, all of which
                a row must meet, or a list of such lists, one of which it must meet; see
                `usr_core.store.questions.row_filter`. Columns that only it names are read and not returned.
            include_deleted: Keep deleted rows, and show the tombstone columns.
            batch_rows: Rows of a batch at most, where they shall be fewer.

        Raises:
            BatchRowsInvalid: `batch_rows` is below 1.
            UnknownColumn: A name is not a column of the view.
            ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used.

        Example:
            >>> with dataset.scan(columns=["sequence"], where=[("lab__gc", ">=", 0.4)]) as reader:
            ...     for batch in reader:
            ...         print(batch.num_rows, batch["sequence"].to_pylist())
            2 ['TTGACAGGCTAACTGGATAT', 'GGGCCCATATCGCGATTACA']
        """
        import pyarrow as pa

        # By way of Arrow's C interface, whose streams can be closed; a reader over Python's batches can't.
        return pa.RecordBatchReader.from_stream(self._scan(columns, where, include_deleted, batch_rows).reader())

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        batch_rows: int = 1024,
        where: Where | None = None,
        drop_last: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the merged view in batches of one size, in the base's row order, as training loops take them.

        Its files are closed when it is exhausted, closed or dropped. Memory as for `scan`; values are not copied, but
        for a batch that lies in two pieces of the file.

        Args:
            columns: Names in the order wanted, or None for all.
            batch_rows: Rows of each batch; the last one may have fewer.
            where: Which rows are wanted, as for `scan`.
            drop_last: Leave out a last batch with fewer rows.

        Raises:
            BatchRowsInvalid, UnknownColumn, ConditionInvalid, FilterInvalid, PatternInvalid: As `scan`, at the call.

        Example:
            >>> [batch["lab__gc"].to_pylist() for batch in dataset.batches(["lab__gc"], batch_rows=2)]
            [[0.4, 0.3], [0.55]]
            >>> len(list(dataset.batches(["lab__gc"], batch_rows=2, drop_last=True)))
            1
        """
        from usr_core.store.questions.errors import BatchRowsInvalid
        from usr_core.store.questions.scan import of_rows

        if batch_rows < 1:
            raise BatchRowsInvalid(rows=batch_rows)
        return of_rows(self._scan(columns, where, False, batch_rows), batch_rows, drop_last=drop_last)

    def to_arrow(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        include_deleted: bool = False,
    ) -> pa.Table:
        """Return the merged view as one Arrow table, in memory; arguments as for `scan`.

        Raises:
            UnknownColumn, ConditionInvalid, FilterInvalid, PatternInvalid: As `scan`.

        Example:
            >>> dataset.to_arrow(columns=["lab__gc"], where=[("lab__sigma", "is not null")])["lab__gc"].to_pylist()
            [0.4, 0.3]
            >>> dataset.to_arrow(columns=["lab__gc"], where="sequence like 'GAT%' or lab__gc > 0.5").num_rows
            2
            >>> dataset.to_arrow(columns=["lab__score"])
            Traceback (most recent call last):
                ...
            usr_core.store.errors.UnknownColumn: There is no column 'lab__score'.
        """
        return self._scan(columns, where, include_deleted).reader().read_all()

    def to_pandas(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        include_deleted: bool = False,
    ) -> pd.DataFrame:
        """Return the merged view as a pandas DataFrame; arguments as for `scan`.

        Integers and booleans keep every value: columns that may hold a null have pandas' nullable types.

        Raises:
            PackageMissing: pandas is not installed.

        Example:
            >>> dataset.to_pandas(columns=["length", "lab__gc"]).dtypes.astype(str).to_dict()
            {'length': 'int32', 'lab__gc': 'float64'}
        """
        from usr_core.store.questions.frames import pandas_frame, require_pandas

        require_pandas()
        return pandas_frame(self.to_arrow(columns=columns, where=where, include_deleted=include_deleted))

    def to_polars(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        include_deleted: bool = False,
    ) -> pl.DataFrame:
        """Return the merged view as a Polars DataFrame; arguments as for `scan`.

        Raises:
            PackageMissing: Polars is not installed.

        Example:
            >>> dataset.to_polars(columns=["sequence", "lab__gc"]).shape
            (3, 2)
        """
        from usr_core.store.questions.frames import polars_frame

        return polars_frame(self.to_arrow(columns=columns, where=where, include_deleted=include_deleted))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Offer the merged view to whatever speaks Arrow's PyCapsule interface: pandas, Polars, DuckDB, Arrow.

        Example:
            >>> import pyarrow as pa
            >>> pa.table(dataset).num_rows
            3
        """
        return self._scan(None, None, False).reader().__arrow_c_stream__(requested_schema)

    def _scan(
        self,
        columns: Sequence[str] | None,
        where: Where | None,
        include_deleted: bool,
        batch_rows: int | None = None,
    ) -> Scan:
        from usr_core.store.questions.scan import Scan

        return Scan(self._open_view(), columns, where=where, include_deleted=include_deleted, batch_rows=batch_rows)

    def overview(self) -> Overview:
        """Return rows, columns, namespaces and advice, as ``usr info`` shows them.

        Example:
            >>> overview = dataset.overview()
            >>> overview.rows, overview.deleted, overview.events, [namespace.name for namespace in overview.namespaces]
            (3, 0, 3, ['lab'])
        """
        from usr_core.store.questions.overview import read_overview

        self._require_records()
        return read_overview(self.ref, self._version)

    def columns(self) -> tuple[ColumnOverview, ...]:
        """Return the columns of the merged view with type and origin, as ``usr schema`` shows them.

        Example:
            >>> [(column.name, column.type, column.origin) for column in dataset.columns()][-2:]
            [('lab__gc', 'float64', 'overlay'), ('lab__sigma', 'string', 'overlay')]
        """
        from usr_core.store.questions.overview import read_columns

        self._require_records()
        return read_columns(self.ref, self._version)

    def base_rows(self) -> int:
        """Return the rows of the base, deleted ones included, from its footer.

        Raises:
            DatasetMissing, BaseUnreadable: The dataset does not exist, or its base is not a whole Parquet file.

        Example:
            >>> dataset.delete(ids[:1]).deleted
            1
            >>> dataset.base_rows(), dataset.overview().rows
            (3, 2)
        """
        from usr_core.store.base.parquet import read_base_facts

        self._require_records()
        if self._version is not None:
            with self.view(namespaces=()) as view:
                return view.rows
        return read_base_facts(self.layout.records).rows

    def export(
        self,
        out: str | Path | BinaryIO,
        *,
        fmt: str | None = None,
        options: Mapping[str, object] | None = None,
        columns: Sequence[str] | None = None,
        include_deleted: bool = False,
        namespaces: Sequence[str] | None = None,
        where: Where | None = None,
        limit: int | None = None,
        sample: int | None = None,
        seed: int = 0,
        sort: str | None = None,
        overwrite: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ExportOutcome:
        """Write the merged view to a file, into a folder under a name of its own, or to a binary stream.

        A file appears whole or not at all, and one ending in ``.gz`` or ``.zst`` is compressed. Changes nothing here.
        Without `fmt`, the file's ending tells the format; `options` are those of the exporter. With `where`, see
        `scan`, only the records that meet it are written; `sample`, `seed` and `sort` as for `head_arrow`, and
        `limit` is its `n`. With `dry_run` everything is written and thrown away: what is returned would be there.

        Raises:
            ExportFormatMissing: Neither `fmt` nor the ending of a file tells the format.
            OptionInvalid: The exporter takes no such option, or no such value.
            TargetExists: The file is there, and `overwrite` is not set.
            TargetInDataset, TargetNotAFile, TargetFolderMissing, TargetUnsuitable: It can't be written there, or not
                in that form.
            PluginCallError: The exporter failed, or did not write what it was given.
            UnknownColumn, NoSuchOverlay: A name is not a column of the view, or not a namespace with values here.
            SortInvalid: The values of the column to sort by have no order.
            ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used.

        Example:
            >>> done = dataset.export("gc.csv", fmt="csv", columns=["sequence", "lab__gc"])
            >>> done.rows, done.path.name
            (3, 'gc.csv')
            >>> (tmp_path / "gc.csv").read_text().splitlines()[:2]
            ['sequence,lab__gc', 'TTGACAGGCTAACTGGATAT,0.4']
            >>> dataset.export("gc.csv", fmt="csv")
            Traceback (most recent call last):
                ...
            usr_core.store.errors.TargetExists: gc.csv exists.
        """
        from usr_core.store.questions.choice import Choice
        from usr_core.store.questions.export import export_batches
        from usr_core.store.questions.export_target import chosen_format, export_target
        from usr_core.store.view.spliced import write_stored

        choice = Choice(sample=sample, seed=seed, sort=sort, limit=limit)
        fmt = chosen_format(self.host, fmt, out)
        spec = self.host.exporter_spec(fmt)
        exporter = self.host.exporter(fmt)
        target = export_target(out, name=self.name, suffix=spec.suffix) if isinstance(out, (str, Path)) else out
        with self.view(namespaces=namespaces) as view:
            schema = view.schema(columns, include_deleted=include_deleted)
            every_row = where is None and choice == Choice(seed=seed)
            stored = partial(write_stored, view=view, include_deleted=include_deleted, progress=progress)
            return export_batches(
                exporter,
                target,
                spec=spec,
                schema=schema,
                batches=_chosen(view, schema, where, choice, include_deleted, progress),
                overwrite=overwrite,
                options=options,
                dry_run=dry_run,
                stored=stored if every_row else None,
            )

    def compare(
        self,
        other: Comparable | str | Path,
        *,
        columns: Sequence[str] | None = None,
        out: str | Path | BinaryIO | None = None,
        fmt: str | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Comparison:
        """Tell what differs in `other`: records that are new, gone and restored, and values that are set or changed.

        Records are found by their ids, in any order. Values are compared to the bit: a null differs from an empty
        text, zero from minus zero; NaN is NaN. Memory: 28 bytes a record, and a few batches; where `other` has another
        order, its values go through a temporary folder.

        Args:
            other: A dataset, one as it was (`at`), or a Parquet file with ids.
            columns: Names, or None for all of both.
            out: A file for every difference, one a row, with ``id``, ``change`` (``added``, ``gone``, ``restored``,
                ``set``, ``unset``, ``changed``), ``column``, ``old`` and ``new`` as text; or a binary stream.
            fmt: The format of `out`; by default by its ending.
            overwrite: Let `out` replace a file.
            progress: Called with the number of records just compared.

        Raises:
            UnknownColumn: Neither side has one of the columns.
            CompareTypesDiffer: A column has two types.
            CompareBioTypesDiffer: The two hold records of different bio_types.
            CompareNoIds, CompareIdInvalid, CompareIdRepeats: A Parquet file has no ids, or not each one once.
            CompareTypeUnknown: A column of a file has a type that is not compared.
            CompareSideUnknown: `other` is nothing of this kind, such as the number of a version.
            TargetExists, ExportFormatMissing, TargetUnsuitable: As `export`.

        Example:
            >>> import pyarrow as pa
            >>> from usr_core.api.results import ParquetTable
            >>> done = dataset.export("before.parquet")
            >>> done = dataset.write_overlay_part("lab", pa.table({"id": ids[:1], "lab__gc": [0.9]}))
            >>> found = ParquetTable("before.parquet").compare(dataset)
            >>> found.added, found.values, found.columns[0].name, found.columns[0].first[0].new
            (0, 1, 'lab__gc', 0.9)
        """
        from usr_core.dataset.compared import compare
        from usr_core.dataset.parquet_table import ParquetTable

        new = ParquetTable(other) if isinstance(other, (str, Path)) else other
        return compare(self, new, columns=columns, out=out, fmt=fmt, overwrite=overwrite, progress=progress)

    @contextlib.contextmanager
    def _side(self) -> Iterator[Side]:
        from usr_core.store.questions.compare.sides import ViewSide

        with self.view() as view:
            yield ViewSide(self.name if self.version is None else f"{self.name}@{self.version}", view)

    def validate(
        self, *, strict: bool = False, registry_mode: RegistryMode = "either", progress: Progress | None = None
    ) -> ValidationReport:
        """Check everything that the format promises, streaming; changes nothing.

        No lock is taken: writers may go on meanwhile. With `strict` the chain of events, leftovers and links are
        checked as well. What is wrong is in the report, not raised.

        Raises:
            PluginMissing: The sequences have an alphabet whose plugin is not there.
            DatasetMissing: The dataset has no base.
            DatasetBusy: The dataset changed each time while it was being opened.
            CommitRecordUnreadable, FileSystemError: The present state is not known, or a file can't be read.

        Example:
            >>> report = dataset.validate(strict=True)
            >>> report.ok, report.rows, report.overlays, report.findings
            (True, 3, 1, ())
        """
        from usr_core.store.checks.validate import validate_dataset

        self._refuse_past("a check")
        return validate_dataset(
            self.ref,
            strict=strict,
            registry_mode=registry_mode,
            checks=self.host.checks(),
            alphabets=self._alphabets(),
            progress=progress,
        )

    def events(self, *, n: int = 0, since: int | None = None) -> Iterator[LogLine]:
        """Yield the last `n` events (0 is all), those after number `since` only, in the log's order.

        Example:
            >>> [line.event["action"] for line in dataset.events(n=2)]
            ['import', 'write_overlay']
            >>> [line.number for line in dataset.events(since=1)]
            [2, 3]
        """
        from usr_core.events.tail import tail_events

        if self._version is not None:
            from usr_core.store.versions.version import events_until

            return events_until(self.layout.event_log, self._version, n=n, since=since)
        return tail_events(self.layout.event_log, n=n, since=since)

    def log(self, *, limit: int = 0) -> list[LogEntry]:
        """Return the last `limit` versions (0 is all), the newest first: what changed, when, by whom.

        The log is read from its end, so few versions cost the same however many there are.

        Example:
            >>> [(one.version, one.action, one.change) for one in dataset.log(limit=2)]
            [(3, 'write_overlay', 'lab: 2 columns on 3 records'), (2, 'import', '+3 records from promoters.csv')]
        """
        from usr_core.events.log_entry import last_entries

        return last_entries(self.layout.event_log, limit=limit)

    def tags(self) -> dict[str, int]:
        """Return the names that versions have (see `tag`), each with the number of its version.

        Example:
            >>> done = dataset.tag("before-merge")
            >>> dataset.tags()
            {'before-merge': 3}
        """
        from usr_core.events.tags import live_tags

        return live_tags(self.layout.event_log)

    def verify_events(self) -> list[ChainFault]:
        """Return what is wrong with the log: its chain, lines that are not events, or that it has no event.

        Example:
            >>> dataset.verify_events()
            []
        """
        from usr_core.events.chain import verify_log

        return verify_log(self.layout.event_log)


def _chosen(
    view: MergedView,
    schema: pa.Schema,
    where: Where | None,
    choice: Choice,
    include_deleted: bool,
    progress: Progress | None,
) -> Iterator[pa.RecordBatch]:
    from usr_core.store.questions.choice import choose_rows

    batches = partial(view.batches, include_deleted=include_deleted, progress=progress)
    known = view.schema(include_deleted=True)
    asked = None if include_deleted else view
    return choose_rows(batches, schema, known, where, choice, view=asked, progress=progress)


def _refuse_unknown(namespaces: Sequence[str], view: MergedView, tree: FileTree) -> None:
    materialized = {name.partition("__")[0] for name in view.source.schema.names if "__" in name}
    for namespace in namespaces:
        if namespace not in view.overlays and namespace not in materialized:
            from usr_core.registry.document import RESERVED_NAMESPACES
            from usr_core.store.parts.errors import NoSuchOverlay
            from usr_core.store.parts.present import overlay_paths

            raise NoSuchOverlay(namespace, present=sorted(set(overlay_paths(tree)) - RESERVED_NAMESPACES))
