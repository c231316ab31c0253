"""What ``usr plugins doctor`` finds: every plugin loaded in a process of its own, within a time limit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from usr_core.api import visible
from usr_core.api.plugins import PluginRecord, PluginStatus

__all__ = ["SLOW_MS", "Examination", "Problem", "examine"]

SLOW_MS = 1000.0
"""Milliseconds of a hook module's import beyond which it is slow: whatever needs a plugin of its kind waits for it."""

_MOST_AT_ONCE = 4
_UPGRADE = "Upgrade universal-sequence-record to use it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, and what to do about it."""

    what: str
    fix: str


@dataclass(slots=True, kw_only=True)
class Examination:
    """What was found out about one plugin.

    Attributes:
        status: Of the host's list; ``failed`` where loading it brought up a problem.
        import_ms: Milliseconds that importing its hooks took, or None where it was not loaded.
        heavy_modules: What that import pulled in.
        commands: For each command its words, milliseconds and heavy modules.
        offered: Kind and name of every provider that its hooks offer.
        problems: What its authors or this machine's user have to fix.
        advice: What could be better.
    """

    id: str
    distribution: str
    version: str
    status: str
    import_ms: float | None = None
    heavy_modules: list[str] = field(default_factory=list)
    commands: list[dict[str, object]] = field(default_factory=list)
    offered: list[dict[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    advice: list[Problem] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)


def examine(records: Sequence[PluginRecord], *, limit: float) -> list[Examination]:
    """Load plugins, several at a time, each in a process of its own.

    Args:
        records: The plugins; those that are switched off, refused or without a readable manifest are not loaded.
        limit: Seconds that loading one may take; then its process is ended.

    Returns:
        One for each record, in the same order.
    """
    # As many at a time as there are processors: more would make each other's imports look slow.
    with ThreadPoolExecutor(max_workers=max(1, min(_MOST_AT_ONCE, os.cpu_count() or 1))) as pool:
        return list(pool.map(lambda record: _examined(record, limit), records))


def _examined(record: PluginRecord, limit: float) -> Examination:
    distribution = record.installed.distribution
    found = Examination(
        id=record.id, distribution=distribution.name, version=distribution.version, status=record.status.value
    )
    if record.status.is_problem:
        found.problems.append(Problem(what=record.reason, fix=record.hint))
    for tool in record.manifest.requires_tools if record.manifest else ():
        if shutil.which(tool) is None:
            found.problems.append(Problem(what=f"the program {tool} is not on PATH", fix=f"Install {tool}."))
    for note in record.manifest.notes if record.manifest else ():
        found.advice.append(Problem(what=note, fix=_UPGRADE))
    if record.status is PluginStatus.NO_MANIFEST:
        found.advice.append(
            Problem(
                what="it has no manifest, so that its providers are found only by the plugin's id",
                fix="Add usr-plugin.toml to its package, and to its package data.",
            )
        )
    if record.status in (PluginStatus.OK, PluginStatus.NO_MANIFEST, PluginStatus.CONFLICT):
        _load(record, found, limit)
    if found.problems and record.status in (PluginStatus.OK, PluginStatus.NO_MANIFEST):
        found.status = PluginStatus.FAILED.value
    return found


def _load(record: PluginRecord, found: Examination, limit: float) -> None:
    with tempfile.TemporaryDirectory(prefix="usr-plugins-doctor-") as folder:
        report = Path(folder) / "report"
        report.touch()
        # -P, so that nothing in the current folder is taken for an installed module.
        argv = [sys.executable, "-P", "-m", "usr_plugins.probe", record.id, record.installed.distribution.key]
        child = subprocess.Popen(
            [*argv, str(report)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = child.communicate(timeout=limit)
            timed_out = False
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(child.pid, signal.SIGKILL)
            output, _ = child.communicate()
        doing = _take(report, found)
    if timed_out:
        found.problems.append(
            Problem(
                what=f"{doing or 'starting'} did not end within {limit:g} s",
                fix="Do the work in the factory or the command; importing and offering have to be quick.",
            )
        )
    elif doing is not None or child.returncode:
        found.problems.append(
            Problem(
                what=f"{doing or 'loading it'} ended the process ({_ending(child.returncode)})",
                fix="Raise an exception instead of ending the process.",
            )
        )
    printed = output.decode(errors="replace").strip()
    if printed and not (child.returncode or timed_out):
        found.problems.append(
            Problem(
                what=f"it prints while it is loaded: {visible(printed.splitlines()[0], limit=80)!r}",
                fix="Take the print out: it would stand in the output of commands.",
            )
        )
    _judge_costs(found)


def _take(report: Path, found: Examination) -> str | None:
    """Move what the child reported into `found`; return what it was doing last, if it did not come to an end."""
    doing: list[str] = []
    for text in report.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "doing" in line:
            doing.append(line["doing"])
        elif "done" in line:
            doing.pop()
        elif "problem" in line:
            problem = Problem(what=line["problem"], fix=line["fix"])
            if problem.what not in [known.what for known in found.problems]:
                found.problems.append(problem)
        elif "ignored" in line:
            found.advice.append(
                Problem(what=f"it implements {line['ignored']}, a hook that this USR does not have", fix=_UPGRADE)
            )
        elif "offered" in line:
            found.offered.append(line["offered"])
        elif "command" in line:
            found.commands.append(line)
        else:
            found.import_ms, found.heavy_modules = line["import_ms"], line["heavy_modules"]
    return doing[-1] if doing else None


def _judge_costs(found: Examination) -> None:
    if found.heavy_modules:
        found.problems.append(
            Problem(
                what=f"importing its hooks imports {', '.join(found.heavy_modules)}",
                fix="Import these inside the factories and functions that need them.",
            )
        )
    if found.import_ms is not None and found.import_ms > SLOW_MS:
        found.problems.append(
            Problem(
                what=f"importing its hooks takes {found.import_ms / 1000:.1f} s",
                fix="See `python -X importtime`, and import what is slow inside the functions that need it.",
            )
        )
    for command in found.commands:
        heavy = command["heavy_modules"]
        if isinstance(heavy, list) and heavy:
            found.advice.append(
                Problem(
                    what=f"the command {command['command']!r} imports {', '.join(heavy)} even for its --help",
                    fix="Import these inside the command's function.",
                )
            )


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
