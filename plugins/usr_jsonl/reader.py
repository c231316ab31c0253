"""JSON Lines files as batches: one object a line, its keys the columns."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from typing import Any

import pyarrow as pa

from usr_core.api import BadCell, ImportRequest, Opened, SourceFile, SourceUnreadable, open_source
from usr_core.api.arrow import from_json, text_array
from usr_jsonl.records import RecordBlock, record_blocks

__all__ = ["JsonlImporter"]


class JsonlImporter:
    """Reads JSON Lines; a key that a record lacks is null.

    The columns of a file are the keys of the records in its first block; a wanted key that turns up
    only later is an error, as the batches before it have been given away without it.
    """

    def open(self, request: ImportRequest) -> Opened:
        """Open the file: the keys of the records in its first block, in order of appearance, and the wanted ones.

        A column is of the wished type where the request has one, else text.

        Raises:
            SourceUnreadable: A line is not a JSON object, a value does not have the wished type, or is not text
                where no type is wished; row, line and column are told.
            FileChanged: The file changed while it was read.

        Holds one block of `ImportRequest.batch_bytes` as Python objects.
        """
        return Opened.begun(_steps(request))


def _steps(request: ImportRequest) -> Generator[Any, None, None]:
    with open_source(request.path) as source:
        blocks = record_blocks(source, limit=request.batch_bytes)
        first = next(blocks, None)
        keys = [] if first is None else first.keys()
        yield keys
        names = [name for name in (keys if request.columns is None else request.columns) if name in keys]
        for block in itertools.chain([] if first is None else [first], blocks):
            _refuse_latecomers(source, block, block.keys(), names, request.columns)
            source.check_unchanged()
            if names:
                yield _batch(source, block, names, request)
        source.check_unchanged()


def _batch(source: SourceFile, block: RecordBlock, names: Sequence[str], request: ImportRequest) -> pa.RecordBatch:
    columns = []
    for name in names:
        values = [record.get(name) for record in block.records]
        try:
            wish = request.types.get(name)
            columns.append(_texts(values) if wish is None else from_json(values, wish))
        except BadCell as bad:
            raise SourceUnreadable(
                source.path,
                f"The value does not fit{f', at {bad.path}' if bad.path else ''}: {bad.reason}.",
                hint="Write text in quotes, and numbers, lists and objects as the registered type wants them.",
                row=block.first_row + bad.index,
                line=block.lines[bad.index],
                column=name,
                value=str(bad.value),
            ) from bad
    return pa.RecordBatch.from_arrays(columns, names=list(names))


def _texts(values: Sequence[object]) -> pa.Array:
    texts: list[str | None] = []
    for index, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            raise BadCell(index, value, "it is not text")
        texts.append(value)
    try:
        return text_array(texts)
    except UnicodeEncodeError:
        index = next(i for i, text in enumerate(texts) if text and any("\ud800" <= c <= "\udfff" for c in text))
        raise BadCell(index, "…", "it holds half of a surrogate pair") from None


def _refuse_latecomers(
    source: SourceFile,
    block: RecordBlock,
    present: Sequence[str],
    names: Sequence[str],
    wanted: Sequence[str] | None,
) -> None:
    late = [name for name in present if name not in names and (wanted is None or name in wanted)]
    if not late:
        return
    index = next(index for index, record in enumerate(block.records) if late[0] in record)
    raise SourceUnreadable(
        source.path,
        f"The key {late[0]!r} turns up here for the first time.",
        hint="Write this key in every record, null where there is no value.",
        row=block.first_row + index,
        line=block.lines[index],
        column=late[0],
        value=str(block.records[index][late[0]]),
    )
