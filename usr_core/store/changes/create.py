"""Making a dataset: its folder, an empty base, its notes, the frozen registry and the first event."""

from __future__ import annotations

import contextlib
from pathlib import Path

from usr_core.events.event import rfc3339
from usr_core.fs.durable import make_folders
from usr_core.fs.errors import file_system_error
from usr_core.plugin.switches import HISTORY_MODES, read_root_history
from usr_core.records.base_schema import base_schema, new_base_metadata
from usr_core.registry.store import load_registry
from usr_core.roots.errors import DatasetExists, PullUnfinished
from usr_core.roots.layout import LOCK, META, RECORDS
from usr_core.roots.unfinished import unfinished_pull
from usr_core.store.base.file import ParquetOutput, write_options
from usr_core.store.base.parquet import read_base_facts
from usr_core.store.changes.errors import UnknownChoice
from usr_core.store.changes.notes import first_note
from usr_core.store.history.keeping import SETTING, Setting
from usr_core.store.mutation import Site, mutate

__all__ = ["create_dataset"]


def create_dataset(site: Site, *, source: str | None, notes: str | None, history: str | None = None) -> None:
    """Create the dataset.

    Args:
        site: Where it is to be.
        source: Where its records come from, for its notes.
        notes: More for them.
        history: Whether it keeps what its changes replace; None is what the root's ``usr.toml`` says, else ``keep``.

    Raises:
        DatasetExists: The dataset exists already, or another process made it meanwhile.
        PullUnfinished: A first pull to that place has not come to its end; it would be lost.
        UnknownChoice: `history` is none of the two.
        BadConfig: The root's ``usr.toml`` can't be used.
        RegistryMissing, RegistryInvalid: The root has no valid registry.
        FileSystemError: The folder can't be made or written; nothing is left behind.
    """
    if history not in (None, *HISTORY_MODES):
        raise UnknownChoice(option="--history", value=history, allowed=HISTORY_MODES)
    history = history or read_root_history(site.ref.root) or "keep"
    if site.registry is None:
        load_registry(site.ref.root)  # before any folder is made
    remote = unfinished_pull(site.ref.path)
    if remote is not None:
        raise PullUnfinished(text=site.ref.name, place=site.ref.root, remote=remote)
    created = _make_folder(site.ref.path, below=site.ref.root)
    try:
        _fill(site, source=source, notes=notes, history=history)
    except BaseException:
        _unmake(site.ref.path, created)
        raise
    if site.dry_run:
        _unmake(site.ref.path, created)


def _fill(site: Site, *, source: str | None, notes: str | None, history: str) -> None:
    with mutate(site, "init") as mutation:
        if mutation.txn.tree.path(RECORDS) is not None:
            raise DatasetExists(text=site.ref.name, path=site.ref.path, reason="a dataset of that name exists")
        metadata = new_base_metadata(created_at=rfc3339(mutation.txn.clock_us), registry_hash=mutation.registry.hash)
        schema = base_schema().with_metadata(metadata)
        staged = mutation.txn.stage(RECORDS)
        with ParquetOutput(staged, schema, **write_options(schema, bloom="id").writer_arguments(rows=0)):
            pass
        mutation.txn.stage(META).write_text(first_note(site.ref.name, source=source, notes=notes), encoding="utf-8")
        args: dict[str, object] = {"source": source, "notes": notes}
        if history == "keep":
            mutation.txn.stage(SETTING).write_bytes(Setting(keep=True, since=mutation.txn.head.seq + 1).encode())
            args["history"] = history
            mutation.txn.keeps = True
        mutation.finish(base=read_base_facts(staged), args=args, metrics={"rows": 0}, new_base=True)


def _make_folder(path: Path, *, below: Path) -> list[Path]:
    try:
        return make_folders(path, below=below)
    except OSError as error:
        raise file_system_error(error, path, "make the dataset's folder") from error


def _unmake(path: Path, created: list[Path]) -> None:
    """Remove the folders that we made, if nobody has put anything there since."""
    if path not in created:
        return
    with contextlib.suppress(OSError):
        if [entry.name for entry in path.iterdir()] in ([LOCK], []):
            # A writer who waits for this lock notices that the file has lost its name and opens a new one.
            (path / LOCK).unlink(missing_ok=True)
            for folder in reversed(created):
                folder.rmdir()
