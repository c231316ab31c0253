"""What the host knows of one installed plugin before, and after, using it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from usr_core.plugin.discovery import InstalledPlugin, normalized
from usr_core.plugin.manifest import CommandClaim, Manifest, ProviderClaim

__all__ = ["PluginRecord", "PluginStatus", "Refusal"]


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
