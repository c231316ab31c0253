"""Which plugins are installed, and what the host knows of each: entry points of ``usr.plugins``, read as plain files.

A scan with ``importlib_metadata`` costs 60-80 ms where 70 distributions are installed, more than all of
Typer, and every ``usr --help`` would pay it. The same files are read here directly: the
``entry_points.txt`` of each ``*.dist-info`` or ``*.egg-info`` folder on ``sys.path``, the first of a name
winning, as importing has it. Only a path entry that is an archive goes through ``importlib_metadata``.

Nothing is imported: a package is found by its spec, and its manifest by walking folders.
"""

# On the way to every `--help`; pathlib would triple the cost of the scan.
# ruff: noqa: PTH118, PTH113, PTH112, PTH208, PTH123
from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from typing import NamedTuple

from usr_core.plugin.manifest import MANIFEST_NAME, CommandClaim, Manifest, ProviderClaim

__all__ = [
    "GROUP",
    "OWN_DISTRIBUTION",
    "Distribution",
    "InstalledPlugin",
    "PluginRecord",
    "PluginStatus",
    "Refusal",
    "distributions",
    "locate",
    "normalized",
    "other_plugins",
    "own_plugins",
]

GROUP = "usr.plugins"
OWN_DISTRIBUTION = "universal-sequence-record"

_FOLDER_ENDINGS = (".dist-info", ".egg-info")
_MODULE_ENDINGS = (".py", ".pyc", ".so", ".pyd")


class Distribution(NamedTuple):
    """An installed distribution, known by the folder of its metadata.

    Attributes:
        key: The name in its normalized form, by which two spellings are the same.
        folder: Path of the metadata folder, or None for one inside an archive.
    """

    key: str
    folder: str | None
    known: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """The name as its authors spell it."""
        return self._identity()[0]

    @property
    def version(self) -> str:
        """The version, or ``?`` where the metadata does not say."""
        return self._identity()[1]

    @property
    def is_own(self) -> bool:
        """Whether this is the distribution that ships `usr_core`."""
        return self.key == normalized(OWN_DISTRIBUTION)

    def requires(self) -> list[str]:
        """Return its ``Requires-Dist`` lines: name, range, and behind a semicolon the case it is for."""
        return [value for field, value in _headers(self.folder or "") if field == "Requires-Dist"]

    def _identity(self) -> tuple[str, str]:
        if self.known is not None:
            return self.known
        return _identity(self.key, self.folder or "")


class InstalledPlugin(NamedTuple):
    """One entry point: ``id = value`` of a distribution.

    Example:
        >>> from usr_core.api.plugins import own_plugins
        >>> csv = next(plugin for plugin in own_plugins() if plugin.id == "csv")
        >>> csv.value, csv.module
        ('usr_csv.plugin', 'usr_csv.plugin')
    """

    id: str
    value: str
    distribution: Distribution

    @property
    def module(self) -> str:
        """The module that holds the hooks."""
        return self.value.partition(":")[0].strip()


class PluginStatus(StrEnum):
    """Whether a plugin can be used, and if not, why.

    Example:
        >>> from usr_core.api.plugins import PluginStatus
        >>> PluginStatus("bad-manifest").is_problem, PluginStatus.DISABLED.is_problem
        (True, False)
    """

    OK = "ok"
    DISABLED = "disabled"
    INCOMPATIBLE = "incompatible"
    CONFLICT = "conflict"
    BAD_MANIFEST = "bad-manifest"
    UNIMPORTABLE = "unimportable"
    FAILED = "failed"
    NO_MANIFEST = "no-manifest"

    @property
    def is_problem(self) -> bool:
        """Whether somebody has to repair something."""
        return self not in (PluginStatus.OK, PluginStatus.DISABLED, PluginStatus.NO_MANIFEST)


class Refusal(NamedTuple):
    """One claim of a plugin that is refused because another plugin makes it too."""

    what: str
    reason: str
    hint: str


