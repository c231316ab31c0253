"""The YAML of the remotes file: plain values, each key with its line.

The registry's reader takes text only; here numbers and truth values are at home, and settings of transports that
the core does not know have to come through untouched. Anchors, aliases, tags, repeated keys and a second document are
refused as they are there. A fault inside one profile is that profile's own: the others can be used all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from usr_core.registry.reader import NOT_YAML, yaml_fault
from usr_core.remotes.errors import RemotesFileInvalid

if TYPE_CHECKING:
    import yaml

__all__ = ["MAX_BYTES", "Entry", "RemotesDocument", "parse_document"]

MAX_BYTES = 1 << 20
_MAX_DEPTH = 20
_PLAIN = {"null", "bool", "int", "float", "str"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One profile as it is written.

    Attributes:
        settings: Values by key, in the file's order; none where there is a fault.
        line: Of its name, counted from 1.
        last_line: Of its last value.
        lines: Of each key.
        fault: Why it can't be read, or None.
    """

    settings: dict[str, object]
    line: int
    last_line: int
    lines: dict[str, int]
    fault: RemotesFileInvalid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotesDocument:
    """The file as it is written.

    Attributes:
        tree: All of it, as plain values; a profile with a fault as its text.
        entries: The profiles by name, in the file's order.
        indent: Letters before each profile's name; None where they do not stand below each other in lines of their own.
    """

    tree: dict[str, object]
    entries: dict[str, Entry]
    indent: int | None


def parse_document(content: bytes, path: Path) -> RemotesDocument:
    """Read the file's bytes; an empty file, or ``remotes:`` alone, holds no profiles.

    Raises:
        RemotesFileInvalid: The file is not YAML or too large, it has no mapping ``remotes``, or there is a fault
            outside the profiles. A fault inside a profile is in its entry.
    """
    import yaml

    if len(content) > MAX_BYTES:
        raise RemotesFileInvalid(path=path, reason=f"it has {len(content):,} bytes, and {MAX_BYTES:,} are the most")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RemotesFileInvalid(
            path=path, reason=f"byte {error.start} is not UTF-8", line=content.count(b"\n", 0, error.start) + 1
        ) from None
    try:
        indirections = list(_indirections(text, path))
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        fault = yaml_fault(error)
        raise RemotesFileInvalid(path=path, reason=NOT_YAML, line=fault.line, cause=fault.cause) from None
    return _Reader(path, text, indirections).document(root)


class _Indirection(NamedTuple):
    """Something that makes a file mean more than it shows: at which character, in which line, and what it is."""

    at: int
    line: int
    what: str


def _indirections(text: str, path: Path) -> Iterator[_Indirection]:
    """Yield what could make a small file large, in the file's order; nothing is built yet.

    Raises:
        RemotesFileInvalid: The file nests too deep.
    """
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        at, line = (event.start_mark.index, event.start_mark.line + 1) if event.start_mark else (0, 1)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            yield _Indirection(at, line, "anchors and aliases are refused")
        tag = getattr(event, "tag", None)
        if tag is not None:
            yield _Indirection(at, line, f"the tag {tag!r} is refused")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise RemotesFileInvalid(path=path, reason=f"it nests deeper than {_MAX_DEPTH}", line=line)


