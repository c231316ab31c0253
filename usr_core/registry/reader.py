"""registry.yaml to a `Registry`, with the line of every fault: by a strict reader of YAML, plain trees of text.

What YAML allows beyond that (anchors, aliases, tags, several documents, keys that are not text) is
refused, and so is what would be quietly misread: repeated keys, and unquoted text that YAML takes
for a number, a date or a truth value. The text is read as a stream of events, so a file made to
exhaust memory or the stack is refused before it is built.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from usr_core.errors import visible
from usr_core.interrupts import SignalsHeld
from usr_core.registry.document import (
    TOMBSTONE_NAMESPACE,
    NamespaceEntry,
    Registry,
    RegistryColumn,
    checked_columns,
    is_namespace,
)
from usr_core.registry.errors import ColumnSpecError, RegistryInvalid, TypeSyntaxError

if TYPE_CHECKING:
    import yaml

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "NOT_YAML",
    "YamlFault",
    "YamlList",
    "YamlMap",
    "YamlNode",
    "YamlText",
    "load_yaml",
    "parse_registry",
    "yaml_fault",
]

MAX_BYTES = 1 << 20
MAX_DEPTH = 20
NOT_YAML = "it is not YAML, or nests too deep to be read"


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A part of a document; `line` and `position` count from 1."""

    line: int
    position: int


@dataclass(frozen=True, slots=True)
class YamlText(YamlNode):
    """A scalar: text, or None for null."""

    value: str | None


@dataclass(frozen=True, slots=True)
class YamlList(YamlNode):
    """A sequence."""

    items: tuple[YamlNode, ...]


@dataclass(frozen=True, slots=True)
class YamlMap(YamlNode):
    """A mapping; keys are unique texts, in the file's order."""

    items: dict[str, YamlNode]
    keys: dict[str, YamlText]


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlFault:
    """Where the YAML library stopped, counted from 1 and None where it does not say, and why in its own words."""

    line: int | None
    position: int | None
    cause: str


