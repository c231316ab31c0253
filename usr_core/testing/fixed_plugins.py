"""A catalogue of named modules in place of what is installed: hosts for tests, with real discovery off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from usr_core.plugin.catalogue import Catalogue
from usr_core.plugin.conflicts import resolve_claims
from usr_core.plugin.discovery import Distribution, InstalledPlugin, PluginRecord, PluginStatus
from usr_core.plugin.switches import Switches

__all__ = ["FixedCatalogue", "stranger"]


class FixedCatalogue(Catalogue):
    """Plugins by id and module; each module's manifest is looked for where it is for an installed one.

    Args:
        modules: Ids and modules.
        switches: As the user may have set them; by default none.
    """

    def __init__(self, modules: Iterable[tuple[str, str]], switches: Switches | None = None) -> None:
        super().__init__(switches if switches is not None else Switches())
        self._installed: Sequence[InstalledPlugin] = [_installed(plugin_id, module) for plugin_id, module in modules]

    @cached_property
    def own(self) -> tuple[PluginRecord, ...]:
        """No plugin: the built-in ones are those of the real discovery."""
        return ()

    @cached_property
    def all(self) -> tuple[PluginRecord, ...]:
        """The plugins that were given."""
        return resolve_claims(tuple(self._read(self._installed)), self.switches.preferred)


def stranger(plugin_id: str, module: str) -> PluginRecord:
    """Return the record of a third party's plugin that is ``ok``."""
    return PluginRecord(_installed(plugin_id, module), PluginStatus.OK)


def _installed(plugin_id: str, module: str) -> InstalledPlugin:
    name = f"usr-plugin-{plugin_id.replace('_', '-')}"
    return InstalledPlugin(plugin_id, module, Distribution(name, None, (name, "0.0.test")))
