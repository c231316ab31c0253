"""Whose the rows of an array are: ids beside it, in a file that was named, or the dataset's own in its order."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from usr_core.api import ImportRequest, PluginHost, open_source
from usr_core.api.arrow import text_array
from usr_infer.array_stream import ArrayStream
from usr_infer.errors import InferFileUnreadable, InferIdsMissing

__all__ = ["IdSource", "id_file", "ids_of_array", "ids_of_dataset", "ids_of_file"]

TEXT_SUFFIXES = (".ids", ".txt")
TABLE_SUFFIXES = (".csv", ".jsonl", ".parquet")
ROWS = 65_536
"""Ids of a batch at most."""

_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IdSource:
    """Ids in the rows' order.

    Attributes:
        label: What errors call it.
        batches: Opens them, strings, at most `ROWS` at a time; called once.
    """

    label: str
    batches: Callable[[], Iterator[pa.Array]]


def id_file(array: Path) -> Path | None:
    """Return the file of ids that lies beside an array: its name with ``.ids``, or that and a format's ending.

    Raises:
        InferIdsMissing: There are several such files, so it is not known which one counts.
    """
    stem = array.with_suffix("")
    names = [f"{stem.name}.ids", *(f"{stem.name}.ids{suffix}" for suffix in (".txt", *TABLE_SUFFIXES, ".npy"))]
    found = [stem.parent / name for name in names if (stem.parent / name).is_file()]
    if len(found) > 1:
        raise InferIdsMissing(
            file=array,
            reason=f"several files of ids lie beside it: {', '.join(path.name for path in found)}",
            hint="Name one with --writer-option ids=FILE.",
        )
    return found[0] if found else None


def ids_of_file(path: Path) -> IdSource:
    """Return the ids of a file: a line each, the column ``id`` of a table, or an array of texts.

    Raises:
        InferFileUnreadable: The file's name has an ending that stands for none of these.
    """
    name = path.name.lower()
    plain = name.removesuffix(".gz").removesuffix(".zst")
    if plain.endswith(TABLE_SUFFIXES):
        return IdSource(label=path.name, batches=lambda: _table_ids(path))
    if name.endswith(".npy"):
        return IdSource(label=path.name, batches=lambda: _npy_ids(path))
    if plain.endswith(TEXT_SUFFIXES):
        return IdSource(label=path.name, batches=lambda: _line_ids(path))
    raise InferFileUnreadable(
        file=path,
        reason="its ending does not say how it holds ids",
        hint=f"Let its name end in {', '.join((*TEXT_SUFFIXES, *TABLE_SUFFIXES, '.npy'))}.",
    )


def ids_of_dataset(record_ids: Callable[[], Iterator[pa.Array]]) -> IdSource:
    """Return the ids of the dataset itself."""

    def batches() -> Iterator[pa.Array]:
        for ids in record_ids():
            yield from _cut(ids)

    return IdSource(label="the dataset", batches=batches)


def ids_of_array(array: ArrayStream, *, path: Path) -> IdSource:
    """Return the ids that an array of texts holds.

    Raises:
        InferFileUnreadable: The array holds no texts, or has more than one dimension.
    """
    if not array.is_text or len(array.shape) != 1:
        raise InferFileUnreadable(
            file=path,
            reason=f"the array {array.name!r} holds no ids: it is {array.dtype} with {len(array.shape)} dimensions",
            hint="Save ids as one row of texts: numpy.asarray(ids, dtype=str).",
            array=array.name,
        )

    def batches() -> Iterator[pa.Array]:
        for first in range(0, array.rows, ROWS):
            yield array.read_arrow(min(ROWS, array.rows - first))

    return IdSource(label=f"{path.name}, array {array.name!r}", batches=batches)


def _table_ids(path: Path) -> Iterator[pa.Array]:
    _, importer = PluginHost().importer_for_path(path)
    if "id" not in importer.columns(ImportRequest(path=path)):
        raise InferIdsMissing(file=path, reason="it has no column 'id'", hint="Name the column with the ids 'id'.")
    for batch in importer.read(ImportRequest(path=path, columns=("id",), types={"id": pa.string()})):
        ids = batch.column("id")
        if pa.types.is_dictionary(ids.type):
            ids = ids.dictionary_decode()
        if not (
            pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type) or pa.types.is_string_view(ids.type)
        ):
            raise InferFileUnreadable(file=path, reason=f"its ids are {ids.type}, not text", hint="Write ids as texts.")
        yield from _cut(ids.cast(pa.string()))


def _npy_ids(path: Path) -> Iterator[pa.Array]:
    with _opened(path) as file:
        yield from ids_of_array(ArrayStream(file, path=path, name=path.stem), path=path).batches()


def _line_ids(path: Path) -> Iterator[pa.Array]:
    """Yield a text for each line; one that is blank stays there, so that the core can name its row."""
    with open_source(path) as source, io.BufferedReader(source.stream(), 1 << 20) as file:
        lines: list[str | None] = []
        row = 0
        while line := file.readline(_LONGEST_LINE):
            row += 1
            try:
                text = line.decode("utf-8-sig" if row == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise InferFileUnreadable(
                    file=path, reason="a line is not UTF-8", hint="Write one id a line.", row=row
                ) from error
            lines.append(text)
            if len(lines) == ROWS:
                yield text_array(lines)
                lines = []
        if lines:
            yield text_array(lines)
        source.check_unchanged()


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with open_source(path) as source, io.BufferedReader(source.stream(), 1 << 20) as file:
        yield cast(IO[bytes], file)
        source.check_unchanged()


def _cut(ids: pa.Array) -> Iterator[pa.Array]:
    for first in range(0, len(ids), ROWS):
        yield ids.slice(first, ROWS)
