"""What stands in the way of working with a remote, each with its fix: the programs here, the login, the remote side."""

from __future__ import annotations

import os
import shlex
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from usr_core.api import ExitCode, PluginHost, TransportSpec
from usr_core.api.sync import Remote, RemoteInsideRoot, RemoteKeyUnset
from usr_core.api.transports import Probe, RemoteEntry, RemoteUnreachable, TransportError
from usr_sync.remotes_connection import offered_method
from usr_sync.remotes_programs import local_version, rsync_fault

__all__ = ["CLOCK_SECONDS", "RemoteFinding", "RemoteReport", "examine_remote"]

Verdict = Literal["ok", "note", "warning", "error"]

CLOCK_SECONDS = 5.0
"""How far two clocks may be apart before it is worth a warning."""

_GREETING_SHOWN = 100
_DIGEST_TOOLS = ("sha256sum", "shasum", "openssl", "sha256", "digest")
_PARQUET_TOOLS = ("parquet", "python", "python3", "pyarrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFinding:
    """One thing that was looked at, what was found, and what to do where the verdict is not ``ok``."""

    what: str
    found: str
    verdict: Verdict = "ok"
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReport:
    """What a check of a remote has found; `reachable` is None where it was not tried."""

    remote: str
    findings: tuple[RemoteFinding, ...]
    reachable: bool | None

    @property
    def ok(self) -> bool:
        """Whether nothing is an error."""
        return all(finding.verdict != "error" for finding in self.findings)

    @property
    def exit_code(self) -> ExitCode:
        """What the command returns."""
        if self.ok:
            return ExitCode.DONE
        return ExitCode.REMOTE if self.reachable is False else ExitCode.FAILED


def examine_remote(
    remote: Remote,
    host: PluginHost,
    *,
    file: Path,
    check_base_dir: bool = True,
    environ: Mapping[str, str] = os.environ,
    root: Path | None = None,
) -> RemoteReport:
    """Look at everything that a transfer needs; nothing is changed.

    Args:
        remote: The remote.
        host: Offers the transport.
        file: The remotes file that the remote is from.
        check_base_dir: Check the root there.
        environ: Where the variable with the ssh key's path is looked up.
        root: The root here, if there is one: a remote that is a folder must not lie in it.

    Raises:
        PluginError: No working plugin offers the remote's transport.
    """
    spec = host.transport_spec(remote.type)
    findings = [
        *_file_findings(file),
        *_setting_findings(remote, spec),
        *_program_findings(remote, host),
        *_key_findings(remote, environ),
        *_place_findings(remote, spec, root),
    ]
    reachable: bool | None = None
    if all(finding.verdict != "error" for finding in findings):
        try:
            findings += _far_findings(remote, host, environ, check_base_dir, local="local" in spec.features)
            reachable = True
        except TransportError as error:
            reachable = not isinstance(error, RemoteUnreachable)
            what = "there" if reachable else "base dir" if "local" in spec.features else "login"
            answer = " ".join(str(error.facts.get("answer") or "").split())
            found = f"{error.message} {answer}" if answer else error.message
            findings.append(RemoteFinding(what=what, found=found, verdict="error", fix=error.hint))
    return RemoteReport(remote=remote.name, findings=tuple(findings), reachable=reachable)


def _file_findings(file: Path) -> Iterator[RemoteFinding]:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o022:
        yield RemoteFinding(
            what="remotes file",
            found=f"others may change it (mode {mode:04o})",
            verdict="warning",
            fix=f"chmod 600 {shlex.quote(str(file))}",
        )
    else:
        yield RemoteFinding(what="remotes file", found=str(file))


def _setting_findings(remote: Remote, spec: TransportSpec) -> Iterator[RemoteFinding]:
    """Name settings that nothing reads: a misspelled one would be ignored in silence."""
    unread = [key for key in remote.extra if key not in spec.settings or key == "ssh_key"] if spec.settings else []
    for key in unread:
        fix = "Name the variable that holds it: ssh_key_env." if key == "ssh_key" else "Correct its name, or remove it."
        yield RemoteFinding(what=key, found="a setting that nobody reads", verdict="warning", fix=fix)


def _program_findings(remote: Remote, host: PluginHost) -> Iterator[RemoteFinding]:
    """Check the programs that the transport's manifest asks for."""
    entry = host.catalogue.find_provider("transport", remote.type)
    manifest = entry.record.manifest if entry is not None else None
    for tool in manifest.requires_tools if manifest is not None else ():
        found = local_version(tool)
        what = f"{tool} here"
        if found is None:
            yield RemoteFinding(
                what=what, found="missing", verdict="error", fix=f"Install {tool} on this machine, on PATH."
            )
        elif tool == "rsync" and (fault := rsync_fault(found)):
            yield RemoteFinding(what=what, found=found, verdict="error", fix=fault)
        else:
            yield RemoteFinding(what=what, found=found)


def _key_findings(remote: Remote, environ: Mapping[str, str]) -> Iterator[RemoteFinding]:
    if remote.ssh_key_env is None:
        return
    try:
        key = Path(os.path.expanduser(str(remote.settings(environ)["ssh_key"])))  # noqa: PTH111 - leaves ~nobody alone
    except RemoteKeyUnset as error:
        yield RemoteFinding(
            what="ssh key", found=f"the variable {error.variable} is not set", verdict="error", fix=error.hint
        )
        return
    if not key.is_file():
        fix = f"Let {remote.ssh_key_env} hold the path of a private key."
        yield RemoteFinding(what="ssh key", found=f"there is no file {key}", verdict="error", fix=fix)
    elif stat.S_IMODE(key.stat().st_mode) & 0o077:
        fix = f"chmod 600 {shlex.quote(str(key))}"
        yield RemoteFinding(what="ssh key", found=f"others may use {key}; ssh refuses it", verdict="error", fix=fix)
    else:
        yield RemoteFinding(what="ssh key", found=str(key))


def _place_findings(remote: Remote, spec: TransportSpec, root: Path | None) -> Iterator[RemoteFinding]:
    """Tell where a remote that is a folder of this machine lies in the root."""
    if root is not None and "local" in spec.features and remote.lies_in(root):
        error = RemoteInsideRoot(remote=remote.name, base_dir=remote.base_dir, root=root)
        yield RemoteFinding(what="base dir", found=error.message, verdict="error", fix=error.hint)


def _far_findings(
    remote: Remote, host: PluginHost, environ: Mapping[str, str], check_base_dir: bool, *, local: bool
) -> list[RemoteFinding]:
    transport = host.transport(remote.type, remote.settings(environ))
    try:
        before = time.time()
        probe = transport.probe(remote.base_dir)
        after = time.time()
        entry = transport.stat(remote.base_dir) if check_base_dir and probe.folder == "missing" else None
        there = _Shell(offered_method(transport, "command_there"))
        findings = [] if local else [_login_finding(remote)]
        findings += [*_fact_findings(probe, there, local=local), _clock_finding(probe, before, after)]
        if check_base_dir:
            findings.append(_folder_finding(remote, probe, entry, there))
    finally:
        transport.close()
    return findings


class _Shell:
    """Commands to run on the remote side, as lines that can be pasted here where the transport can tell them."""

    def __init__(self, command_there: Callable[..., str] | None) -> None:
        self._command_there = command_there

    def line(self, *words: str) -> str:
        """Return a line, in backticks."""
        if self._command_there is not None:
            return f"`{self._command_there(*words)}`"
        return f"`{shlex.join(words)}` there"


def _login_finding(remote: Remote) -> RemoteFinding:
    place = f"{remote.user}@{remote.host}" if remote.user else remote.host or remote.type
    if remote.batch_mode:
        return RemoteFinding(what="login", found=f"{place}, without a question")
    return RemoteFinding(
        what="login",
        found=f"{place}; whether it asks for something is not known",
        verdict="note",
        fix="Set batch_mode: true to find out; for logins that ask, "
        f"`usr remotes warm-auth --remote {remote.name}` opens a connection.",
    )


def _fact_findings(probe: Probe, there: _Shell, *, local: bool) -> Iterator[RemoteFinding]:
    """Check what the remote side has, in the order it told; one tool for digests is enough."""
    place = "" if local else " there"
    digests = {name: found or None for name, found in probe.facts.items() if name in _DIGEST_TOOLS}
    for name, told in probe.facts.items():
        found = " ".join(told.split()) or None if told else None
        if name in probe.errors or name in probe.warnings:
            yield _judged_finding(probe, name, found, place=place)
        elif name in digests:
            if name == next(iter(digests)):
                yield _digest_finding(digests, there)
        elif name == "greeting":
            if found is not None:
                yield _greeting_finding(found, there)
        elif name in _PARQUET_TOOLS:
            yield _optional_finding(name, found, "Only --verify parquet needs it: python3 with pyarrow there.")
        elif name == "flock" and found is not None and probe.lock:
            yield _lock_finding(found, probe.lock)
        elif name in ("rsync", "flock"):
            yield _needed_finding(name, found, there)
        else:
            yield _optional_finding(name, found, "Nothing of USR needs it.", place=place)


def _judged_finding(probe: Probe, name: str, found: str | None, *, place: str) -> RemoteFinding:
    """Return what the transport itself says of a fact."""
    verdict: Verdict = "error" if name in probe.errors else "warning"
    fix = probe.errors.get(name) or probe.warnings[name]
    return RemoteFinding(what=f"{name}{place}", found=found or "missing", verdict=verdict, fix=fix)


def _greeting_finding(found: str, there: _Shell) -> RemoteFinding:
    fix = (
        "Let it print on a terminal only: in the file that prints (~/.bashrc there, mostly), put the line "
        f"`case $- in *i*) ;; *) return ;; esac` before it; {there.line('true')} prints nothing then."
    )
    found = f"prints at each login, which rsync takes for an answer: {found[:_GREETING_SHOWN]}"
    return RemoteFinding(what="shell there", found=found, verdict="error", fix=fix)


def _lock_finding(found: str, fault: str) -> RemoteFinding:
    """Tell why a lock could not be taken in the base directory, whatever the program's version is."""
    return RemoteFinding(
        what="flock there",
        found=f"{found}; a lock in the base directory failed: {fault}",
        verdict="error",
        fix="Install the flock of util-linux or BusyBox there, or move base_dir to a file system that has locks.",
    )


def _digest_finding(tools: Mapping[str, str | None], there: _Shell) -> RemoteFinding:
    found = next((text for tool in _DIGEST_TOOLS if (text := tools.get(tool)) is not None), None)
    if found is not None:
        return RemoteFinding(what="sha256 there", found=found)
    fix = (
        "Install sha256sum (coreutils) or shasum (perl) there, on the PATH of a login without a terminal; "
        f"{there.line('command', '-v', 'sha256sum')} prints its path then."
    )
    return RemoteFinding(what="sha256 there", found="missing", verdict="error", fix=fix)


def _needed_finding(name: str, found: str | None, there: _Shell) -> RemoteFinding:
    what = f"{name} there"
    if found is None:
        fix = (
            f"Install {name} there, on the PATH of a login without a terminal (a module loaded in ~/.bashrc will do); "
            f"{there.line('command', '-v', name)} prints its path then."
        )
        return RemoteFinding(what=what, found="missing", verdict="error", fix=fix)
    fault = rsync_fault(found) if name == "rsync" else None
    if fault is not None:
        return RemoteFinding(what=what, found=found, verdict="error", fix=fault)
    return RemoteFinding(what=what, found=found)


def _optional_finding(name: str, found: str | None, fix: str, *, place: str = " there") -> RemoteFinding:
    if found is None:
        return RemoteFinding(what=f"{name}{place}", found="missing", verdict="note", fix=fix)
    return RemoteFinding(what=f"{name}{place}", found=found)


def _clock_finding(probe: Probe, before: float, after: float) -> RemoteFinding:
    """Compare the clocks; the far one was read at some time between, and may count whole seconds only."""
    ahead = probe.clock - after
    behind = before - (probe.clock + 1)
    apart = max(ahead, behind, 0.0)
    if apart <= CLOCK_SECONDS:
        return RemoteFinding(what="clock", found=f"less than {CLOCK_SECONDS:g} s apart")
    side = "ahead of" if ahead > behind else "behind"
    return RemoteFinding(
        what="clock",
        found=f"{apart:,.0f} s {side} this machine's",
        verdict="warning",
        fix="Let both machines take their time from a time server (timedatectl set-ntp true).",
    )


def _folder_finding(remote: Remote, probe: Probe, entry: RemoteEntry | None, there: _Shell) -> RemoteFinding:
    """Check the root there; `entry` is what has its path where that is not a folder."""
    folder = remote.base_dir
    if probe.folder == "writable":
        return RemoteFinding(what="base dir", found=f"{folder}, writable")
    if probe.folder == "read-only":
        return RemoteFinding(
            what="base dir",
            found=f"{folder} can be read and not written",
            verdict="warning",
            fix="pull works, push does not; ask its owner for write permission "
            f"({there.line('ls', '-ld', '--', folder)} names the owner).",
        )
    if entry is not None and entry.kind != "link":
        fix = f"Correct base_dir in the remotes file (`usr remotes show {remote.name}` names it)."
        return RemoteFinding(what="base dir", found=f"{folder} is not a folder", verdict="error", fix=fix)
    fix = f"Make it with {there.line('mkdir', '-p', '--', folder)}, or correct base_dir."
    return RemoteFinding(what="base dir", found=f"there is no folder {folder}", verdict="error", fix=fix)
