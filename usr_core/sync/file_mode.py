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
from pathlib import Path, PurePosixPath

from usr_core.errors import UsrError
from usr_core.fs.durable import sync_file, sync_folder
from usr_core.fs.errors import file_system_error
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.plugin.transports import DigestRequest, FetchRequest, PlaceRequest, RemoveRequest, SendRequest
from usr_core.roots.layout import EVENT_LOG, RECORDS, REGISTRY_FOLDER, STAGING, holds_dataset, is_machinery
from usr_core.sync.audit import FileAudit
from usr_core.sync.errors import FileOfDataset, NothingToSync, SourceChanging, TransferDamaged
from usr_core.sync.footers import check_footers
from usr_core.sync.local_side import sha256_of
from usr_core.sync.request import Action, SyncContext, SyncOptions
from usr_core.sync.sections import is_canonical
from usr_core.sync.survey import Facts
from usr_core.sync.target import FileTarget
from usr_core.sync.transfer import Run

__all__ = ["FileRun"]


class FileRun(Run[FileAudit]):
    """Compare one file, and move it for `pull` and `push`.

    Raises:
        NothingToSync: The side that gives has no such file, or what has the name is not a regular file.
        FileOfDataset: The file to write is one that a dataset's history decides about.
        TransferDamaged, SourceChanging: What arrived is not what was sent.
        TransportError, FileSystemError: The transport or the file system failed.
    """

    def __init__(self, action: Action, target: FileTarget, options: SyncOptions, context: SyncContext) -> None:
        audit = FileAudit(
            action=action,
            remote=context.remote_name,
            requested=options.verify,
            file=str(target.path),
            remote_file=target.remote_path,
        )
        super().__init__(audit, options, context)
        self.path, self.remote_path = target.path, target.remote_path
        self.transport = context.transport

    def run(self) -> None:
        self.verification = self.choose()
        here, there = self._local_facts(), self._remote_facts(self.remote_path)
        same = here is not None and there is not None and self._equal(here, there)
        self.audit.changed, self.audit.local, self.audit.remote_facts = not same, here, there
        if self.action == "diff":
            if here is None and there is None:
                raise _nothing(str(self.path))
            return self.finish("DIFF-ONLY")
        pull = self.action == "pull"
        self._refuse_canonical(PurePosixPath(self.path.absolute() if pull else self.remote_path))
        given, place = (there, f"{self.context.remote_name}:{self.remote_path}") if pull else (here, str(self.path))
        if given is None:
            raise _nothing(place)
        if same or self.options.dry_run:
            return self.finish("NO-OP" if same else "DRY-RUN")
        self.context.confirm(self.audit.as_json())
        (self._pull if pull else self._push)(given)
        return self.finish("TRANSFERRED")

    def _refuse_canonical(self, written: PurePosixPath) -> None:
        """Refuse to write a file that a dataset's history decides about.

        Raises:
            FileOfDataset: The file lies in a dataset's folder, and is its base, its log, an overlay, or machinery.
        """
        for folder in written.parents:
            name = written.relative_to(folder).as_posix()
            if not (is_canonical(name) or is_machinery(name) or name == EVENT_LOG):
                continue
            if holds_dataset(Path(folder)) if self.action == "pull" else self._holds_dataset_there(str(folder)):
                raise FileOfDataset(path=str(written), dataset=str(folder))

    def _holds_dataset_there(self, folder: str) -> bool:
        """Tell whether a folder there is a dataset: it has a log, or a base and registries.

        The latter is a copy without hidden files. A base alone may be some other program's file.
        """
        there = self.transport.stat
        if there(f"{folder}/{EVENT_LOG}") is not None:
            return True
        return there(f"{folder}/{RECORDS}") is not None and there(f"{folder}/{REGISTRY_FOLDER}") is not None

    def _local_facts(self) -> Facts | None:
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise _nothing(str(self.path))
        facts: Facts = {"size_bytes": found.st_size}
        if self.verification.digests:
            facts |= {"sha256": _sha256(self.path)}
        if self.verification.needs not in (None, "sha256"):
            facts |= self.verification.local_facts(self.path).facts
        return facts

    def _remote_facts(self, path: str) -> Facts | None:
        entry = self.transport.stat(path)
        if entry is None:
            return None
        if entry.kind != "file":
            raise _nothing(f"{self.context.remote_name}:{path}")
        place = PurePosixPath(path)
        facts: Facts = {"size_bytes": entry.size_bytes}
        kinds = {"sha256"} if self.verification.digests else set()
        if self.verification.needs is not None:
            kinds.add(self.verification.needs)
        for kind in sorted(kinds):
            request = DigestRequest(folder=str(place.parent), files=(place.name,), kind=kind)
            facts |= self.transport.digest(request).get(place.name, {})
        return facts

    def _equal(self, here: Facts, there: Facts) -> bool:
        if here["size_bytes"] != there["size_bytes"]:  # before any strategy
            return False
        if "sha256" in here and "sha256" in there:
            return here["sha256"] == there["sha256"]
        seen = self.verification
        return seen.equal(seen.local_facts(self.path), seen.remote_facts(there))

    def _pull(self, there: Facts) -> None:
        place, parent = PurePosixPath(self.remote_path), self.path.parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".usr-pull-", dir=parent) as staging:
                basis = None if self.path.exists() and self.path.name != place.name else parent
                self.transport.fetch(
                    FetchRequest(
                        folder=str(place.parent),
                        files=(place.name,),
                        into=Path(staging),
                        basis=basis,
                        progress=self.progress(),
                    )
                )
                arrived = Path(staging) / place.name
                if not arrived.is_file() or arrived.is_symlink():
                    raise TransferDamaged(files=[place.name], reason="it did not arrive")
                self._check_arrived(arrived, there)
                if self.path.exists():
                    arrived.chmod(stat.S_IMODE(self.path.stat().st_mode))
                sync_file(arrived)
                arrived.replace(self.path)
                sync_folder(parent)
        except OSError as error:
            if isinstance(error, UsrError):
                raise
            raise file_system_error(error, self.path, "put the file in its place") from error

    def _check_arrived(self, arrived: Path, there: Facts) -> None:
        if "sha256" in there:
            wrong = _sha256(arrived) != there["sha256"]
        else:
            wrong = arrived.stat().st_size != there["size_bytes"]
        if wrong:
            if self._remote_facts(self.remote_path) != there:
                raise SourceChanging(what="The remote file")
            raise TransferDamaged(files=[self.path.name], reason="the content differs")
        check_footers({self.path.name: arrived})

    def _push(self, here: Facts) -> None:
        place, transport = PurePosixPath(self.remote_path), self.transport
        name = f"push-{secrets.token_hex(8)}"
        staging = f"{place.parent}/{STAGING}/{name}"
        with tempfile.TemporaryDirectory(prefix="usr-push-") as aside:
            source = Path(aside) / place.name
            # Under the name that it has there; a link to the file itself would not be sent.
            try:
                os.link(self.path, source)
            except OSError:
                import shutil

                shutil.copy2(self.path, source)
            check_footers({place.name: source})
            try:
                transport.send(
                    SendRequest(
                        source=Path(aside),
                        files=(place.name,),
                        into=staging,
                        basis=str(place.parent),
                        progress=self.progress(),
                    )
                )
                there = self._remote_facts(f"{staging}/{place.name}")
                keys = [key for key in ("size_bytes", "sha256") if there is not None and key in there]
                if there is None or any(there[key] != here[key] for key in keys):
                    if "sha256" in here and _sha256(self.path, gone="") != here["sha256"]:
                        raise SourceChanging(what="The file here")
                    raise TransferDamaged(files=[place.name], reason="the content differs")
                transport.place(PlaceRequest(staged=f"{staging}/{place.name}", final=self.remote_path))
            finally:
                with contextlib.suppress(UsrError, RemoteChanged):
                    transport.remove_staging(RemoveRequest(folder=str(place.parent), name=name))


def _nothing(what: str) -> NothingToSync:
    return NothingToSync(what=f"The file {what}", place=what, hint="Check the path, and --remote-path or repo_root.")


def _sha256(path: Path, *, gone: str | None = None) -> str:
    found = sha256_of({"": path})
    return found[""] if gone is None else found.get("", gone)
