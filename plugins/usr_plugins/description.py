"""What is told about a plugin: from its record, and for its options from its hooks."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence

from usr_core.api import API_VERSION, ExitCode, PluginError, PluginHost, PluginMissing, option_line
from usr_core.api.plugins import KINDS, PluginRecord

__all__ = ["describe", "option_lines", "owner_of", "print_options", "records_of", "summary_row"]

_PATIENCE_S = 5.0
_MARK = "usr-plugin-options:"
_CHILD = "import sys; from usr_plugins.description import print_options; print_options(sys.argv[1])"


def summary_row(record: PluginRecord) -> dict[str, object]:
    """Return one row of ``usr plugins list``."""
    distribution = record.installed.distribution
    return {
        "id": record.id,
        "status": record.status.value,
        "version": distribution.version,
        "distribution": distribution.name,
        "summary": record.manifest.summary if record.manifest else None,
        "reason": record.reason or None,
    }


def describe(records: Sequence[PluginRecord], plugin_id: str) -> dict[str, object]:
    """Return everything known of the plugin with an id.

    Of several with the same id the usable one is described, and the others are named in ``rivals``.

    Raises:
        PluginMissing: No plugin with that id is installed (exit 3).
    """
    found = records_of(records, plugin_id)
    record = next((candidate for candidate in found if candidate.usable), found[0])
    manifest = record.manifest
    tools = manifest.requires_tools if manifest else ()
    return {
        **summary_row(record),
        "hint": record.hint or None,
        "built_in": record.is_own,
        "entry_point": record.installed.value,
        "manifest": record.manifest_path,
        "api": manifest.api if manifest else None,
        "host_api": ".".join(map(str, API_VERSION)),
        "commands": [
            {
                "command": " ".join(claim.path),
                "summary": claim.summary,
                "target": claim.target,
                "env_gate": claim.env_gate,
            }
            for claim in record.commands
        ],
        "provides": [{"kind": claim.kind, "name": claim.name} for claim in record.provides],
        "refused": [refusal.reason for refusal in record.refused],
        "options": _options(record),
        "settings": list(manifest.settings) if manifest else [],
        "requires_tools": list(tools),
        "missing_tools": [tool for tool in tools if shutil.which(tool) is None],
        "notes": list(manifest.notes) if manifest else [],
        "rivals": [other.origin for other in found if other is not record],
    }


def _options(record: PluginRecord) -> list[str]:
    """Return what ``--option`` may set for the plugin's formats and writers, a line each.

    Hooks alone know it. Those of a third party are called in a process of their own, as they may hang, exit or print;
    where they can't be called, which `usr plugins doctor` explains, it is nothing.
    """
    if record.is_own or not record.usable:
        return option_lines(record)
    command = [sys.executable, "-P", "-c", _CHILD, record.id]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (subprocess.TimeoutExpired, UnicodeDecodeError):
        return []
    told = done.stdout.rpartition(_MARK)[2]
    return [str(line) for line in json.loads(told)] if done.returncode == 0 and _MARK in done.stdout else []


def print_options(plugin_id: str) -> None:
    """Print the options of one plugin behind a mark, as the child of `_options`."""
    for record in PluginHost().plugins():
        if record.id == plugin_id and record.usable:
            print(f"{_MARK}{json.dumps(option_lines(record))}")
            return


def option_lines(record: PluginRecord) -> list[str]:
    """Return the options of a plugin by calling its hooks in this process; nothing where they can't be called."""
    host, lines = PluginHost(), []
    for claim in record.provides:
        if claim.kind in ("importer", "exporter", "overlay_writer"):
            with contextlib.suppress(PluginError):
                for option in host.options(claim.kind, claim.name)[claim.name]:
                    lines.append(f"{KINDS[claim.kind].words} {claim.name} {option_line(option)}")
    return lines


def records_of(records: Sequence[PluginRecord], plugin_id: str) -> list[PluginRecord]:
    """Return the plugins with an id: one, or the rivals for it.

    Raises:
        PluginMissing: No plugin with that id is installed (exit 3).
    """
    found = [record for record in records if record.id == plugin_id]
    if not found:
        raise _missing(records, plugin_id)
    return found


def owner_of(records: Sequence[PluginRecord], plugin_id: str) -> str | None:
    """Return the plugin that has an id, or None where no plugin has it."""
    return next((record.origin for record in records if record.id == plugin_id), None)


def _missing(records: Sequence[PluginRecord], plugin_id: str) -> PluginMissing:
    from difflib import get_close_matches

    close = get_close_matches(plugin_id, [record.id for record in records])
    also = f"Did you mean {', '.join(close)}? " if close else ""
    error = PluginMissing(f"no plugin {plugin_id!r} is installed", hint=f"{also}`usr plugins list` lists them.")
    error.exit_code = ExitCode.MISSING
    return error
