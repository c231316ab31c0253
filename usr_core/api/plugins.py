"""Installed plugins and how they are loaded: what `usr plugins` works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.plugin.discovery import InstalledPlugin as InstalledPlugin
    from usr_core.plugin.discovery import PluginRecord as PluginRecord
    from usr_core.plugin.discovery import PluginStatus as PluginStatus
    from usr_core.plugin.discovery import locate as locate
    from usr_core.plugin.discovery import other_plugins as other_plugins
    from usr_core.plugin.discovery import own_plugins as own_plugins
    from usr_core.plugin.host import build_provider as build_provider
    from usr_core.plugin.importing import HostedImporter as HostedImporter
    from usr_core.plugin.kinds import KINDS as KINDS
    from usr_core.plugin.kinds import AnySpec as AnySpec
    from usr_core.plugin.loading import load_object as load_object
    from usr_core.plugin.loading import load_target as load_target
    from usr_core.plugin.manifest import Manifest as Manifest
    from usr_core.plugin.manifest import parse_manifest as parse_manifest
    from usr_core.plugin.options import as_option_spec as as_option_spec
    from usr_core.plugin.registrar import Registrar as Registrar
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.plugin.discovery": "InstalledPlugin PluginRecord PluginStatus locate other_plugins own_plugins",
            "usr_core.plugin.host": "build_provider",
            "usr_core.plugin.importing": "HostedImporter",
            "usr_core.plugin.kinds": "AnySpec KINDS",
            "usr_core.plugin.loading": "load_object load_target",
            "usr_core.plugin.manifest": "Manifest parse_manifest",
            "usr_core.plugin.options": "as_option_spec",
            "usr_core.plugin.registrar": "Registrar",
        },
    )
