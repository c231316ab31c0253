"""What every verb that changes a dataset does the same way.

It needs a valid registry, takes the transaction, freezes the registry where the dataset has not
frozen it yet, hands over one event with a truthful fingerprint, and announces that event once it is committed.
A verb that writes a part of an overlay sees to the part's name, its metadata and its clock, and to a single file that
becomes the first part.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usr_core.commit.file_tree import FileTree, refuse_linked_file
from usr_core.commit.log_end import chain_fault, mark_chain
from usr_core.commit.transaction import LOCK_SECONDS, StepObserver, Transaction
from usr_core.errors import UsrError, size_text
from usr_core.events.event import Actor, BaseCounts, Event, FileChange, file_stamp, rfc3339
from usr_core.events.files_told import ADOPT
from usr_core.events.log import LogHead, read_head
from usr_core.fs.durable import link_or_copy
from usr_core.fs.errors import DiskFull, file_system_error
from usr_core.fs.files import require_folder
from usr_core.records.alphabets import OWN_ALPHABETS, KnownAlphabets
from usr_core.registry.document import TOMBSTONE_ENTRY, TOMBSTONE_NAMESPACE, Registry
from usr_core.registry.errors import RegistryMissing
from usr_core.registry.store import load_registry
from usr_core.roots.dataset_id import ARCHIVE, DatasetRef
from usr_core.roots.layout import EVENT_LOG, FOLDERS, RECORDS, DatasetLayout
from usr_core.store.base.plain_footer import read_plain_footer
from usr_core.store.errors import BaseMissing, DatasetArchived, LogMissing
from usr_core.store.history.keeping import SETTING, Setting, keep_base
from usr_core.store.parts.present import overlay_paths, refuse_partial_copy
from usr_core.store.parts.stamps import (
    META_ACTOR_RUN_ID,
    META_ACTOR_TOOL,
    META_CONTRACT_HASH,
    META_CREATED_AT,
    META_KEY,
    META_NAMESPACE,
    META_REGISTRY_HASH,
)

if TYPE_CHECKING:
    from usr_core.store.base.parquet import BaseFacts
    from usr_core.store.parts.files import NamespaceOverlay

__all__ = [
    "Mutation",
    "Site",
    "adopt_single_file",
    "keep_clock_after",
    "load_site_registry",
    "mutate",
    "new_part_name",
    "overlay_metadata",
    "refuse_archived",
    "refuse_unchangeable",
]

_log = logging.getLogger("usr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a change happens and who makes it.

    Attributes:
        ref: The dataset.
        announce: Called with the event of each change, once it is committed and the dataset is free again.
        actor: The tool and run that its event names.
        lock_timeout: Seconds to wait for another writer.
        maintenance: The reason of the maintenance block we are in, None outside one.
        observer: Called after each step of the commit.
        registry: What a change that is only tried goes by in place of the root's registry.
        alphabets: Those that sequences may have.
        dry_run: Do and check everything, and leave the dataset as it is: what was staged is dropped, and there is no
            event.
    """

    ref: DatasetRef
    announce: Callable[[Mapping[str, Any]], None]
    actor: Actor = field(default_factory=Actor)
    lock_timeout: float = LOCK_SECONDS
    maintenance: str | None = None
    observer: StepObserver | None = None
    registry: Registry | None = None
    alphabets: KnownAlphabets = OWN_ALPHABETS
    dry_run: bool = False

    @property
    def layout(self) -> DatasetLayout:
        return DatasetLayout(self.ref.path)