class PluginRecord(NamedTuple):
    """One installed plugin.

    Attributes:
        manifest: Its manifest, or None where there is none or it is bad.
        manifest_path: The manifest's file, also where it is bad.
        status: See `PluginStatus`. With `conflict` and a manifest, only the claims in `refused` are lost,
            unless the id itself is contested (`usable` is then False).
        reason: Why the status is not ``ok``; empty where it is.
        hint: A thing to do about it.

    Example:
        >>> from usr_core.api import PluginHost
        >>> csv = next(record for record in PluginHost().plugins() if record.id == "csv")
        >>> csv.status.value, csv.is_own, csv.is_named("universal_sequence_record"), csv.usable
        ('ok', True, True, True)
        >>> [(claim.kind, claim.name) for claim in csv.provides], csv.commands, csv.refusal_of("importer csv")
        ([('importer', 'csv'), ('importer', 'tsv'), ('exporter', 'csv'), ('exporter', 'tsv')], (), None)
        >>> csv.origin.startswith("plugin 'csv' (universal-sequence-record ")
        True
    """

    installed: InstalledPlugin
    status: PluginStatus
    manifest: Manifest | None = None
    manifest_path: str | None = None
    reason: str = ""
    hint: str = ""
    refused: tuple[Refusal, ...] = ()
    usable: bool = True

    @property
    def id(self) -> str:
        """The plugin's id: the entry point's name."""
        return self.installed.id

    @property
    def is_own(self) -> bool:
        """Whether it comes with `usr_core` itself."""
        return self.installed.distribution.is_own

    def is_named(self, distribution: str | None) -> bool:
        """Tell whether its distribution has this name, in any spelling."""
        return distribution is not None and normalized(distribution) == self.installed.distribution.key

    @property
    def origin(self) -> str:
        """``plugin 'id' (distribution version)``, for messages."""
        distribution = self.installed.distribution
        return f"plugin {self.id!r} ({distribution.name} {distribution.version})"

    @property
    def commands(self) -> tuple[CommandClaim, ...]:
        """Every command its manifest claims, the refused ones included."""
        return self.manifest.commands if self.manifest else ()

    @property
    def provides(self) -> tuple[ProviderClaim, ...]:
        """Every provider its manifest claims, the refused ones included."""
        return self.manifest.provides if self.manifest else ()

    def refusal_of(self, what: str) -> Refusal | None:
        """Return why one claim, as `claim_key` spells it, is refused, or None where it is not."""
        return next((refusal for refusal in self.refused if refusal.what == what), None)


class Location(NamedTuple):
    """Where a plugin's files are.

    Attributes:
        manifest: Path of its manifest, or None.
        missing: The module or package that can't be found, or None.
    """

    manifest: str | None
    missing: str | None


@cache
def own_plugins() -> tuple[InstalledPlugin, ...]:
    """Return the plugins of the distribution that ships `usr_core`, sorted by id.

    Example:
        >>> from usr_core.api.plugins import own_plugins
        >>> [plugin.id for plugin in own_plugins() if plugin.id in ("csv", "jsonl")]
        ['csv', 'jsonl']
    """
    for distribution in distributions():
        if distribution.is_own:
            return tuple(sorted(_plugins_of(distribution), key=lambda plugin: plugin.id))
    return ()


@cache
def other_plugins() -> tuple[InstalledPlugin, ...]:
    """Return the plugins of all other distributions, sorted by id and distribution.

    Example:
        >>> from usr_core.api.plugins import other_plugins, own_plugins
        >>> set(other_plugins()) & set(own_plugins())
        set()
    """
    found = [p for d in distributions() if not d.is_own for p in _plugins_of(d)]
    found += [p for p in _archived_plugins() if not p.distribution.is_own]
    return tuple(sorted(found, key=lambda plugin: (plugin.id, plugin.distribution.key)))


