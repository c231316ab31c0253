"""Every installed plugin's manifest, and who owns which command and provider. Imports no plugin.

Two tiers: the built-in plugins are known from one file; the other distributions are scanned only when
something is asked for that no built-in offers, or when everything has to be listed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, TypeVar

from usr_core.plugin.builtin_manifests import PARSED
from usr_core.plugin.conflicts import claim_key, resolve_claims
from usr_core.plugin.discovery import InstalledPlugin, PluginRecord, PluginStatus, locate, other_plugins, own_plugins
from usr_core.plugin.errors import BadManifest, IncompatiblePlugin
from usr_core.plugin.manifest import CommandClaim, Manifest, ProviderClaim, claims_of, parse_manifest
from usr_core.plugin.switches import Switches

__all__ = ["Catalogue", "CommandEntry", "ProviderEntry"]


class CommandEntry(NamedTuple):
    """A command and the plugin that claims it."""

    claim: CommandClaim
    record: PluginRecord

    @property
    def refusal(self) -> tuple[str, str] | None:
        """Why it can't be run, with a hint, or None where it can."""
        return _refused(self.record, self.claim)


class ProviderEntry(NamedTuple):
    """A provider and the plugin that claims it."""

    claim: ProviderClaim
    record: PluginRecord

    @property
    def refusal(self) -> tuple[str, str] | None:
        """Why it can't be used, with a hint, or None where it can."""
        return _refused(self.record, self.claim)


EntryT = TypeVar("EntryT", CommandEntry, ProviderEntry)


class Catalogue:
    """Installed plugins under the user's switches."""

    def __init__(self, switches: Switches) -> None:
        self.switches = switches

    @cached_property
    def own(self) -> tuple[PluginRecord, ...]:
        """The built-in plugins, by id."""
        return tuple(self._read(own_plugins()))

    @cached_property
    def all(self) -> tuple[PluginRecord, ...]:
        """Every installed plugin: the built-in ones by id, then the others by id and distribution."""
        started = time.perf_counter()
        records = (*self.own, *self._read(other_plugins()))
        resolved = resolve_claims(records, self.switches.preferred, own_ids=(record.id for record in self.own))
        self.trace(f"scanned all distributions: {len(resolved)} plugins", started)
        return resolved

    def problems(self) -> tuple[PluginRecord, ...]:
        """Return the plugins that somebody has to repair."""
        return tuple(record for record in self.all if record.status.is_problem)

    def commands(self) -> Iterator[CommandEntry]:
        """Yield every runnable command of every plugin."""
        return (entry for entry in _commands(self.all) if entry.refusal is None)

    def find_command(self, path: Sequence[str]) -> CommandEntry | None:
        """Return the command called by the words `path`, runnable or not, or None.

        One that can be run is preferred to one that can't.
        """
        return self._first(
            entry for tier in self._tiers() for entry in _commands(tier) if entry.claim.path == tuple(path)
        )

    def find_provider(self, kind: str, name: str) -> ProviderEntry | None:
        """Return the provider of that kind and name, usable or not, or None."""
        return self._first(
            entry
            for tier in self._tiers()
            for entry in _providers(tier)
            if entry.claim.kind == kind and entry.claim.name == name
        )

    def providers(self, kind: str) -> tuple[ProviderEntry, ...]:
        """Return the usable providers of a kind, sorted by name."""
        found = (entry for entry in _providers(self.all) if entry.claim.kind == kind and entry.refusal is None)
        return tuple(sorted(found, key=lambda entry: entry.claim.name))

    def refused(self, kind: str) -> tuple[ProviderEntry, ...]:
        """Return the providers of a kind that are installed and can't be used, sorted by name."""
        found = (entry for entry in _providers(self.all) if entry.claim.kind == kind and entry.refusal is not None)
        return tuple(sorted(found, key=lambda entry: entry.claim.name))

    def trace(self, text: str, started: float | None = None) -> None:
        """Say something on stderr under ``USR_TRACE_PLUGINS=1``."""
        if self.switches.trace:
            took = "" if started is None else f" in {(time.perf_counter() - started) * 1000:.1f} ms"
            print(f"usr: plugins: {text}{took}", file=sys.stderr)

    def _tiers(self) -> Iterator[tuple[PluginRecord, ...]]:
        yield self.own
        yield self.all

    @staticmethod
    def _first(entries: Iterator[EntryT]) -> EntryT | None:
        refused = None
        for entry in entries:
            if entry.refusal is None:
                return entry
            refused = refused or entry
        return refused

    def _read(self, installed: Sequence[InstalledPlugin]) -> Iterator[PluginRecord]:
        for plugin in installed:
            started = time.perf_counter()
            record = _record(plugin, self.switches)
            self.trace(f"read the manifest of {plugin.id}: {record.status.value}", started)
            yield record


