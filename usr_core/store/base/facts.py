"""What a base file's footer says: rows, columns, bytes and USR's own metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.events.event import Fingerprint
from usr_core.fs.errors import file_system_error
from usr_core.fs.regular import refuse_special
from usr_core.store.errors import BaseUnreadable

__all__ = ["BaseFacts", "read_base_facts", "usr_metadata"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFacts:
    """The footer of one base file.

    Attributes:
        rows: Records, deleted ones included.
        schema: Arrow schema without metadata.
        metadata: The ``usr:…`` keys and values.
        bio_types: The least and the greatest bio_type of each row group, as its statistics tell, sorted.
        size_bytes: Size of the file.
    """

    rows: int
    schema: pa.Schema
    metadata: Mapping[str, str]
    size_bytes: int
    bio_types: tuple[str, ...] = ()

    def fingerprint(self, content: Path | None = None) -> Fingerprint:
        """Return the fingerprint an event carries, with the sha256 of `content` where one is given."""
        digest = None
        if content is not None:
            with content.open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return Fingerprint(rows=self.rows, cols=len(self.schema), size_bytes=self.size_bytes, sha256=digest)


def read_base_facts(path: Path) -> BaseFacts:
    """Read the footer of a base file.

    Raises:
        BaseUnreadable: The file is not a whole Parquet file.
        SpecialFile: A FIFO, socket or device has the name.
    """
    try:
        refuse_special(path)
        with pq.ParquetFile(path) as file:
            schema, rows, kinds = file.schema_arrow, file.metadata.num_rows, _bio_types(file.metadata)
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a footer's name is not UTF-8
        if isinstance(error, FileNotFoundError):
            raise
        if isinstance(error, OSError) and error.errno is not None:
            raise file_system_error(error, path, "read the records") from error
        raise BaseUnreadable(path, error) from error
    return BaseFacts(
        bio_types=kinds,
        rows=rows,
        schema=schema.remove_metadata(),
        metadata=usr_metadata(schema),
        size_bytes=path.stat().st_size,
    )


def _bio_types(metadata: pq.FileMetaData) -> tuple[str, ...]:
    found: set[str] = set()
    names = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    if "bio_type" in names:
        column = names.index("bio_type")
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(column).statistics
            if statistics is not None and statistics.has_min_max:
                found.update((str(statistics.min), str(statistics.max)))
    return tuple(sorted(found))


def usr_metadata(schema: pa.Schema) -> dict[str, str]:
    """Return the ``usr:…`` key/value metadata of a schema."""
    found = schema.metadata or {}
    ours = {key: value for key, value in found.items() if key.startswith(b"usr:")}
    return {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in ours.items()}
