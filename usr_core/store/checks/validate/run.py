"""`validate_dataset`: one state of a dataset, opened at once and checked from its footers to its last row."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from usr_core.commit.file_tree import FileTree, TreeEntry, find_records
from usr_core.commit.read_snapshot import read_consistent
from usr_core.errors import UsrError, visible
from usr_core.events.files_told import files_told
from usr_core.events.log import LogHead, read_head
from usr_core.fs.errors import FileSystemError, SpecialFile, file_system_error
from usr_core.plugin.errors import PluginError, PluginMissing
from usr_core.records.alphabets import OWN_ALPHABETS, KnownAlphabets, alphabets_noted
from usr_core.roots.dataset_id import DatasetRef
from usr_core.roots.errors import DatasetMissing
from usr_core.roots.layout import EVENT_LOG, RECORDS, DatasetLayout
from usr_core.store.base.parquet import OpenParquet, usr_metadata
from usr_core.store.checks.doctor.leftovers import find_leftovers
from usr_core.store.checks.doctor.odd_places import odd_places
from usr_core.store.checks.validate.base_footer_checks import check_base_footer, is_hash
from usr_core.store.checks.validate.base_rows import check_base_rows
from usr_core.store.checks.validate.column_types import check_materialized, check_types_agree
from usr_core.store.checks.validate.file_checks import check_files_told, check_places
from usr_core.store.checks.validate.history_checks import check_history
from usr_core.store.checks.validate.log_checks import (
    check_chain,
    check_copy_is_whole,
    check_fingerprint,
    check_log_form,
)
from usr_core.store.checks.validate.overlay_footer_checks import check_overlay_footers
from usr_core.store.checks.validate.overlay_names import (
    check_overlay_bounds,
    check_overlay_names,
    stray_overlay_files,
)
from usr_core.store.checks.validate.overlay_rows import check_overlay_rows
from usr_core.store.checks.validate.pages import DAMAGE
from usr_core.store.checks.validate.plugin_checks import Check, run_checks
from usr_core.store.checks.validate.registries import Registries, load_registries, read_frozen
from usr_core.store.checks.validate.report import FindingList, RegistryMode, ValidationReport
from usr_core.store.errors import BaseUnreadable
from usr_core.store.parts.files import META_REGISTRY_HASH, NamespaceOverlay, list_overlays
from usr_core.store.parts.present import snapshots_left_out

__all__ = ["validate_dataset"]


def validate_dataset(
    ref: DatasetRef,
    *,
    strict: bool = False,
    registry_mode: RegistryMode = "either",
    checks: Sequence[Check] = (),
    alphabets: KnownAlphabets = OWN_ALPHABETS,
    progress: Callable[[int], None] | None = None,
) -> ValidationReport:
    """Check a dataset and return everything that is wrong with it. Takes no lock and writes nothing.

    Writers may go on meanwhile: all files are opened in one consistent state first. Every page of the base and of
    every overlay is decoded, on all cores, in pieces of 32 MiB; beside them 8 bytes a row are held, and 28 bytes a base
    row while overlay keys are looked up.

    Args:
        ref: The dataset.
        strict: Also check that materialized columns are registered, the event chain, that base and files are those
            that the events tell of, leftovers and links.
        registry_mode: What registry hashes have to equal: the root's registry (``current``), a frozen one
            (``frozen``, which does not look at the root), one of both (``either``), or nothing, but each part's
            contract hash the one that the root's registry gives its namespace (``contract``).
        checks: Plugins' checks, run last.
        alphabets: Those that sequences may have.
        progress: Called with the number of base and overlay rows just checked.

    Raises:
        PluginMissing: The sequences have an alphabet whose plugin is not there.
        DatasetMissing: The dataset has no base.
        DatasetBusy: The dataset changed each time while it was being opened.
        CommitRecordUnreadable: This version can't read a commit record, so the present state is not known.
        FileSystemError: A file can't be opened or read for a reason outside the dataset.
    """
    started = time.monotonic()
    findings = FindingList()
    try:
        opened = read_consistent(ref.path, _open)
    except FileNotFoundError as error:
        if (ref.path / RECORDS).exists():
            raise
        raise DatasetMissing(text=ref.name, place=ref.root) from error
    try:
        _require_alphabets(opened.base, alphabets)
        files = sum(len(overlay.parts) for overlay in opened.overlays.values())
        _check(
            ref,
            opened,
            findings,
            strict=strict,
            mode=registry_mode,
            checks=checks,
            alphabets=alphabets,
            progress=progress,
        )
        rows = opened.base.rows if opened.base is not None else 0
    finally:
        opened.close()
    return ValidationReport(
        dataset=ref.name,
        mode=registry_mode,
        strict=strict,
        findings=findings.all(),
        rows=rows,
        overlays=files,
        seconds=time.monotonic() - started,
    )


@dataclass(slots=True, kw_only=True)
class _Opened:
    """Everything that is read, opened in one state of the dataset."""

    base: OpenParquet | None = None
    overlays: Mapping[str, NamespaceOverlay] = field(default_factory=dict)
    frozen: Mapping[str, bytes] = field(default_factory=dict)
    stray: list[str] = field(default_factory=list)
    base_problem: UsrError | None = None
    overlay_problems: list[UsrError] = field(default_factory=list)
    log: LogHead
    entries: Sequence[TreeEntry] = ()
    under_way: bool = False

    def close(self) -> None:
        if self.base is not None:
            self.base.close()
        for overlay in self.overlays.values():
            overlay.close()


def _open(tree: FileTree) -> _Opened:
    opened = _Opened(log=read_head(tree.folder / EVENT_LOG))
    try:
        opened.base, opened.base_problem = _open_base(tree)
        opened.overlays = list_overlays(tree, on_problem=opened.overlay_problems.append)
        with contextlib.suppress(SpecialFile):  # `list_overlays` has told
            opened.stray = stray_overlay_files(tree)
        try:
            opened.frozen = read_frozen(tree)
        except SpecialFile as error:
            opened.overlay_problems.append(error)
        opened.entries = list(tree.walk())
        opened.under_way = any(find_records(tree.folder))
        return opened
    except BaseException:
        opened.close()
        raise


def _open_base(tree: FileTree) -> tuple[OpenParquet | None, UsrError | None]:
    path = tree.path(RECORDS)
    if path is None:
        raise FileNotFoundError(tree.folder / RECORDS)
    try:
        return OpenParquet.open(path), None
    except (FileNotFoundError, MemoryError):
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise file_system_error(error, path, "read the records") from error
        return None, BaseUnreadable(Path(RECORDS), error)


def _check(
    ref: DatasetRef,
    opened: _Opened,
    findings: FindingList,
    *,
    strict: bool,
    mode: RegistryMode,
    checks: Sequence[Check],
    alphabets: KnownAlphabets,
    progress: Callable[[int], None] | None,
) -> None:
    base_hash = usr_metadata(opened.base.schema).get(META_REGISTRY_HASH) if opened.base is not None else None
    registries = load_registries(ref.root, opened.frozen, mode, findings, base_hash=base_hash)
    base_whole = _check_base(opened, registries, findings, strict=strict, alphabets=alphabets, progress=progress)
    _check_overlays(opened, registries, findings, progress=progress)
    layout = DatasetLayout(ref.path)
    whole = check_copy_is_whole(ref, findings)
    if whole or opened.log.last:
        check_log_form(layout.event_log, findings, under_way=opened.under_way)
    if strict:
        check_chain(layout.event_log, findings)
        if whole and not opened.under_way:
            _check_against_log(layout, opened, findings)
            check_history(FileTree(ref.path), layout.event_log, findings, last=opened.log.seq)
        root = None if mode == "frozen" else ref.root
        check_places(odd_places(ref.path, opened.entries, root=root), findings)
        for leftover in find_leftovers(ref.path):
            findings.add(
                "USR-VALID-090",
                leftover.message,
                hint=leftover.fix,
                file=leftover.relative,
                severity="error" if leftover.abandoned else "note",
            )
    if opened.base is not None and base_whole:
        run_checks(checks, opened.base, opened.overlays, findings, strict=strict)


def _require_alphabets(base: OpenParquet | None, known: KnownAlphabets) -> None:
    """Refuse to judge letters by alphabets whose plugins are not there.

    Raises:
        PluginMissing: An alphabet that the base notes can't be had.
    """
    noted = alphabets_noted(usr_metadata(base.schema)) if base is not None else {}
    for name, plugin in noted.items():
        reason = "which is not installed"
        try:
            if known.find(name) is not None:
                continue
        except PluginError as error:
            reason = f"which can't be used: {error.message}"
        raise PluginMissing(
            f"Sequences have the alphabet {visible(name)!r} of the plugin {visible(plugin)!r}, {reason}.",
            hint=f"Install the plugin {visible(plugin)}, or switch it on; `usr plugins list` shows what there is.",
            facts={"alphabet": visible(name), "plugin": visible(plugin)},
        )


def _check_against_log(layout: DatasetLayout, opened: _Opened, findings: FindingList) -> None:
    if not opened.log.seq:
        return  # told already
    if opened.base is not None:
        check_fingerprint(opened.log.last or {}, opened.base, findings)
    overlays = [part.relative for overlay in opened.overlays.values() for part in overlay.parts]
    left_out = ""
    with contextlib.suppress(FileSystemError):  # `check_copy_is_whole` has told
        left_out = snapshots_left_out(layout.path)
    told = files_told(layout.event_log, end=opened.log.end)
    check_files_told(told, opened.entries, overlays, findings, left_out=left_out)


def _check_base(
    opened: _Opened,
    registries: Registries,
    findings: FindingList,
    *,
    strict: bool,
    alphabets: KnownAlphabets,
    progress: Callable[[int], None] | None,
) -> bool:
    if opened.base_problem is not None:
        findings.add_error(opened.base_problem, file=RECORDS)
    if opened.base is None:
        return False
    schema = opened.base.schema
    check_base_footer(schema, opened.base.rows, findings)
    registry_hash = usr_metadata(schema).get(META_REGISTRY_HASH)
    fault = registries.hash_fault(registry_hash) if registry_hash is not None and is_hash(registry_hash) else ""
    if fault:
        findings.add(
            "USR-VALID-018",
            fault,
            hint="Run `usr maintenance registry-freeze`, which stamps the root's registry hash into the base.",
            file=RECORDS,
        )
    if strict:
        check_materialized(schema, registries, findings)
    return check_base_rows(opened.base, findings, progress, alphabets)


def _check_overlays(
    opened: _Opened, registries: Registries, findings: FindingList, *, progress: Callable[[int], None] | None
) -> None:
    for problem in opened.overlay_problems:
        findings.add_error(problem)
    check_overlay_names(opened.stray, findings)
    check_overlay_bounds(opened.overlays, findings)
    for overlay in opened.overlays.values():
        check_overlay_footers(overlay, registries, findings)
    check_types_agree(opened.base.schema if opened.base is not None else None, opened.overlays, findings)
    check_overlay_rows(opened.overlays, opened.base, findings, progress)
