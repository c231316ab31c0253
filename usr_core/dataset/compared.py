"""Two datasets, versions or Parquet files compared: opening both, and writing what differs."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from usr_core.dataset.site import Progress
from usr_core.values.names import names_given

if TYPE_CHECKING:
    from usr_core.plugin.host import PluginHost
    from usr_core.store.questions.compare.outcome import Comparison
    from usr_core.store.questions.compare.sides import Side

__all__ = ["Comparable", "compare"]


class Comparable(Protocol):
    """What can be compared: a dataset, one as it was, or a Parquet file."""

    @property
    def host(self) -> PluginHost:
        """The plugin host, which has the exporters."""
        ...

    def _side(self) -> AbstractContextManager[Side]:
        """Open it to be compared."""
        ...


def compare(
    old: Comparable,
    new: Comparable,
    *,
    columns: Sequence[str] | None = None,
    out: str | Path | BinaryIO | None = None,
    fmt: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two states of records; see `usr_core.Dataset.compare`."""
    from usr_core.store.questions.compare.comparing import DIFFERENCES, Comparing
    from usr_core.store.questions.errors import CompareSideUnknown

    if not hasattr(new, "_side"):
        raise CompareSideUnknown(given=repr(new))
    with contextlib.ExitStack() as stack:
        before, after = (stack.enter_context(side._side()) for side in (old, new))
        comparing = Comparing(before, after, names_given(columns), progress)
        if out is None:
            for _ in comparing.differences(listed=False):
                pass
            return comparing.outcome()
        from usr_core.store.questions.export import export_batches
        from usr_core.store.questions.export_target import chosen_format, export_target

        fmt = chosen_format(old.host, fmt, out)
        spec = old.host.exporter_spec(fmt)
        target = export_target(out, name="differences", suffix=spec.suffix) if isinstance(out, (str, Path)) else out
        export_batches(
            old.host.exporter(fmt),
            target,
            spec=spec,
            schema=DIFFERENCES,
            batches=comparing.differences(),
            overwrite=overwrite,
        )
        return comparing.outcome(out=str(target) if isinstance(target, Path) else None)
