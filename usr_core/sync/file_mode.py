"""File mode: one file, wherever it lies, compared and moved by itself.

It has no history and no lock: the source's content wins. What arrives is staged in a fresh folder under the same
name, verified there, and then renamed, so that nobody ever sees half of it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import Any

from usr_core.errors import UsrError
from usr_core.events.clock import now_us, rfc3339
from usr_core.fs.durable import sync_file, sync_folder
from usr_core.fs.errors import file_system_error
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.plugin.transports import DigestRequest, FetchRequest, PlaceRequest, RemoveRequest, SendRequest, Traffic
from usr_core.roots.layout import EVENT_LOG, RECORDS, REGISTRY_FOLDER, STAGING, holds_dataset, is_machinery
from usr_core.sync.audit import as_bytes
from usr_core.sync.errors import FileOfDataset, NothingToSync, SourceChanging, TransferDamaged
from usr_core.sync.footers import check_footers
from usr_core.sync.local_side import sha256_of
from usr_core.sync.request import Action, SyncContext, SyncOptions
from usr_core.sync.sections import is_canonical
from usr_core.sync.target import FileTarget
from usr_core.sync.verification import Verification, choose_verification

__all__ = ["sync_file_target"]


def sync_file_target(action: Action, target: FileTarget, options: SyncOptions, context: SyncContext) -> dict[str, Any]:
    """Compare one file, and move it for `pull` and `push`; return the audit.

    Raises:
        NothingToSync: The side that gives has no such file, or what has the name is not a regular file.
        FileOfDataset: The file to write is one that a dataset's history decides about.
        TransferDamaged, SourceChanging: What arrived is not what was sent.
        TransportError, FileSystemError: The transport or the file system failed.
    """
    started, before = time.monotonic(), context.transport.traffic()
    audit: dict[str, Any] = {
        "action": action,
        "transfer_state": "FAILED",
        "file": str(target.path),
        "remote_file": target.remote_path,
        "remote": context.remote_name,
        "verify": {"primary": options.verify},
        "started_at": rfc3339(now_us()),
    }
    try:
        state = _run(action, target, options, context, audit)
    except BaseException as error:
        told = {"message": str(error) or type(error).__name__}
        if isinstance(error, UsrError):
            told = {"code": error.code, "message": error.message, "hint": error.hint}
        audit["error"] = told
        error.audit = audit  # type: ignore[attr-defined]
        raise
    now = context.transport.traffic()
    used = Traffic(sent=now.sent - before.sent, received=now.received - before.received)
    audit.update(transfer_state=state, bytes=as_bytes(used), seconds=round(time.monotonic() - started, 3))
    return audit


def _run(action: Action, target: FileTarget, options: SyncOptions, context: SyncContext, audit: dict[str, Any]) -> str:
    verification = choose_verification(context.host, options, context.transport.abilities(), remote=context.remote_name)
    for sentence in verification.downgrades:
        context.warn(sentence)
    audit["verify"] = verification.as_audit()
    here, there = _local_facts(target, verification), _remote_facts(target, verification, context)
    same = here is not None and there is not None and _equal(target, verification, here, there)
    audit["changed"] = not same
    audit["primary"] = {"changed": not same, "local": here, "remote": there}
    giving = here if action == "push" else there
    if action == "diff":
        if here is None and there is None:
            raise _nothing(str(target.path))
        return "DIFF-ONLY"
    _refuse_canonical(action, target, context)
    if giving is None:
        raise _nothing(str(target.path) if action == "push" else f"{context.remote_name}:{target.remote_path}")
    if same or options.dry_run:
        return "NO-OP" if same else "DRY-RUN"
    context.confirm(audit)
    if action == "pull":
        _pull(target, verification, context, giving)
    else:
        _push(target, verification, context, giving)
    return "TRANSFERRED"


def _refuse_canonical(action: Action, target: FileTarget, context: SyncContext) -> None:
    """Refuse to write a file that a dataset's history decides about.

    Raises:
        FileOfDataset: The file lies in a dataset's folder, and is its base, its log, an overlay, or machinery.
    """
    written = PurePosixPath(target.path.absolute() if action == "pull" else target.remote_path)
    for folder in written.parents:
        name = written.relative_to(folder).as_posix()
        if not (is_canonical(name) or is_machinery(name) or name == EVENT_LOG):
            continue
        if holds_dataset(Path(folder)) if action == "pull" else _holds_dataset_there(str(folder), context):
            raise FileOfDataset(str(written), dataset=str(folder))


def _holds_dataset_there(folder: str, context: SyncContext) -> bool:
    """Tell whether a folder there is a dataset: it has a log, or a base and registries (a copy without hidden files).

    A base alone may be some other program's file.
    """
    there = context.transport.stat
    if there(f"{folder}/{EVENT_LOG}") is not None:
        return True
    return there(f"{folder}/{RECORDS}") is not None and there(f"{folder}/{REGISTRY_FOLDER}") is not None


def _nothing(what: str) -> NothingToSync:
    return NothingToSync(f"The file {what}", place=what, hint="Check the path, and --remote-path or repo_root.")


def _local_facts(target: FileTarget, verification: Verification) -> dict[str, str | int] | None:
    try:
        found = target.path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise _nothing(str(target.path))
    facts: dict[str, str | int] = {"size_bytes": found.st_size}
    if verification.digests:
        facts |= {"sha256": sha256_of({"": target.path})[""]}
    if verification.needs not in (None, "sha256"):
        facts |= verification.local_facts(target.path).facts
    return facts


def _remote_facts(target: FileTarget, verification: Verification, context: SyncContext) -> dict[str, str | int] | None:
    entry = context.transport.stat(target.remote_path)
    if entry is None:
        return None
    if entry.kind != "file":
        raise _nothing(f"{context.remote_name}:{target.remote_path}")
    place = PurePosixPath(target.remote_path)
    facts: dict[str, str | int] = {"size_bytes": entry.size_bytes}
    kinds = {"sha256"} if verification.digests else set()
    if verification.needs is not None:
        kinds.add(verification.needs)
    for kind in sorted(kinds):
        request = DigestRequest(folder=str(place.parent), files=(place.name,), kind=kind)
        facts |= context.transport.digest(request).get(place.name, {})
    return facts


def _equal(
    target: FileTarget, verification: Verification, here: dict[str, str | int], there: dict[str, str | int]
) -> bool:
    if here["size_bytes"] != there["size_bytes"]:  # before any strategy
        return False
    if "sha256" in here and "sha256" in there:
        return here["sha256"] == there["sha256"]
    return verification.compare(verification.local_facts(target.path), there).equal


def _pull(target: FileTarget, verification: Verification, context: SyncContext, there: dict[str, str | int]) -> None:
    place = PurePosixPath(target.remote_path)
    parent = target.path.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".usr-pull-", dir=parent) as staging:
            basis = None if target.path.exists() and target.path.name != place.name else parent
            context.transport.fetch(
                FetchRequest(
                    folder=str(place.parent),
                    files=(place.name,),
                    into=Path(staging),
                    basis=basis,
                    progress=lambda done, total: context.progress("pull", done, total),
                )
            )
            arrived = Path(staging) / place.name
            if not arrived.is_file() or arrived.is_symlink():
                raise TransferDamaged(files=[place.name], reason="it did not arrive")
            _check_arrived(arrived, verification, there, context, target)
            if target.path.exists():
                arrived.chmod(stat.S_IMODE(target.path.stat().st_mode))
            sync_file(arrived)
            arrived.replace(target.path)
            sync_folder(parent)
    except OSError as error:
        if isinstance(error, UsrError):
            raise
        raise file_system_error(error, target.path, "put the file in its place") from error


def _check_arrived(
    arrived: Path,
    verification: Verification,
    there: dict[str, str | int],
    context: SyncContext,
    target: FileTarget,
) -> None:
    wrong = arrived.stat().st_size != there["size_bytes"]
    if "sha256" in there:
        wrong = sha256_of({"": arrived})[""] != there["sha256"]
    if wrong:
        now = _remote_facts(target, verification, context)
        if now != there:
            raise SourceChanging("The remote file")
        raise TransferDamaged(files=[target.path.name], reason="the content differs")
    check_footers({target.path.name: arrived})


def _push(target: FileTarget, verification: Verification, context: SyncContext, here: dict[str, str | int]) -> None:
    place, transport = PurePosixPath(target.remote_path), context.transport
    name = f"push-{secrets.token_hex(8)}"
    staging = f"{place.parent}/{STAGING}/{name}"
    with tempfile.TemporaryDirectory(prefix="usr-push-") as aside:
        source = Path(aside) / place.name
        # Under the name that it has there; a link to the file itself would not be sent.
        try:
            os.link(target.path, source)
        except OSError:
            import shutil

            shutil.copy2(target.path, source)
        check_footers({place.name: source})
        try:
            transport.send(
                SendRequest(
                    source=Path(aside),
                    files=(place.name,),
                    into=staging,
                    basis=str(place.parent),
                    progress=lambda done, total: context.progress("push", done, total),
                )
            )
            there = _remote_facts(
                FileTarget(path=target.path, remote_path=f"{staging}/{place.name}"), verification, context
            )
            same = there is not None and all(
                there[key] == here[key] for key in ("size_bytes", "sha256") if key in there
            )
            if not same:
                if sha256_of({"": target.path}).get("") != here.get("sha256") and "sha256" in here:
                    raise SourceChanging("The file here")
                raise TransferDamaged(files=[place.name], reason="the content differs")
            transport.place(PlaceRequest(staged=f"{staging}/{place.name}", final=target.remote_path))
        finally:
            with contextlib.suppress(UsrError, RemoteChanged):
                transport.remove_staging(RemoveRequest(folder=str(place.parent), name=name))
