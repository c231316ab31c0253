"""``usr-plugin.toml``: what a plugin says about itself, read without importing it.

The manifest is all that ``--help``, listings and conflict checks see, so it is checked strictly: an
unknown key or a wrong type is refused with the key's name. The API version is looked at first: what a manifest for
a higher minor version has and this host has never heard of is left out with a note, so that one release of a plugin
serves several hosts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import NamedTuple

from usr_core.errors import first_line
from usr_core.plugin.errors import BadManifest, IncompatiblePlugin

__all__ = [
    "API_VERSION",
    "MANIFEST_NAME",
    "MOUNT_POINTS",
    "PROVIDER_KINDS",
    "CommandClaim",
    "Manifest",
    "ProviderClaim",
    "claims_of",
    "is_id",
    "parse_manifest",
]

API_VERSION = (1, 2)
"""The version of the plugin API that is installed: major, minor."""
MANIFEST_NAME = "usr-plugin.toml"

MOUNT_POINTS: Mapping[str, str] = {
    "dev": "Make mock data for development",
    "legacy": "Convert files of older tools",
    "maintenance": "Rewrite, compact and repair datasets",
    "remotes": "Describe and check remote roots",
}
"""Groups of the core that any plugin's commands may join with ``parent``, and their help lines."""

PROVIDER_KINDS = frozenset(
    {
        "importer",
        "exporter",
        "overlay_writer",
        "verify",
        "verify_policy",
        "transport",
        "event_sink",
        "namespace",
        "check",
        "alphabet",
        "health_check",
        "executor",
        "function",
    }
)

_LOWER = frozenset(ascii_lowercase)
_UPPER = frozenset(ascii_uppercase)
_ID_LETTERS = _LOWER | frozenset(digits + "_")
_COMMAND_LETTERS = _LOWER | frozenset(digits + "-")
_VARIABLE_LETTERS = _UPPER | frozenset(digits + "_")
_PROVIDER_LETTERS = _LOWER | frozenset(digits + "_.+-")
_NAME_LETTERS = frozenset(ascii_letters + digits + "_")


class CommandClaim(NamedTuple):
    """A command that a plugin adds: at the top, or below the mount point `parent`.

    Attributes:
        target: ``module:attribute`` of a ``typer.Typer``.
        env_gate: A variable that has to be ``1``, or the command is hidden and refused.
    """

    name: str
    target: str
    summary: str
    parent: str | None = None
    env_gate: str | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """The words that call it."""
        return (self.parent, self.name) if self.parent else (self.name,)


class ProviderClaim(NamedTuple):
    """A provider that a plugin's hooks offer."""

    kind: str
    name: str


class Manifest(NamedTuple):
    r"""A checked manifest.

    Attributes:
        settings: The keys that ``[plugins.config.ID]`` may have.
        notes: What was left out of a manifest for a higher minor version of the API.

    Example:
        >>> from usr_core.api.plugins import parse_manifest
        >>> manifest = parse_manifest('api = "1.0"\nid = "lab"\nsummary = "Motif scans"\n', file="usr-plugin.toml")
        >>> manifest.id, manifest.api, manifest.provides
        ('lab', '1.0', ())
    """

    api: str
    id: str
    summary: str
    requires_tools: tuple[str, ...] = ()
    commands: tuple[CommandClaim, ...] = ()
    provides: tuple[ProviderClaim, ...] = ()
    notes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def is_newer(self) -> bool:
        """Whether it was made for a higher minor version of the API than this host has."""
        return tuple(map(int, self.api.split("."))) > API_VERSION


