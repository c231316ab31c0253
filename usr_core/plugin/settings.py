"""Settings of plugins: what the user's configuration file and the root's ``usr.toml`` say, for their factories."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from usr_core.errors import visible
from usr_core.plugin.discovery import PluginRecord
from usr_core.plugin.errors import BadConfig
from usr_core.plugin.switches import ROOT_CONFIG, read_root_config

__all__ = ["settings_of", "takes_settings"]


def settings_of(
    record: PluginRecord, configured: Mapping[str, Mapping[str, object]], root: Path | None
) -> Mapping[str, object]:
    """Return a plugin's settings: those of the user, and over them, key by key, those of the root.

    Args:
        record: The plugin; its manifest names the keys that there are.
        configured: What the user's configuration file has, by plugin.
        root: The folder of the root, or None where there is none.

    Raises:
        BadConfig: A key is not one of the plugin's, or the root's file can't be used.
    """
    known = record.manifest.settings if record.manifest is not None else ()
    settings: dict[str, object] = {}
    for where, tables in (
        ("the configuration file", configured),
        (ROOT_CONFIG, read_root_config(root) if root is not None else {}),
    ):
        for key, value in tables.get(record.id, {}).items():
            if key not in known:
                raise BadConfig(
                    f"{where} has an unknown key 'plugins.config.{record.id}.{visible(key)}'",
                    hint=f"The plugin {record.id} takes: {', '.join(known) or 'no settings'}.",
                    facts={"file": None if where != ROOT_CONFIG else root and root / ROOT_CONFIG, "key": visible(key)},
                )
            settings[key] = value
    return MappingProxyType(settings)


def takes_settings(factory: Callable[..., Any], *, given: int) -> bool:
    """Tell whether a factory takes settings: whether it needs one more positional argument than are `given`.

    Example:
        >>> takes_settings(lambda settings: None, given=0), takes_settings(lambda width=60: None, given=0)
        (True, False)
    """
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [each for each in parameters if each.kind in positional and each.default is inspect.Parameter.empty]
    return len(needed) == given + 1