@dataclass(slots=True, kw_only=True)
class Mutation:
    """One change under way: the transaction, the registry it goes by, the base and the log as they are.

    ``broken_chain`` is the first fault of the chain of events, or ``""``; the event tells it in its ``maintenance``.
    ``event`` is the one that was committed, which `mutate` announces. ``copied_bytes`` says how many bytes the staged
    base was given of the one before it, from the beginning on; None where it was made otherwise.
    """

    site: Site
    txn: Transaction
    registry: Registry
    action: str
    broken_chain: str = ""
    event: dict[str, Any] | None = None
    copied_bytes: int | None = None

    def base_facts(self) -> BaseFacts:
        """Return the footer of the base as it is before this change.

        Raises:
            FileNotFoundError: The dataset has no base.
        """
        from usr_core.store.base.parquet import read_base_facts

        return read_base_facts(self.site.layout.records)

    def base_counts(self) -> BaseCounts:
        """Return how large the base is before this change; a small footer is read without a Parquet library.

        Raises:
            FileNotFoundError: The dataset has no base.
        """
        plain = read_plain_footer(self.site.layout.records)
        return self.base_facts().counts if plain is None else plain.counts

    def freeze_registry(self) -> bool:
        """Stage a copy of the registry, unless the dataset has frozen this one before. Return whether it did."""
        relative = self.site.layout.frozen_registry(self.registry.hash)
        if (self.site.ref.path / relative).exists():
            return False
        self.txn.stage(relative).write_bytes(self.registry.canonical_bytes())
        return True

    def finish(
        self,
        *,
        base: BaseFacts | BaseCounts,
        args: Mapping[str, object],
        metrics: Mapping[str, object],
        new_base: bool = False,
        last_step: Callable[[], Path] | None = None,
        found: tuple[FileChange, ...] = (),
    ) -> dict[str, Any] | None:
        """Freeze the registry if it is new, commit, and return the event; None for a change that is only tried.

        Args:
            base: The base as it is after the change.
            args: What was asked.
            metrics: What was counted.
            new_base: True where ``records.parquet`` was staged: the digest is taken from there.
            last_step: See `Transaction.commit`.
            found: Files that the event names as added beside those that were staged.
        """
        self.freeze_registry()
        if self.site.dry_run:
            return None
        if new_base and self.txn.keeps:
            keep_base(self.txn, prefix=self.copied_bytes)
        kept, size = self.txn.kept_bytes(), base.fingerprint().size_bytes
        setting = Setting.read(self.txn.tree) if kept > size else None
        if setting is not None and not setting.told:
            self.txn.stage(SETTING).write_bytes(replace(setting, told=True).encode())
        content = None
        if os.environ.get("USR_EVENT_SHA256") == "1":
            content = self.txn.stage(RECORDS) if new_base else self.site.layout.records
        maintenance = {"reason": self.site.maintenance, "broken_chain": self.broken_chain}
        self.event = self.txn.commit(
            Event(
                action=self.action,
                dataset=self.site.ref.name,
                root=str(self.site.ref.root),
                actor=self.site.actor,
                args=args,
                metrics=metrics,
                added=found,
                maintenance={name: told for name, told in maintenance.items() if told},
                fingerprint=base.fingerprint(content),
                registry_hash=self.registry.hash,
            ),
            last_step=last_step,
        )
        if setting is not None and not setting.told:
            name = self.site.ref.name
            text = "%s: this change kept %s of what it replaced, more than the base has; to give up older versions: "
            _log.warning(f"{text}usr gc %s", name, size_text(kept), name)
        return self.event


def refuse_unchangeable(site: Site) -> None:
    """Refuse what a change would refuse before it begins; for one that is only counted, without the lock.

    Raises:
        UsrError: As `mutate`, but for the lock.
    """
    refuse_archived(site.ref)
    load_site_registry(site)
    tree = FileTree(site.ref.path)
    _refuse_damaged(site, adopting=False)
    _require_log(site, tree, read_head(site.layout.event_log))
    overlay_paths(tree)


def _refuse_damaged(site: Site, *, adopting: bool) -> None:
    refuse_partial_copy(site.ref.name, site.ref.path, doing="adopted" if adopting else "changed")
    refuse_linked_file(site.ref.path, EVENT_LOG)
    for name in FOLDERS:
        require_folder(site.ref.path / name)


def refuse_archived(ref: DatasetRef) -> None:
    """Refuse a dataset that was put away: it can be read, but not changed.

    Raises:
        DatasetArchived: The dataset lies under ``_archive/``.
    """
    if ref.name.startswith(f"{ARCHIVE}/"):
        raise DatasetArchived(name=ref.name, live=ref.name.removeprefix(f"{ARCHIVE}/"))


@contextlib.contextmanager
def mutate(site: Site, action: str) -> Iterator[Mutation]:
    """Hold the dataset for one change.

    The registry is read before the lock is waited for, so that a missing one is reported at once, and
    the change goes by that state. A chain of events that was broken before is reported, and does not
    prevent the change. The event is announced last, when the dataset is free for the next writer.

    Raises:
        DatasetArchived: The dataset was put away; `unarchive` brings it back.
        RegistryMissing, RegistryInvalid, ReservedNamespaceAltered: The root has no valid registry, so nothing may
            be changed.
        LockTimeout: Another writer holds the dataset.
        CopyIncomplete: The copy was pulled with ``--primary-only``.
        LinkInsideDataset: The event log is a link.
        SpecialFile: Something else than a folder or file stands where one should be.
        LogMissing: The base has rows, but the log has no event.
        BaseMissing: The log has events, but the base is missing.
    """
    refuse_archived(site.ref)
    registry = site.registry or load_site_registry(site)
    transaction = Transaction(
        site.layout,
        command=f"{action.replace('_', ' ')} {site.ref.name}",
        name=site.ref.name,
        lock_timeout=site.lock_timeout,
        observer=site.observer,
    )
    with transaction as txn:
        _refuse_damaged(site, adopting=action == ADOPT)
        if action != ADOPT:
            _require_log(site, txn.tree, txn.head)
        # A file beside a folder is an error for every command: nothing tells which of the two is meant.
        overlay_paths(txn.tree)
        txn.keeps = Setting.read(txn.tree).keep
        fault = chain_fault(site.ref.path)
        if fault:
            _log.warning("%s: the chain of events was broken before this change: %s", site.ref.name, fault)
        mutation = Mutation(site=site, txn=txn, registry=registry, action=action, broken_chain=fault)
        try:
            yield mutation
        except OSError as error:
            own = isinstance(error, UsrError) or error.errno is None or isinstance(error, FileNotFoundError)
            told = error if own else file_system_error(error, site.ref.path, "write the new files")
            _name_history(site, told)
            if own:
                raise
            raise told from error
        if txn.committed and not fault:
            mark_chain(site.ref.path)
    if mutation.event is not None:
        site.announce(mutation.event)