def locate(plugin: InstalledPlugin) -> Location:
    """Find a plugin's manifest without importing anything.

    The manifest lies in the package that holds the entry point's module, or in one around it.

    Example:
        >>> from usr_core.api.plugins import locate, own_plugins
        >>> csv = next(plugin for plugin in own_plugins() if plugin.id == "csv")
        >>> locate(csv).manifest.endswith("usr_csv/usr-plugin.toml")
        True
    """
    top, *rest = plugin.module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, AttributeError, ValueError):
        spec = None
    if spec is None:
        return Location(None, top)
    if spec.submodule_search_locations is None:
        return Location(None, plugin.module if rest else None)
    folders = list(spec.submodule_search_locations)
    chain = [folders]
    for part in rest:
        chain.append([os.path.join(folder, part) for folder in chain[-1]])
    for candidates in reversed(chain):
        for folder in candidates:
            path = os.path.join(folder, MANIFEST_NAME)
            if os.path.isfile(path):
                return Location(path, _missing_module(chain, rest, plugin.module))
    return Location(None, _missing_module(chain, rest, plugin.module))


def _missing_module(chain: list[list[str]], rest: list[str], module: str) -> str | None:
    """Return `module` when no file of any of its possible places exists."""
    if not rest or not all(os.path.isdir(folder) for folder in chain[0]):
        return None
    for folder in chain[-1]:
        if os.path.isdir(folder):
            return None
        parent, stem = os.path.split(folder)
        try:
            names = os.listdir(parent)
        except OSError:
            continue
        if any(name.startswith(f"{stem}.") and name.endswith(_MODULE_ENDINGS) for name in names):
            return None
    return module


@cache
def distributions() -> tuple[Distribution, ...]:
    """List distributions in the order of ``sys.path``; of two with one name the first counts."""
    found: dict[str, Distribution] = {}
    for entry in sys.path:
        try:
            names = os.listdir(entry or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith(_FOLDER_ENDINGS):
                key = normalized(_project(name))
                found.setdefault(key, Distribution(key, os.path.join(entry or ".", name)))
    return tuple(found.values())


def _project(folder: str) -> str:
    stem, _, kind = folder.rpartition(".")
    if kind == "dist-info":
        return stem.rpartition("-")[0] or stem
    return stem.partition("-")[0]


def normalized(name: str) -> str:
    """Return a distribution's name in the form by which two spellings are the same."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _plugins_of(distribution: Distribution) -> Iterator[InstalledPlugin]:
    path = os.path.join(distribution.folder or "", "entry_points.txt")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return
    if GROUP not in text:
        return
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{GROUP}]"
        elif inside and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield InstalledPlugin(name.strip(), value.partition("[")[0].strip(), distribution)


def _archived_plugins() -> Iterator[InstalledPlugin]:
    archives = [entry for entry in sys.path if entry and os.path.isfile(entry)]
    if not archives:
        return
    import importlib_metadata

    for found in importlib_metadata.distributions(path=archives):
        name, version = found.metadata["Name"], found.version
        distribution = Distribution(normalized(name), None, (name, version))
        for point in found.entry_points.select(group=GROUP):
            yield InstalledPlugin(point.name, point.value, distribution)


@cache
def _identity(key: str, folder: str) -> tuple[str, str]:
    name, version = key, "?"
    for field, value in _headers(folder):
        if field == "Name":
            name = value
        elif field == "Version":
            version = value
    return name, version


def _headers(folder: str) -> list[tuple[str, str]]:
    """Return the fields of a metadata folder that come before its first empty line, each with its value."""
    for file_name in ("METADATA", "PKG-INFO"):
        try:
            with open(os.path.join(folder, file_name), encoding="utf-8", errors="replace") as file:
                parts = [line.partition(":") for line in takewhile(lambda line: ":" in line, file)]
        except OSError:
            continue
        return [(field, value.strip()) for field, _, value in parts]
    return []