class _Reader:
    def __init__(self, path: Path, text: str, indirections: list[_Indirection]) -> None:
        import yaml

        self._yaml = yaml
        self._path = path
        self._text = text
        self._indirections = indirections
        self._scalars = yaml.constructor.SafeConstructor()

    def document(self, root: yaml.Node | None) -> RemotesDocument:
        if root is None or self._is_null(root):
            return RemotesDocument(tree={"remotes": {}}, entries={}, indent=None)
        inside = self._where_profiles_are(root)
        for one in self._indirections:
            if one.at not in inside:
                raise RemotesFileInvalid(path=self._path, reason=one.what, line=one.line)
        top = self._mapping(root, "the file", None)
        rest = {key: self._value(value, key) for key, (_, value) in top.items() if key != "remotes"}
        if "remotes" not in top:
            raise RemotesFileInvalid(path=self._path, reason="the key 'remotes' is missing", line=_line(root))
        where, profiles = top["remotes"]
        if self._is_null(profiles):
            return RemotesDocument(tree={**rest, "remotes": {}}, entries={}, indent=None)
        if not isinstance(profiles, self._yaml.MappingNode):
            raise RemotesFileInvalid(
                path=self._path, reason="'remotes' has to be a mapping", key="remotes", line=_line(profiles)
            )
        entries: dict[str, Entry] = {}
        trees: dict[str, object] = {}
        begins = [key.start_mark.index for key, _ in profiles.value]
        for (key, value), end in zip(profiles.value, [*begins[1:], profiles.end_mark.index], strict=False):
            name = str(key.value) if isinstance(key, self._yaml.ScalarNode) else "?"
            entry = self._entry(name, key, value, end)
            if name in entries:
                entry = self._unread(name, key, end, f"the key {name!r} is repeated", _line(key), "remotes")
            entries[name] = entry
            text = self._text[key.start_mark.index : end].strip()
            trees[name] = entry.settings if entry.fault is None else [trees.get(name), text]
        in_lines = entries and not _in_brackets(profiles) and _line(profiles) > _line(where)
        indent = profiles.start_mark.column if in_lines else None
        return RemotesDocument(tree={**rest, "remotes": trees}, entries=entries, indent=indent)

    def _where_profiles_are(self, root: yaml.Node) -> range:
        """Return the indexes from the first profile's name to the end of the last one."""
        for key, value in root.value if isinstance(root, self._yaml.MappingNode) else ():
            if key.value == "remotes" and isinstance(value, self._yaml.MappingNode) and value.value:
                return range(value.value[0][0].start_mark.index, value.end_mark.index)
        return range(0)

    def _entry(self, name: str, key: yaml.Node, node: yaml.Node, end: int) -> Entry:
        """Read one profile, which ends before the index `end`."""
        where = f"remotes.{name}"
        for one in self._indirections:
            if key.start_mark.index <= one.at < end:
                return self._unread(name, key, end, one.what, one.line, where)
        if not isinstance(self._value(key, "remotes"), str):
            return self._unread(name, key, end, "a key has to be text; put it in quotes", _line(key), "remotes")
        try:
            fields = self._mapping(node, f"the remote {name!r}", where)
            settings = {field: self._value(value, f"{where}.{field}") for field, (_, value) in fields.items()}
        except RemotesFileInvalid as fault:
            return self._unread(name, key, end, fault.reason, fault.line, fault.key)
        lines = {field: _line(place) for field, (place, _) in fields.items()}
        last_line = max([_line(key), *(self._last_line(value) for _, value in fields.values())])
        if _in_brackets(node):
            last_line = node.end_mark.line + 1
        return Entry(settings=settings, line=_line(key), last_line=last_line, lines=lines)

    def _unread(self, name: str, key: yaml.Node, end: int, reason: str, line: int | None, where: str | None) -> Entry:
        fault = RemotesFileInvalid(path=self._path, reason=reason, key=where, line=line, remote=name)
        # Not from the nodes: an alias in them may lead anywhere.
        last_line = _line(key) + self._text[key.start_mark.index : end].rstrip().count("\n")
        return Entry(settings={}, line=_line(key), last_line=last_line, lines={}, fault=fault)

    def _last_line(self, node: yaml.Node) -> int:
        inner = node.value if isinstance(node.value, list) else []
        if not inner or _in_brackets(node):
            return int(node.end_mark.line) + 1
        last = inner[-1]
        return self._last_line(last[1] if isinstance(last, tuple) else last)

    def _mapping(self, node: yaml.Node, what: str, where: str | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, self._yaml.MappingNode):
            raise RemotesFileInvalid(path=self._path, reason=f"{what} has to be a mapping", key=where, line=_line(node))
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self._value(key, where)
            if not isinstance(name, str):
                raise RemotesFileInvalid(
                    path=self._path, reason="a key has to be text; put it in quotes", key=where, line=_line(key)
                )
            if name in found:
                raise RemotesFileInvalid(
                    path=self._path, reason=f"the key {name!r} is repeated", key=where, line=_line(key)
                )
            found[name] = (key, value)
        return found

    def _value(self, node: yaml.Node, where: str | None) -> object:
        if isinstance(node, self._yaml.MappingNode):
            fields = self._mapping(node, "it", where)
            return {name: self._value(value, f"{where}.{name}") for name, (_, value) in fields.items()}
        if isinstance(node, self._yaml.SequenceNode):
            return [self._value(item, where) for item in node.value]
        kind = node.tag.rpartition(":")[2]
        if kind not in _PLAIN:
            raise RemotesFileInvalid(
                path=self._path,
                reason=f"{node.value!r} is a {kind} in YAML; put it in quotes",
                key=where,
                line=_line(node),
            )
        try:
            return self._scalars.construct_object(node)
        except ValueError:
            raise RemotesFileInvalid(
                path=self._path, reason=f"{node.value!r} is not a valid {kind}", key=where, line=_line(node)
            ) from None

    def _is_null(self, node: yaml.Node) -> bool:
        return isinstance(node, self._yaml.ScalarNode) and node.tag.endswith(":null")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _in_brackets(node: yaml.Node) -> bool:
    """Tell whether a collection is written with brackets."""
    return bool(getattr(node, "flow_style", False))
