"""What the user has switched on and off: flags, environment variables, the configuration file.

A flag beats the environment, which beats ``~/.config/usr/config.toml``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from usr_core.errors import first_line
from usr_core.plugin.errors import BadConfig
from usr_core.plugin.manifest import toml_place

__all__ = [
    "HISTORY_MODES",
    "ROOT_CONFIG",
    "Switches",
    "config_path",
    "read_root_config",
    "read_root_history",
    "read_switches",
]

ROOT_CONFIG = "usr.toml"
"""The file of a root, beside its ``registry.yaml``, that holds settings of plugins, and whether history is kept."""

HISTORY_MODES = ("keep", "none")
"""Whether a dataset keeps what its changes replace."""


class Switches(NamedTuple):
    """Which plugins may be used.

    Attributes:
        third_parties: False under ``--no-plugins``.
        allowed: The ids of ``USR_PLUGINS``, or None where it is not set; empty allows none, built-ins included.
        disabled: Ids that are off, each with the switch that says so.
        preferred: For a contested id, ``command:<words>`` or ``<kind>:<name>``: the distribution to use.
        configured: The settings of plugins by id, as the configuration file has them.
        strict: Any problem of any plugin is fatal.
        trace: Say on stderr what is scanned, imported and called.
        problem: What is wrong with the configuration file; its switches then count as unset.
    """

    third_parties: bool = True
    allowed: frozenset[str] | None = None
    disabled: Mapping[str, str] = MappingProxyType({})
    preferred: Mapping[str, str] = MappingProxyType({})
    configured: Mapping[str, Mapping[str, object]] = MappingProxyType({})
    strict: bool = False
    trace: bool = False
    problem: BadConfig | None = None

    @property
    def off(self) -> tuple[str, ...]:
        """The ids that are off, and ``*`` for all third parties: for a process that is to have the same plugins."""
        return (*(() if self.third_parties else ("*",)), *sorted(self.disabled))

    def reason_off(self, plugin_id: str, *, own: bool) -> str | None:
        """Return which switch turns a plugin off, or None where it is on."""
        if plugin_id in self.disabled:
            return self.disabled[plugin_id]
        if self.allowed is not None and plugin_id not in self.allowed:
            return "not in USR_PLUGINS"
        if not own and not self.third_parties:
            return "--no-plugins"
        return None


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the user's configuration file is, whether it exists or not.

    Example:
        >>> from usr_core.api.places import config_path
        >>> config_path({"XDG_CONFIG_HOME": "/home/ana/.config"}).as_posix()
        '/home/ana/.config/usr/config.toml'
    """
    base = environ.get("XDG_CONFIG_HOME")
    # The XDG specification says that a relative path there is invalid and to be ignored.
    folder = Path(base) if base and base.startswith("/") else Path("~/.config").expanduser()
    return folder / "usr" / "config.toml"