def _commands(records: Sequence[PluginRecord]) -> Iterator[CommandEntry]:
    return (CommandEntry(claim, record) for record in records for claim in record.commands)


def _providers(records: Sequence[PluginRecord]) -> Iterator[ProviderEntry]:
    return (ProviderEntry(claim, record) for record in records for claim in record.provides)


def _refused(record: PluginRecord, claim: CommandClaim | ProviderClaim) -> tuple[str, str] | None:
    if record.refused:
        refusal = record.refusal_of(claim_key(claim))
        if refusal is not None:
            return refusal.reason, refusal.hint
    if record.usable:
        return None
    return f"{record.origin} is {record.status.value}: {record.reason}", record.hint


def _record(plugin: InstalledPlugin, switches: Switches) -> PluginRecord:
    off = switches.reason_off(plugin.id, own=plugin.distribution.is_own)
    location = locate(plugin)
    manifest: Manifest | None = None
    problem: tuple[PluginStatus, str, str] | None = None
    if location.manifest is not None:
        try:
            text = _text_of(location.manifest)
            manifest = PARSED.get(text)
            if manifest is None or manifest.id != plugin.id:
                manifest = claims_of(text, plugin_id=plugin.id)
                manifest = _manifest(plugin, text, location.manifest)
        except IncompatiblePlugin as error:
            problem = (PluginStatus.INCOMPATIBLE, error.message, error.hint)
        except BadManifest as error:
            problem = (PluginStatus.BAD_MANIFEST, f"{location.manifest}: {error.message}", error.hint)
    if off is not None:
        problem = (PluginStatus.DISABLED, f"switched off: {off}", _how_to_enable(plugin.id, off))
    elif problem is None and location.missing is not None:
        hint = f"Install {plugin.distribution.name} again, or uninstall it."
        problem = (PluginStatus.UNIMPORTABLE, f"there is no module {location.missing!r}", hint)
    elif problem is None and manifest is None:
        reason = "it ships no usr-plugin.toml, so it is used only when its id is given by name"
        return PluginRecord(installed=plugin, status=PluginStatus.NO_MANIFEST, reason=reason)
    status, reason, hint = problem or (PluginStatus.OK, "", "")
    return PluginRecord(
        installed=plugin, status=status, manifest=manifest, manifest_path=location.manifest,
        reason=reason, hint=hint, usable=problem is None,
    )  # fmt: skip


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - as in discovery
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise BadManifest(
            f"the file can't be read: {error}", hint="Install the plugin again.", facts={"file": path}
        ) from error


def _manifest(plugin: InstalledPlugin, text: str, path: str) -> Manifest:
    manifest = parse_manifest(text, file=path)
    if manifest.id != plugin.id:
        raise BadManifest(
            f"the key 'id' is {manifest.id!r}, but the entry point is named {plugin.id!r}",
            hint="Give both the same name.",
            facts={"file": path, "key": "id"},
        )
    return manifest


def _how_to_enable(plugin_id: str, off: str) -> str:
    if off == "--disable-plugin":
        return f"Leave out --disable-plugin {plugin_id}."
    if off == "--no-plugins":
        return "Leave out --no-plugins."
    if "USR_PLUGINS" in off and "DISABLE" not in off:
        return f"Add {plugin_id} to USR_PLUGINS, or unset it."
    return f"Take {plugin_id} out of {off}."
