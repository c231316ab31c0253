"""A strict reader of YAML: plain trees of text, with the line of everything.

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
from usr_core.registry.errors import RegistryInvalid

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
