"""Remotes and what was found about them, as ``usr remotes`` prints them."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.api import visible
from usr_core.api.commands import Format, emit_json, emit_outcome, emit_table, resolve_format

if TYPE_CHECKING:
    from usr_core.api.sync import Remote, RemotesFile
    from usr_sync.remotes_doctor import RemoteReport

__all__ = ["NO_REMOTES", "emit_list", "emit_report", "emit_saved", "remote_record"]

NO_REMOTES = "no remotes yet; `usr remotes wizard` adds one"

_LIST_COLUMNS = ("name", "type", "user", "host", "port", "base_dir")
_FINDING_COLUMNS = ("what", "found", "verdict", "fix")


def emit_list(remotes: RemotesFile, transports: Collection[str], fmt: Format) -> None:
    """Print a row for each remote: those that can be used in the file's order, then the others.

    The column ``fault`` says why one can't be used; people see it only where there is such a one.
    """
    rows: list[dict[str, object]] = []
    for remote in remotes.remotes.values():
        unknown = f"No plugin offers {remote.type!r} (known: {', '.join(sorted(transports)) or 'none'})."
        rows.append(
            {
                "name": remote.name,
                "type": remote.type,
                "user": remote.user or None,
                "host": remote.host or None,
                "port": remote.port,
                "base_dir": remote.base_dir,
                "fault": None if remote.type in transports else unknown,
            }
        )
    for name, fault in remotes.faults.items():
        where = f" (line {fault.facts['line']})" if fault.facts.get("line") else ""
        rows.append({**dict.fromkeys(_LIST_COLUMNS), "name": name, "fault": f"{fault.message}{where}"})
    shown_fault = any(row["fault"] for row in rows) or resolve_format(fmt) is Format.JSON
    emit_table(rows, (*_LIST_COLUMNS, "fault") if shown_fault else _LIST_COLUMNS, fmt, empty=NO_REMOTES)


def remote_record(remote: Remote, path: Path) -> dict[str, object]:
    """Return all settings of a remote; what is not set is None. ``extra`` holds those that only its transport knows."""
    return {
        "name": remote.name,
        "type": remote.type,
        "host": remote.host or None,
        "user": remote.user or None,
        "base_dir": remote.base_dir,
        "port": remote.port,
        "batch_mode": remote.batch_mode,
        "ssh_key_env": remote.ssh_key_env,
        "known_hosts": remote.known_hosts,
        "repo_root": remote.repo_root,
        "local_repo_root": remote.local_repo_root,
        "extra": dict(remote.extra),
        "file": path,
    }


def emit_saved(remote: Remote, path: Path, fmt: Format, *, written: bool, given: Path | None, dry_run: bool) -> None:
    """Print what was done, or would be, and the command to run next.

    Args:
        remote: What was saved.
        path: The remotes file.
        fmt: The command's ``--format``.
        written: Whether the file changes by it.
        given: The file that ``--remotes-config`` named.
        dry_run: Whether nothing was written.
    """
    verb = "would write" if dry_run else "wrote"
    done = (
        f"{verb} the remote {remote.name} to {path}" if written else f"{path} holds the remote {remote.name} so already"
    )
    option = "" if given is None else f"--remotes-config {shlex.quote(str(given))} "
    next_ = f"next: usr {visible(option, limit=10_000)}remotes doctor --remote {remote.name}"
    text = f"{visible(done, limit=10_000)}\n{next_}"
    emit_outcome({"written": written, **remote_record(remote, path)}, text, fmt, dry_run=dry_run)


def emit_report(report: RemoteReport, fmt: Format) -> None:
    """Print what a check of a remote has found: a table, or one JSON document."""
    rows = [
        {"what": one.what, "found": one.found, "verdict": one.verdict, "fix": one.fix or None}
        for one in report.findings
    ]
    if resolve_format(fmt) is Format.JSON:
        emit_json({"remote": report.remote, "ok": report.ok, "reachable": report.reachable, "findings": rows})
    else:
        emit_table(rows, _FINDING_COLUMNS, fmt)
