"""What a dataset keeps of its past, against the log: under ``--strict``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from usr_core.commit.file_tree import FileTree
from usr_core.errors import UsrError
from usr_core.events.files_told import changes_told
from usr_core.events.log import line_seq, read_lines
from usr_core.fs.durable import digest_of
from usr_core.roots.layout import HISTORY, RECORDS
from usr_core.store.checks.validate.report import FindingList
from usr_core.store.history.files import History, kept_name, kept_told
from usr_core.store.history.keeping import TAIL
from usr_core.store.history.restoring import check_tails

__all__ = ["check_history"]

_SHOWN = 20
_RESTORE = "Restore it from a copy that has the history: usr pull --history; or give up older versions: usr gc."


def check_history(tree: FileTree, log: Path, findings: FindingList, *, last: int) -> None:
    """Check that what versions need that can be brought back is there, and is what was kept.

    Args:
        tree: The dataset's files; those of a dataset without history need nothing.
        log: Its log.
        findings: Takes a finding for each file, at most 20 of each kind, with the count of all.
        last: Number of the last event.

    Memory holds the names that were kept. Every kept file is read once, and the base.
    """
    history = History(tree)
    try:
        since = history.setting.since
    except UsrError as error:
        findings.add_error(error)
        return
    if since is None:
        return
    unkept: set[int] = set()
    faults = dict(_against_log(history, log, since, unkept))
    faults.update((name, reason) for name, reason in check_tails(history, unkept=unkept) if name not in faults)
    for number, (name, reason) in enumerate(sorted(faults.items()), 1):
        if number > _SHOWN:
            break
        more = f" (and {len(faults) - _SHOWN:,} more files)" if number == _SHOWN < len(faults) else ""
        findings.add("USR-VALID-092", f"{name} {reason}{more}", hint=_RESTORE, file=name)
    for version in history.later_than(last):
        name = f"{HISTORY}/{version}"
        hint = "Move it out of the dataset: it is of another log."
        findings.add("USR-VALID-093", f"{name} is of an event that the log does not have", hint=hint, file=name)


def _against_log(history: History, log: Path, since: int, unkept: set[int]) -> Iterator[tuple[str, str]]:
    """Yield what events say was kept and is not there, or is another file.

    `unkept` takes the events that wrote the base and say of none that it was kept.
    """
    for line in read_lines(log):
        seq = line_seq(line.event)
        if seq is None:
            continue
        told = [(path, kept_told(change) or "", change) for path, change in changes_told(line.event, "removed").items()]
        kept = {path: (name, change) for path, name, change in told if name.startswith(f"{HISTORY}/")}
        if RECORDS in changes_told(line.event, "added") and RECORDS not in kept:
            unkept.add(seq)
        for name, change in kept.values():
            path = history.tree.path(name)
            if path is None and name.endswith(f"/{TAIL}") and history.tree.path(kept_name(seq, RECORDS)) is not None:
                continue  # a pull keeps a base whole where the one that arrived has little in common with it
            if path is None:
                if seq > since:  # older versions may have been given up
                    yield name, "was kept by an event, and is not there"
            elif name.endswith(f"/{TAIL}"):
                continue  # it has digests of its own
            elif path.stat().st_size != change.get("size_bytes", path.stat().st_size):
                yield name, f"has {path.stat().st_size:,} bytes, and {change['size_bytes']:,} by the event that kept it"
            elif isinstance(change.get("sha256"), str) and digest_of(path) != change["sha256"]:
                yield name, "is not what the event says that kept it: its sha256 is another one"