def parse_manifest(text: str, *, file: str) -> Manifest:
    r"""Check the text of a manifest.

    Args:
        text: TOML.
        file: Where it was read, for messages only.

    Raises:
        BadManifest: The text is not TOML, or a key is unknown, missing or of the wrong form.
        IncompatiblePlugin: The manifest asks for an API with another major than `API_VERSION`.

    Example:
        >>> from usr_core.api.plugins import parse_manifest
        >>> parse_manifest('api = "1.0"\nid = "lab"\nsummary = "Motif scans"\n', file="usr-plugin.toml").summary
        'Motif scans'
        >>> parse_manifest('api = "1.0"\nid = "lab"\n', file="usr-plugin.toml")
        Traceback (most recent call last):
            ...
        usr_core.plugin.errors.BadManifest: the key 'summary' is missing
    """
    import tomllib

    try:
        document = _document(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad(file, None, f"is not valid TOML{toml_place(error)}", cause=first_line(error)) from error
    except RecursionError:
        raise _bad(file, None, "is nested too deeply") from None

    table = _Table(document, file, "")
    api = table.text("api", _is_api, 'a version such as "1.0"')
    _check_api(api, file)
    if Manifest(api=api, id="", summary="").is_newer:
        table.left_out = []
    manifest = Manifest(
        api=api,
        id=table.text("id", is_id, "lower-case letters, digits and _, beginning with a letter"),
        summary=table.line("summary"),
        requires_tools=table.texts("requires-tools"),
        settings=table.texts("settings"),
        commands=tuple(filter(None, map(_command, table.tables("commands")))),
        provides=tuple(filter(None, map(_provider, table.tables("provides")))),
    )
    table.finish()
    if table.left_out:
        known = f"made for plugin API {api}, of which this USR has {_version(API_VERSION)}"
        manifest = manifest._replace(notes=tuple(f"{known}: {what} is left out" for what in table.left_out))
    _refuse_repeats(manifest, file)
    return manifest


def claims_of(text: str, *, plugin_id: str) -> Manifest | None:
    """Return what a manifest that can't be used claims, as far as it can be read; for messages only.

    It lets a message say that a command or provider is there, and why it can't be used.
    """
    import tomllib

    try:
        document = _document(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None

    def tables(name: str) -> list[Mapping[str, object]]:
        found = document.get(name)
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []

    def words(entry: Mapping[str, object], key: str) -> str:
        value = entry.get(key)
        return value if isinstance(value, str) and value.isprintable() else ""

    commands = [
        CommandClaim(words(c, "name"), "", words(c, "summary"), words(c, "parent") or None)
        for c in tables("commands")
        if words(c, "name")
    ]
    provides = [ProviderClaim(words(p, "kind"), words(p, "name")) for p in tables("provides") if words(p, "name")]
    return Manifest(
        api=words(document, "api"),
        id=plugin_id,
        summary=words(document, "summary"),
        commands=tuple(commands),
        provides=tuple(provides),
    )


@lru_cache(maxsize=256)  # a process that opens many datasets reads the same manifests for each
def _document(text: str) -> Mapping[str, object]:
    import tomllib

    return tomllib.loads(text)


class _Table:
    """One TOML table whose keys are taken one by one, so that what is left over is known to be unknown."""

    def __init__(self, entries: Mapping[str, object], file: str, where: str, left_out: list[str] | None = None) -> None:
        self.left, self.file, self.where = dict(entries), file, where
        self.left_out = left_out  # None: nothing may be unknown

    def key(self, name: str) -> str:
        return f"{self.where}{name}"

    def text(self, name: str, accepts: Callable[[str], bool], form: str) -> str:
        value = self.optional(name, accepts, form)
        if value is None:
            raise _bad(self.file, self.key(name), "is missing")
        return value

    def optional(self, name: str, accepts: Callable[[str], bool], form: str) -> str | None:
        value = self.left.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, str) or not accepts(value):
            raise _bad(self.file, self.key(name), f"is {value!r}; it has to be {form}")
        return value

    def line(self, name: str) -> str:
        value = self.left.pop(name, None)
        if value is None:
            raise _bad(self.file, self.key(name), "is missing")
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise _bad(self.file, self.key(name), "has to be one line of text")
        return value.strip()

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.left.pop(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise _bad(self.file, self.key(name), f"is {value!r}; it has to be a list of texts")
        return tuple(value)

    def tables(self, name: str) -> list[_Table]:
        value = self.left.pop(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise _bad(self.file, self.key(name), f"has to be tables, each below [[{name}]]")
        return [
            _Table(item, self.file, f"{name}[{number}].", self.left_out) for number, item in enumerate(value, start=1)
        ]

    def finish(self) -> None:
        if self.left and self.left_out is None:
            raise _bad(self.file, self.key(min(self.left)), "is not a key of this manifest")
        self.leave_out(*(f"the key {self.key(name)!r}" for name in sorted(self.left)))

    def leave_out(self, *what: str) -> bool:
        """Note what this host does not know, and tell whether it may be left out."""
        if self.left_out is None:
            return False
        self.left_out += [each for each in what if each not in self.left_out]
        return True


def _command(table: _Table) -> CommandClaim | None:
    claim = CommandClaim(
        name=table.text("name", _is_command, "lower-case letters, digits and -, beginning with a letter"),
        target=table.text("target", _is_target, '"module:attribute" of a typer.Typer'),
        summary=table.line("summary"),
        parent=table.optional("parent", _is_command, f"one of {', '.join(MOUNT_POINTS)}"),
        env_gate=table.optional("env-gate", _is_variable, "the name of an environment variable, in capitals"),
    )
    table.finish()
    if claim.parent is not None and claim.parent not in MOUNT_POINTS:
        if table.leave_out(f"the command {' '.join(claim.path)!r}"):
            return None
        raise _bad(
            table.file, table.key("parent"), f"is {claim.parent!r}; it has to be one of {', '.join(MOUNT_POINTS)}"
        )
    if claim.parent is None and claim.name in MOUNT_POINTS:
        raise _bad(
            table.file,
            table.key("name"),
            f"is {claim.name!r}, a mount point of the core: join it with parent = instead",
        )
    return claim


def _provider(table: _Table) -> ProviderClaim | None:
    claim = ProviderClaim(
        kind=table.text("kind", is_id, f"one of {', '.join(sorted(PROVIDER_KINDS))}"),
        name=table.text("name", _is_provider_name, "lower-case letters, digits and _ . + -, beginning with a letter"),
    )
    table.finish()
    if claim.kind not in PROVIDER_KINDS:
        if table.leave_out(f"the {claim.kind} {claim.name!r}"):
            return None
        raise _bad(
            table.file, table.key("kind"), f"is {claim.kind!r}; it has to be one of {', '.join(sorted(PROVIDER_KINDS))}"
        )
    return claim


# Character sets instead of regular expressions: compiling six of them would cost every `--help` 2 ms.


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id: lower-case letters, digits and _, beginning with a letter."""
    return text[:1] in _LOWER and _ID_LETTERS.issuperset(text)


def _is_command(text: str) -> bool:
    return text[:1] in _LOWER and _COMMAND_LETTERS.issuperset(text)


def _is_variable(text: str) -> bool:
    return text[:1] in _UPPER and _VARIABLE_LETTERS.issuperset(text)


def _is_provider_name(text: str) -> bool:
    return text[:1] in _LOWER and _PROVIDER_LETTERS.issuperset(text)


def _is_target(text: str) -> bool:
    module, colon, attribute = text.partition(":")
    parts = [*module.split("."), attribute]
    return bool(colon) and all(p[:1].isalpha() | (p[:1] == "_") and _NAME_LETTERS.issuperset(p) for p in parts)


def _is_api(text: str) -> bool:
    major, dot, minor = text.partition(".")
    return dot == "." and all(0 < len(part) < 6 and part.isascii() and part.isdigit() for part in (major, minor))


def _version(api: tuple[int, int]) -> str:
    return ".".join(map(str, api))


def _check_api(api: str, file: str) -> None:
    major = int(api.partition(".")[0])
    if major == API_VERSION[0]:
        return
    ours, newer = _version(API_VERSION), major > API_VERSION[0]
    raise IncompatiblePlugin(
        f"it was made for plugin API {api}, and this USR has {ours}",
        hint="Upgrade universal-sequence-record, or install an older version of the plugin."
        if newer
        else "Upgrade the plugin, or install an older universal-sequence-record.",
        facts={"file": file, "key": "api"},
    )


def _refuse_repeats(manifest: Manifest, file: str) -> None:
    paths = [claim.path for claim in manifest.commands]
    for path in paths:
        if paths.count(path) > 1:
            raise _bad(file, "commands", f"holds {' '.join(path)!r} twice")
    for claim in manifest.provides:
        if manifest.provides.count(claim) > 1:
            raise _bad(file, "provides", f"holds {claim.kind} {claim.name!r} twice")


def toml_place(error: Exception) -> str:
    """Return where the TOML parser stopped, as `` (line 2, column 5)``; empty where its message does not say."""
    found = re.search(r"line (\d+), column (\d+)", str(error))
    return "" if found is None else f" (line {found[1]}, column {found[2]})"


def _bad(file: str, key: str | None, problem: str, *, cause: str | None = None) -> BadManifest:
    subject = f"the key {key!r}" if key else "the file"
    return BadManifest(
        f"{subject} {problem}",
        hint="Correct the manifest as docs/plugins/manifest.md says, or tell the plugin's authors.",
        facts={"file": file, "key": key, "cause": cause},
    )
