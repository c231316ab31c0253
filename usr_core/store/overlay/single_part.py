"""The one part that takes the place of a whole overlay: what compaction and clearing write."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from usr_core.events.event import file_stamp
from usr_core.store.base.file import GROUP_ROWS, write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.mutation import Mutation, overlay_metadata
from usr_core.store.overlay.fold import FoldedRows
from usr_core.store.overlay.open_namespace import OpenNamespace, archive_or_drop
from usr_core.store.overlay.part_writer import PartWriter
from usr_core.store.parts.files import NamespaceOverlay, unique_keys_note
from usr_core.store.view.aligned import covers_base
from usr_core.store.view.merged_view import MergedView
from usr_core.store.view.spliced import splice_view

__all__ = ["SinglePart", "group_boundaries"]


class SinglePart:
    """A staged part, keyed by ``id``, in the base's row order, with the newest stamp among those it replaces.

    Args:
        mutation: The change it belongs to.
        opened: The base, and the overlay that is replaced.
        kinds: The part's columns in registered order, with their types.

    Attributes:
        relative: The name it gets.
        scratch: A folder that may be made in the change's staging, for files that are needed meanwhile.
        rows: Rows added so far.
    """

    def __init__(self, mutation: Mutation, opened: OpenNamespace, kinds: Mapping[str, pa.DataType]) -> None:
        self._mutation, self._base, self._overlay = mutation, opened.base, opened.overlay
        namespace = opened.overlay.namespace
        stamp_us = max(part.created_at_us for part in opened.overlay.parts)
        self.relative = mutation.site.layout.overlay_part(namespace, file_stamp(stamp_us), secrets.token_hex(4))
        self.scratch = mutation.txn.stage(self.relative).with_name("fold")
        self.rows = 0
        metadata = overlay_metadata(mutation, namespace, created_at_us=stamp_us)
        fields = [pa.field("id", pa.string(), nullable=False), *(pa.field(name, kind) for name, kind in kinds.items())]
        self._schema = pa.schema(fields, metadata=metadata)

    def splice(self, overlay: NamespaceOverlay, progress: Callable[[int], None] | None = None) -> bool:
        """Write what `overlay` holds if all of its parts cover the base; return whether they do, or else `write`.

        Columns that one part has whole are copied as bytes, and the ids are the base's. `progress` is called with the
        number of rows done.
        """
        parts = [part for part in overlay.parts if part.rows]
        if not parts or not all(covers_base(part, self._base) for part in parts):
            return False
        # Of the base only the ids count here, not what has been materialized.
        ids = replace(self._base, schema=pa.schema([self._base.schema.field("id")]))
        view = MergedView(ids, {overlay.namespace: overlay})
        staged, options = self._mutation.txn.stage(self.relative), write_options(self._schema, bloom="id")
        notes = unique_keys_note(view.rows)
        if not splice_view(staged, view, self._schema, options, notes=notes, progress=progress):
            return False
        self.rows = view.rows
        return True

    def write(self, rows: Iterable[FoldedRows], *, at_most: int) -> None:
        """Write `rows`, `at_most` so many, whose places ascend; once."""
        options = write_options(self._schema, bloom="id").writer_arguments(rows=at_most)
        boundaries = group_boundaries(self._base, rows_behind=at_most)
        plain, staged = self._schema.remove_metadata(), self._mutation.txn.stage(self.relative)
        with PartWriter(staged, self._schema, options=options, boundaries=boundaries, base=self._base) as writer:
            for some in rows:
                writer.add(pa.RecordBatch.from_arrays([some.ids, *some.columns], schema=plain), some.positions)
            writer.close()
        self.rows = writer.rows

    def replace(self, *, archive: bool) -> str | None:
        """Retire the files that the written part replaces; return the folder they go to, None where they are dropped.

        Without rows there is no part, and the namespace has no overlay any more.
        """
        if not self.rows:
            self._mutation.txn.unstage(self.relative)
        sources = {part.relative: self._overlay.namespace for part in self._overlay.parts}
        return archive_or_drop(self._mutation, sources, archive=archive)

    def discard(self) -> None:
        """Forget the part; nothing is retired."""
        self._mutation.txn.unstage(self.relative)

    def size_bytes(self) -> int:
        """Return the size of the finished part; 0 where it has no rows."""
        return self._mutation.txn.stage(self.relative).stat().st_size if self.rows else 0


def group_boundaries(base: OpenParquet, *, rows_behind: int = 0) -> list[int]:
    """Return where the base's row groups end, and then every 131,072 rows for `rows_behind` rows behind it."""
    metadata = base.file.metadata
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    ends = [int(end) for end in np.cumsum(sizes)]
    behind = range(base.rows + GROUP_ROWS, base.rows + rows_behind, GROUP_ROWS)
    return [*ends, *behind]