def yaml_fault(error: yaml.YAMLError) -> YamlFault:
    """Return what an exception of the YAML library tells. Its words change with its version."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = [getattr(error, "problem", None), getattr(error, "context", None)]
    told = " ".join(part for part in words if part) or str(error)
    return YamlFault(
        line=mark.line + 1 if mark else None,
        position=mark.column + 1 if mark else None,
        cause=visible(" ".join(told.split())),
    )


def load_yaml(content: bytes, *, label: str) -> YamlNode:
    """Read one YAML document of at most `MAX_BYTES`, nested at most `MAX_DEPTH` deep.

    Raises:
        RegistryInvalid: The content is not such a document; line and position are given where known.
    """
    if len(content) > MAX_BYTES:
        raise RegistryInvalid(label=label, reason=f"it has {len(content):,} bytes, and {MAX_BYTES:,} are the most")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RegistryInvalid(label=label, reason=f"byte {error.start} is not UTF-8", line=line) from None
    # The parser ends itself in a finalizer, which would drop what a signal's handler raises.
    with SignalsHeld(), contextlib.closing(_Reader(text, label)) as reader:
        return reader.read()


class _Reader:
    def __init__(self, text: str, label: str) -> None:
        import yaml

        self._yaml = yaml
        self._label = label
        self._resolver = yaml.resolver.Resolver()
        self._events = self._checked_events(text)

    def close(self) -> None:
        self._events.close()

    def read(self) -> YamlNode:
        yaml = self._yaml
        next(self._events)  # the stream's start
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            raise RegistryInvalid(label=self._label, reason="it is empty")
        root = self._node(next(self._events), depth=1)
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, "it holds a second document")
        return root

    def _checked_events(self, text: str) -> Generator[yaml.Event]:
        yaml = self._yaml
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            for event in yaml.parse(text, Loader=loader):
                if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                    raise self._error(event, "anchors and aliases are refused")
                if getattr(event, "tag", None) is not None:
                    raise self._error(event, f"the tag {event.tag!r} is refused")
                yield event
        except yaml.YAMLError as error:
            fault = yaml_fault(error)
            raise RegistryInvalid(
                label=self._label, reason=NOT_YAML, line=fault.line, position=fault.position, cause=fault.cause
            ) from None

    def _node(self, event: yaml.Event, *, depth: int) -> YamlNode:
        yaml = self._yaml
        if isinstance(event, yaml.ScalarEvent):
            return self._text(event)
        if depth > MAX_DEPTH:
            raise self._error(event, f"it nests deeper than {MAX_DEPTH}")
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[YamlNode] = []
            while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(inner, depth=depth + 1))
            return YamlList(*_place(event), items=tuple(items))
        return self._map(event, depth=depth)

    def _map(self, event: yaml.Event, *, depth: int) -> YamlMap:
        yaml = self._yaml
        values: dict[str, YamlNode] = {}
        keys: dict[str, YamlText] = {}
        while not isinstance(inner := next(self._events), yaml.MappingEndEvent):
            key = self._text(inner) if isinstance(inner, yaml.ScalarEvent) else None
            if key is None or key.value is None:
                raise self._error(inner, "a key has to be text")
            if key.value in keys:
                first = keys[key.value].line
                raise self._error(inner, f"the key {key.value!r} is repeated (first in line {first})")
            keys[key.value] = key
            values[key.value] = self._node(next(self._events), depth=depth + 1)
        return YamlMap(*_place(event), items=values, keys=keys)

    def _text(self, event: yaml.ScalarEvent) -> YamlText:
        value: str | None = event.value
        if event.style in (None, "") and event.implicit[0]:
            kind = self._implicit_kind(event.value)
            if kind == "null":
                value = None
            elif kind != "str":
                raise self._error(event, f"{event.value!r} is not text but {kind} in YAML; put it in quotes")
        return YamlText(*_place(event), value=value)

    def _implicit_kind(self, plain: str) -> str:
        resolve: Callable[..., str] = self._resolver.resolve
        return resolve(self._yaml.ScalarNode, plain, (True, False)).rpartition(":")[2]

    def _error(self, event: yaml.Event, reason: str) -> RegistryInvalid:
        line, position = _place(event)
        return RegistryInvalid(label=self._label, reason=reason, line=line, position=position)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


_ENTRY_KEYS = ("columns", "description", "owner")

# Every change reads the registry, and hashes it: a process that makes many does so once for the same bytes.
_parsed: dict[bytes, Registry] = {}
_MOST_KEPT = 16
_LONGEST_KEPT = 64 << 10


def parse_registry(content: bytes, label: str) -> Registry:
    """Read a registry's bytes; `label` names the file in errors.

    Columns are a list of ``{name, type}``; a mapping of name to type, as people write by hand, is read too.
    Whether ``usr_state`` is in it is not checked (see `reserved.check_state_entry`).

    Raises:
        RegistryInvalid: The YAML is refused (see `load_yaml`), a key is unknown or missing, a name or a type
            is malformed, or the namespace ``usr`` is registered.
    """
    found = _parsed.get(content)
    if found is None:
        root = _mapping(load_yaml(content, label=label), label, "the file")
        _only_keys(root, ("namespaces",), label, "the file")
        if "namespaces" not in root.items:
            raise RegistryInvalid(label=label, reason="the key 'namespaces' is missing", line=root.line)
        namespaces = _mapping(root.items["namespaces"], label, "'namespaces'")
        found = Registry({name: _entry(name, namespaces, label) for name in namespaces.items})
        if len(content) <= _LONGEST_KEPT:
            if len(_parsed) == _MOST_KEPT:
                _parsed.clear()
            _parsed[content] = found
    return found


def _entry(name: str, namespaces: YamlMap, label: str) -> NamespaceEntry:
    key = namespaces.keys[name]
    if not is_namespace(name):
        raise _invalid(label, key, f"{name!r} is not a namespace's name")
    if name == TOMBSTONE_NAMESPACE:
        raise _invalid(label, key, f"the namespace {name!r} is reserved and never registered")
    node = _mapping(namespaces.items[name], label, f"the namespace {name!r}")
    _only_keys(node, _ENTRY_KEYS, label, f"the namespace {name!r}")
    if "columns" not in node.items:
        raise _invalid(label, key, f"the namespace {name!r} has no columns")
    return NamespaceEntry(
        name=name,
        columns=_columns(name, node.items["columns"], label),
        owner=_optional_text(node, "owner", label),
        description=_optional_text(node, "description", label),
    )


def _columns(namespace: str, node: YamlNode, label: str) -> tuple[RegistryColumn, ...]:
    found: dict[str, RegistryColumn] = {}
    for place, name, kind in _column_texts(node, label):
        try:
            (column,) = checked_columns(namespace, [(name, kind)])
        except (ColumnSpecError, TypeSyntaxError) as error:
            raise _invalid(label, place, f"column {name!r}: {error.message.rstrip('.')}") from error
        if name in found:
            raise _invalid(label, place, f"the column {name!r} is repeated")
        found[name] = column
    if not found:
        raise _invalid(label, node, f"the namespace {namespace!r} has no columns")
    return tuple(found.values())


def _column_texts(node: YamlNode, label: str) -> list[tuple[YamlNode, str, str]]:
    if isinstance(node, YamlMap):
        types = ((name, _text(kind, label, f"the type of {name!r}")) for name, kind in node.items.items())
        return [(node.keys[name], name, kind) for name, kind in types]
    if not isinstance(node, YamlList):
        raise _invalid(label, node, "'columns' has to be a list of {name, type}")
    texts = []
    for item in node.items:
        column = _mapping(item, label, "a column")
        _only_keys(column, ("name", "type"), label, "a column")
        for key in ("name", "type"):
            if key not in column.items:
                raise _invalid(label, item, f"a column has no {key}")
        name = _text(column.items["name"], label, "a column's name")
        texts.append((item, name, _text(column.items["type"], label, f"the type of {name!r}")))
    return texts


def _mapping(node: YamlNode, label: str, what: str) -> YamlMap:
    if not isinstance(node, YamlMap):
        raise _invalid(label, node, f"{what} has to be a mapping")
    return node


def _text(node: YamlNode, label: str, what: str) -> str:
    if not isinstance(node, YamlText) or node.value is None:
        raise _invalid(label, node, f"{what} has to be text")
    return node.value


def _optional_text(node: YamlMap, key: str, label: str) -> str | None:
    value = node.items.get(key)
    if value is None or (isinstance(value, YamlText) and value.value is None):
        return None
    return _text(value, label, f"'{key}'")


def _only_keys(node: YamlMap, known: tuple[str, ...], label: str, what: str) -> None:
    for name, key in node.keys.items():
        if name not in known:
            raise _invalid(label, key, f"{what} has the unknown key {name!r} (known: {', '.join(known)})")


def _invalid(label: str, node: YamlNode, reason: str) -> RegistryInvalid:
    return RegistryInvalid(label=label, reason=reason, line=node.line, position=node.position)