def read_switches(
    *, no_plugins: bool = False, disable: Iterable[str] = (), environ: Mapping[str, str] = os.environ
) -> Switches:
    """Collect the switches of one run; a bad configuration file is kept as `Switches.problem`, not raised."""
    problem = None
    configured = _Configured()
    try:
        configured = _read_config(config_path(environ))
    except BadConfig as error:
        problem = error
    allowed = environ.get("USR_PLUGINS")
    from_environ = environ.get("USR_PLUGINS_DISABLE")
    disabled: dict[str, str] = {}
    if from_environ is None:
        disabled.update(dict.fromkeys(configured.disable, "the configuration file"))
    else:
        disabled.update(dict.fromkeys(_names(from_environ), "USR_PLUGINS_DISABLE"))
    disabled.update(dict.fromkeys(disable, "--disable-plugin"))
    return Switches(
        third_parties=not no_plugins,
        allowed=None if allowed is None else frozenset(_names(allowed)),
        disabled=disabled,
        preferred=configured.prefer,
        configured=configured.config,
        strict=environ.get("USR_PLUGINS_STRICT") == "1",
        trace=environ.get("USR_TRACE_PLUGINS") == "1",
        problem=problem,
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


class _Configured(NamedTuple):
    disable: tuple[str, ...] = ()
    prefer: Mapping[str, str] = MappingProxyType({})
    config: Mapping[str, Mapping[str, object]] = MappingProxyType({})


def _read_config(path: Path) -> _Configured:
    try:
        plugins = _table(_document(path), path)
    except PermissionError:
        # A home that this user may not enter (`su`, containers) holds no settings of theirs.
        return _Configured()
    unknown = sorted(set(plugins) - set(_Configured._fields))
    if unknown:
        known = "plugins.disable, plugins.prefer and plugins.config"
        raise _bad(path, f"has an unknown key 'plugins.{unknown[0]}'; there are {known}")
    disable, prefer = plugins.get("disable", []), plugins.get("prefer", {})
    if not isinstance(disable, list) or not all(isinstance(name, str) for name in disable):
        raise _bad(path, "has a 'plugins.disable' that is not a list of plugin ids")
    if not isinstance(prefer, dict) or not all(isinstance(name, str) for name in prefer.values()):
        raise _bad(path, "has a 'plugins.prefer' that does not give each name a distribution")
    return _Configured(tuple(disable), prefer, _config_of(path, plugins))


def read_root_config(root: Path) -> Mapping[str, Mapping[str, object]]:
    """Return the settings of plugins by id that a root's ``usr.toml`` has.

    Raises:
        BadConfig: The file can't be read, or has something else.
    """
    path = root / ROOT_CONFIG
    plugins = _table(_root_document(path), path)
    unknown = sorted(set(plugins) - {"config"})
    if unknown:
        raise _bad(path, f"has an unknown key 'plugins.{unknown[0]}'; in a root there is plugins.config only")
    return _config_of(path, plugins)


def read_root_history(root: Path) -> str | None:
    """Return what a root's ``usr.toml`` says of the history of new datasets, None where it says nothing.

    Raises:
        BadConfig: The file can't be read, or has something else.
    """
    path = root / ROOT_CONFIG
    said = _root_document(path).get("history")
    if said is None or said in HISTORY_MODES:
        return None if said is None else str(said)
    raise _bad(path, 'has a \'history\' that is neither "keep" nor "none"')


def _root_document(path: Path) -> Mapping[str, object]:
    try:
        document = _document(path)
    except PermissionError as error:
        raise _bad(path, "can't be read", cause=error) from error
    other = sorted(set(document) - {"plugins", "history"})
    if other:
        raise _bad(path, f"has an unknown key {other[0]!r}; in a root there are history and plugins.config only")
    return document


def _document(path: Path) -> Mapping[str, object]:
    """Return what a file holds, nothing where there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, "can't be read, or is not UTF-8 text", cause=error) from error
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad(path, f"is not valid TOML{toml_place(error)}", cause=error) from error


def _table(document: Mapping[str, object], path: Path) -> Mapping[str, object]:
    plugins = document.get("plugins", {})
    if not isinstance(plugins, dict):
        raise _bad(path, "has a key 'plugins' that is not a table")
    return plugins


def _config_of(path: Path, plugins: Mapping[str, object]) -> Mapping[str, Mapping[str, object]]:
    config = plugins.get("config", {})
    if not isinstance(config, dict) or not all(isinstance(settings, dict) for settings in config.values()):
        raise _bad(path, "has a 'plugins.config' that does not give each plugin's id a table of settings")
    return config


def _bad(path: Path, problem: str, *, cause: Exception | None = None) -> BadConfig:
    return BadConfig(
        f"the configuration file {problem}",
        hint="Correct it, or move it away to use the defaults.",
        facts={"file": path, "cause": None if cause is None else first_line(cause)},
    )
