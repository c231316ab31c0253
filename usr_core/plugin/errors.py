"""Errors of the plugin host: a plugin that is missing, refused or broken.

A message always says which plugin, from which distribution, and what gets the reader past it.
"""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError

__all__ = [
    "AmbiguousImporter",
    "BadConfig",
    "BadManifest",
    "IncompatiblePlugin",
    "OptionInvalid",
    "PluginCallError",
    "PluginConflict",
    "PluginError",
    "PluginLoadError",
    "PluginMissing",
    "PluginProblems",
]


class PluginError(UsrError):
    """Something about a plugin stops the work.

    Example:
        >>> from usr_core.api import PluginError
        >>> try:
        ...     dataset.host.importer("embl")
        ... except PluginError as error:
        ...     print(error.code, error.exit_code.name)
        USR-PLUGIN-002 PLUGIN
    """

    code = "USR-PLUGIN-001"
    exit_code = ExitCode.PLUGIN


class PluginMissing(PluginError, LookupError):
    """A command, format or other ability is asked for that no active plugin offers.

    Example:
        >>> dataset.host.importer("embl")
        Traceback (most recent call last):
            ...
        usr_core.plugin.errors.PluginMissing: there is no importer 'embl'
    """

    code = "USR-PLUGIN-002"


class PluginLoadError(PluginError):
    """A plugin could not be imported or registered, or does not offer what its manifest says."""

    code = "USR-PLUGIN-003"
    template = "plugin {plugin!r} ({distribution} {version}) can't be used: {what}"
    shown = ("plugin", "distribution={distribution} {version}", "cause")
    cause: str | None = None


class PluginCallError(PluginError):
    """Plugin code raised while the core was calling it, or gave an answer that can't be used.

    Example:
        >>> from usr_core.api import ImporterSpec, PluginCallError
        >>> from usr_core.api.plugins import build_provider
        >>> csv = next(record for record in dataset.host.plugins() if record.id == "csv")
        >>> try:
        ...     build_provider("importer", csv, ImporterSpec(name="lab", summary="Never made", factory=lambda: 1 / 0))
        ... except PluginCallError as error:
        ...     print(error.code, error.plugin, error.hook, error.facts["cause"], sep="; ")
        USR-PLUGIN-004; csv; importer lab, factory; ZeroDivisionError: division by zero
    """

    code = "USR-PLUGIN-004"

    def __init__(self, *, plugin: str, distribution: str, version: str, hook: str, cause: BaseException) -> None:
        if isinstance(cause, OSError):
            hint = "Remove what made the operating system refuse (the cause names it), then run again."
        else:
            hint = f"Run again with --debug and report the traceback to the authors of {distribution}."
        super().__init__(
            f"plugin {plugin!r} ({distribution} {version}) failed in {hook}",
            hint=hint,
            facts={"plugin": plugin, "distribution": f"{distribution} {version}", "cause": cause_text(cause)},
        )
        self.plugin, self.distribution, self.version, self.hook = plugin, distribution, version, hook


class IncompatiblePlugin(PluginError):
    """A manifest asks for a plugin API that this host does not have."""

    code = "USR-PLUGIN-005"


class PluginConflict(PluginError):
    """Two plugins claim the same id, command or provider name."""

    code = "USR-PLUGIN-006"


class BadManifest(PluginError, ValueError):
    """A ``usr-plugin.toml`` does not follow the contract; the message names the key."""

    code = "USR-PLUGIN-007"


class BadConfig(UsrError, ValueError):
    """The user's configuration file can't be used."""

    code = "USR-PLUGIN-008"
    exit_code = ExitCode.USAGE


class AmbiguousImporter(UsrError):
    """Several importers read files with this ending, so one has to be named."""

    code = "USR-PLUGIN-009"
    exit_code = ExitCode.USAGE


class OptionInvalid(UsrError, ValueError):
    """An importer, exporter, overlay writer, executor or function takes no such option, or the option no such value.

    Example:
        >>> dataset.export("promoters.fasta", options={"width": "wide"})
        Traceback (most recent call last):
            ...
        usr_core.plugin.errors.OptionInvalid: The option 'width' of the exporter fasta can't be 'wide'.
    """

    code = "USR-PLUGIN-011"
    exit_code = ExitCode.USAGE


class PluginProblems(PluginError):
    """``USR_PLUGINS_STRICT=1`` and at least one installed plugin has a problem."""

    code = "USR-PLUGIN-010"
    template = (
        "USR_PLUGINS_STRICT is set and {problems:counted installed plugin} {problems:has|have} a problem: "
        "{problems:join; }"
    )
    hint_template = "See `usr plugins list`; repair, upgrade or uninstall them, or unset USR_PLUGINS_STRICT."


def cause_text(cause: BaseException) -> str:
    """Return an exception as one line: its type, and its message where it has one that can be read."""
    try:
        if isinstance(cause, SystemExit):
            return f"SystemExit: it tried to end the process (code {cause.code!r})"
        message = str(cause).strip()
    except Exception:  # noqa: BLE001 - a stranger's exception may not even have a text
        message = ""
    return f"{type(cause).__name__}: {message}" if message else type(cause).__name__
