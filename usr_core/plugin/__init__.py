"""The plugin host: manifests, discovery, the hooks, and the isolation around every call.

The core's own modules take specs from here: ``from usr_core.plugin import ImporterSpec``; plugins take them from
`usr_core.api`. Names are imported when they are asked for, so that reading manifests costs neither pluggy nor the
specs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usr_core.plugin.hookspecs import hookimpl as hookimpl
    from usr_core.plugin.manifest import API_VERSION as API_VERSION
    from usr_core.plugin.specs import *  # noqa: F403 - the same names that __getattr__ offers

_PLACES = {"hookimpl": "usr_core.plugin.hookspecs", "API_VERSION": "usr_core.plugin.manifest"}


def __getattr__(name: str) -> object:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_PLACES.get(name, "usr_core.plugin.specs"))
    try:
        return getattr(module, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