def _name_history(site: Site, error: OSError) -> None:
    """Let a full disk's hint name first what the dataset keeps of its past, which can be given up."""
    if not isinstance(error, DiskFull):
        return
    from usr_core.store.history.files import read_history_use

    use = read_history_use(site.ref.path)
    if use is not None and use.files:
        error.hint = f"Give up older versions, which take {use.told}: usr gc {site.ref.name}. Or: {error.hint}"


def load_site_registry(site: Site) -> Registry:
    """Read the root's registry; where there is none, the error names the one that the dataset froze last.

    Raises:
        RegistryMissing, RegistryInvalid, ReservedNamespaceAltered: The root has no valid registry.
    """
    try:
        return load_registry(site.ref.root)
    except RegistryMissing as error:
        frozen = sorted(site.layout.registry_folder.glob("registry.*.yaml"), key=lambda path: path.stat().st_mtime_ns)
        if frozen:
            error.hint = f"The dataset has frozen the registry it was written under: cp {frozen[-1]} {error.path}"
        raise


def _require_log(site: Site, tree: FileTree, head: LogHead) -> None:
    """Refuse to change what is not a whole dataset: without its base, or without the log that tells of its records."""
    if tree.path(RECORDS) is None:
        if head.seq:
            raise BaseMissing(file=RECORDS)
        return
    if head.seq:
        return
    from usr_core.store.base.parquet import read_base_facts

    rows = read_base_facts(site.layout.records).rows
    if rows:
        raise LogMissing(dataset=site.ref.name, path=site.layout.event_log, rows=rows)


def keep_clock_after(mutation: Mutation, overlay: NamespaceOverlay | None) -> None:
    """Make the change's clock later than every part of the namespace, so that what it writes wins."""
    for part in overlay.parts if overlay is not None else ():
        mutation.txn.keep_clock_after(part.created_at_us)


def new_part_name(mutation: Mutation, namespace: str) -> str:
    """Return the relative name of a part that this change writes."""
    return mutation.site.layout.overlay_part(namespace, file_stamp(mutation.txn.clock_us), secrets.token_hex(4))


def adopt_single_file(mutation: Mutation, namespace: str, overlay: NamespaceOverlay | None) -> None:
    """Make a namespace that an older writer kept as one file the first part, in this same change."""
    single = mutation.site.layout.overlay_file(namespace)
    if overlay is None or overlay.parts[0].relative != single:
        return
    first = overlay.parts[0]
    part = mutation.site.layout.overlay_part(namespace, file_stamp(first.created_at_us), secrets.token_hex(4))
    link_or_copy(first.path, mutation.txn.stage(part))
    mutation.txn.retire(single)


def overlay_metadata(mutation: Mutation, namespace: str, *, created_at_us: int | None = None) -> dict[str, str]:
    """Return the metadata of a file keyed by ``id`` that `mutation` writes; its stamp is the change's clock."""
    actor = mutation.site.actor.resolved()
    return {
        META_NAMESPACE: namespace,
        META_KEY: "id",
        META_CREATED_AT: rfc3339(mutation.txn.clock_us if created_at_us is None else created_at_us),
        META_REGISTRY_HASH: mutation.registry.hash,
        META_CONTRACT_HASH: _contract_hash(mutation, namespace),
        META_ACTOR_TOOL: actor.tool,
        META_ACTOR_RUN_ID: actor.run_id,
    }


def _contract_hash(mutation: Mutation, namespace: str) -> str:
    if namespace != TOMBSTONE_NAMESPACE:
        return mutation.registry.contract_hash(namespace)
    # Never registered, so its contract is the one that the format fixes.
    lines = [namespace, *(f"{column.name}:{column.type.canonical()}" for column in TOMBSTONE_ENTRY.columns)]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("utf-8")).hexdigest()
