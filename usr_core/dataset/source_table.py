"""`SourceTable`: the first rows of a file of any format that an importer reads, without a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.plugin.importing import HostedImporter
    from usr_core.plugin.specs import Opened
    from usr_core.store.questions.row_filter import Where

__all__ = ["SourceTable"]


class SourceTable:
    """A file as its importer reads it: FASTA, GenBank, a workbook, a table of text.

    Args:
        path: The file; it is read anew by each call.
        importer: What reads it, as the plugin host gives it.
        options: The importer's options.

    Example:
        >>> from usr_core.api.results import SourceTable
        >>> table = SourceTable(tmp_path / "more.csv", dataset.host.importer("csv"))
        >>> table.head_arrow(1, columns=["sequence"]).to_pylist()
        [{'sequence': 'TTTACAGCTAGCTCAGTCCT'}]
    """

    def __init__(self, path: Path, importer: HostedImporter, options: Mapping[str, object] | None = None) -> None:
        self.path = path
        self._importer = importer
        self._options = dict(options or {})

    def head_arrow(
        self,
        n: int | None = 10,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        sample: int | None = None,
        seed: int = 0,
        sort: str | None = None,
    ) -> pa.Table:
        """Return the first `n` rows, of those that meet `where`; no more is read than that takes.

        A table of text has the types that `usr_core.store.questions.column_kinds` finds: where the rows are chosen or
        sorted, that takes a pass over the whole file.

        Raises:
            UnknownColumn: The file has no such column.
            ConditionInvalid, FilterInvalid, PatternInvalid, SortInvalid: `where` or `sort` can't be used.
            SourceFileError: The file can't be read.
        """
        import pyarrow as pa

        from usr_core.store.errors import UnknownColumn
        from usr_core.store.questions.choice import Choice, choose_rows
        from usr_core.values.names import names_given

        known = self._schema(None if n is None or where or sort or sample is not None else n)
        names = known.names if columns is None else list(dict.fromkeys(names_given(columns)))
        unknown = next((name for name in names if name not in known.names), None)
        if unknown is not None:
            raise UnknownColumn(unknown, known=known.names)
        schema = pa.schema([known.field(name) for name in names])

        def batches(wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
            return self._batches(pa.schema([known.field(name) for name in wanted]))

        choice = Choice(sample=sample, seed=seed, sort=sort, limit=n)
        return pa.Table.from_batches(choose_rows(batches, schema, known, where, choice), schema)

    def _schema(self, rows: int | None) -> pa.Schema:
        """Return the columns of the file, with types that hold for the first `rows`, or for all.

        Formats of sequences say the types themselves.
        """
        import pyarrow as pa

        from usr_core.records.arrays import plain_type
        from usr_core.registry.type_parser import parse_type
        from usr_core.store.questions.column_kinds import column_kinds

        opened = self._opened(None)
        try:
            names = list(opened.columns)
            first = next(opened.batches, None) if self._importer.spec.namespace is not None else None
        finally:
            opened.close()
        if first is not None:
            return pa.schema([pa.field(field.name, plain_type(field.type)) for field in first.schema])
        kinds = column_kinds(self._importer, self.path, names, options=self._options, rows=rows)
        types = {name: pa.string() if kind is None else parse_type(kind).to_arrow() for name, kind in kinds.items()}
        return pa.schema([pa.field(name, types[name]) for name in names])

    def _opened(self, columns: tuple[str, ...] | None, types: Mapping[str, pa.DataType] | None = None) -> Opened:
        from usr_core.plugin.specs import ImportRequest
        from usr_core.store.rules.source_file import check_source

        check_source(self.path)
        request = ImportRequest(path=self.path, columns=columns, types=types or {}, options=self._options)
        return self._importer.open(request)

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        opened = self._opened(tuple(schema.names), {field.name: field.type for field in schema})
        try:
            for batch in opened.batches:
                arrays = [batch.column(field.name) for field in schema]
                yield pa.RecordBatch.from_arrays(list(map(_as_type, arrays, schema.types)), schema=schema)
        finally:
            opened.close()


def _as_type(values: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    from usr_core.records.arrays import conform, plain_type
    from usr_core.values.text import parse_text

    plain = conform(values, plain_type(values.type))
    return parse_text(plain, kind, parse_json=True) if pa.types.is_string(plain.type) else conform(plain, kind)
