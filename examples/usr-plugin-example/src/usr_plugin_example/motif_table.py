"""The tool's table: a header, then a record a line with its id, the motif and where it was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from usr_plugin_example.errors import BadMotifTable

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.api import OverlayRequest

__all__ = ["MotifTableWriter", "write_table"]

HEADER = "id\tmotif\tpositions"
BATCH_ROWS = 10_000


def write_table(path: Path, rows: Iterable[tuple[str, str, list[int]]]) -> int:
    """Write a table of ids, motifs and positions; return the number of rows.

    Raises:
        FileExistsError: There is a file of that name.
    """
    written = 0
    with path.open("x", encoding="utf-8") as file:
        file.write(f"{HEADER}\n")
        for record_id, motif, positions in rows:
            file.write(f"{record_id}\t{motif}\t{','.join(map(str, positions))}\n")
            written += 1
    return written


class MotifTableWriter:
    """Turns such a table into rows of the namespace `example`."""

    def batches(self, request: OverlayRequest) -> Iterator[pa.RecordBatch]:
        """Yield ids with motif, number of hits and positions, at most 10 000 rows a batch.

        Raises:
            BadMotifTable: The table can't be read, or the tool did not write a line of it; file and row are told.
        """
        import pyarrow as pa

        from usr_core.api.registry import parse_type
        from usr_plugin_example.columns import COLUMNS

        fields = [("id", pa.string()), *((name, parse_type(spelling).to_arrow()) for name, spelling in COLUMNS)]
        schema = pa.schema(fields)
        held: list[dict[str, object]] = []
        for row in _rows(request.path):
            held.append(dict(row))
            if len(held) == BATCH_ROWS:
                yield pa.RecordBatch.from_pylist(held, schema=schema)
                held = []
        yield pa.RecordBatch.from_pylist(held, schema=schema)


def _rows(path: Path) -> Iterator[Mapping[str, object]]:
    row = 0
    try:
        with path.open(encoding="utf-8") as file:
            if file.readline().rstrip("\n") != HEADER:
                raise BadMotifTable(path=path, reason="The file does not begin with the table's header.")
            for line in file:
                row += 1  # in the loop, so that the error of this line knows it
                record_id, motif, listed = line.rstrip("\n").split("\t")
                positions = [int(text) for text in listed.split(",")] if listed else []
                yield {
                    "id": record_id,
                    "example__motif": motif,
                    "example__hits": len(positions),
                    "example__positions": positions,
                }
    except OSError as error:
        raise BadMotifTable(path=path, reason=f"The table can't be read: {error.strerror}.") from error
    except BadMotifTable:
        raise
    except ValueError as error:  # too few cells, not a number, not UTF-8
        raise BadMotifTable(path=path, reason=f"The line is not one of the table: {error}.", row=max(1, row)) from error
