"""The section ``notify`` of the user's settings file: whether this user's changes go to a spool, and which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from usr_core.api.places import config_path
from usr_notify.errors import SettingsInvalid

__all__ = ["NotifySettings", "read_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """What the section says.

    Attributes:
        spool: The folder to keep events in, or None where nothing is to be kept.
        actions: Which actions; empty is all.
    """

    spool: Path | None = None
    actions: frozenset[str] = frozenset()


def read_settings(path: Path | None = None) -> NotifySettings:
    """Read the section; without a file, or without the section, there is nothing to keep.

    Raises:
        SettingsInvalid: The file can't be read, or the section has another form.
    """
    path = config_path() if path is None else path
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return NotifySettings()
    except (OSError, UnicodeDecodeError):
        raise SettingsInvalid(path=path, reason="can't be read") from None
    import tomllib

    try:
        section = tomllib.loads(text).get("notify")
    except tomllib.TOMLDecodeError:
        raise SettingsInvalid(path=path, reason="is not valid TOML") from None
    if section is None:
        return NotifySettings()
    if not isinstance(section, dict):
        raise SettingsInvalid(path=path, reason="has a key 'notify' that is not a table")
    unknown = sorted(set(section) - {"spool", "actions"})
    if unknown:
        raise SettingsInvalid(path=path, reason=f"has an unknown key 'notify.{unknown[0]}'")
    spool, actions = section.get("spool"), section.get("actions", [])
    if spool is not None and (not isinstance(spool, str) or not spool.startswith(("/", "~"))):
        raise SettingsInvalid(path=path, reason="has a 'notify.spool' that is not an absolute path")
    if not isinstance(actions, list) or not all(isinstance(action, str) and action for action in actions):
        raise SettingsInvalid(path=path, reason="has a 'notify.actions' that is not a list of actions")
    return NotifySettings(spool=None if spool is None else Path(spool).expanduser(), actions=frozenset(actions))
