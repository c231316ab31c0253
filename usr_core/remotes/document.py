"""The YAML of the remotes file: plain values, each key with its line.

The registry's reader takes text only; here numbers and truth values are at home, and settings of transports that
the core does not know have to come through untouched. Anchors, aliases, tags, repeated keys and a second document are
refused as they are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
        settings: Values by key, in the file's order.
        line: Of its name, counted from 1.
        last_line: Of its last value.
        lines: Of each key.
    """

    settings: dict[str, object]
    line: int
    last_line: int
    lines: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotesDocument:
    """The file as it is written.

    Attributes:
        tree: All of it, as plain values.
        entries: The profiles by name, in the file's order.
        indent: Letters before each profile's name; None where they do not stand below each other in lines of their own.
    """

    tree: dict[str, object]
    entries: dict[str, Entry]
    indent: int | None


def parse_document(content: bytes, path: Path) -> RemotesDocument:
    """Read the file's bytes; an empty file, or ``remotes:`` alone, holds no profiles.

    Raises:
        RemotesFileInvalid: It is not YAML, too large, or not of the form ``remotes: {NAME: {key: value}}``.
    """
    import yaml

    if len(content) > MAX_BYTES:
        raise RemotesFileInvalid(path, f"it has {len(content):,} bytes, and {MAX_BYTES:,} are the most")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RemotesFileInvalid(
            path, f"byte {error.start} is not UTF-8", line=content.count(b"\n", 0, error.start) + 1
        ) from None
    try:
        _refuse_indirections(text, path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(part for part in (error.problem, error.context) if part) or "it is not YAML"
        raise RemotesFileInvalid(path, reason, line=mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise RemotesFileInvalid(path, " ".join(str(error).split())) from None
    return _Reader(path).document(root)


def _refuse_indirections(text: str, path: Path) -> None:
    """Refuse what could make a small file large or deep, before it is built."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise RemotesFileInvalid(path, "anchors and aliases are refused", line=line)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise RemotesFileInvalid(path, f"the tag {tag!r} is refused", line=line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise RemotesFileInvalid(path, f"it nests deeper than {_MAX_DEPTH}", line=line)


class _Reader:
    def __init__(self, path: Path) -> None:
        import yaml

        self._yaml = yaml
        self._path = path
        self._scalars = yaml.constructor.SafeConstructor()

    def document(self, root: yaml.Node | None) -> RemotesDocument:
        if root is None or self._is_null(root):
            return RemotesDocument(tree={"remotes": {}}, entries={}, indent=None)
        top = self._mapping(root, "the file", None)
        if "remotes" not in top:
            raise RemotesFileInvalid(self._path, "the key 'remotes' is missing", line=_line(root))
        profiles = top["remotes"][1]
        tree = {key: self._value(value, key) for key, (_, value) in top.items()}
        if self._is_null(profiles):
            return RemotesDocument(tree={**tree, "remotes": {}}, entries={}, indent=None)
        nodes = self._mapping(profiles, "'remotes'", "remotes")
        entries = {name: self._entry(name, key, value) for name, (key, value) in nodes.items()}
        in_lines = nodes and not _in_brackets(profiles) and _line(profiles) > _line(top["remotes"][0])
        indent = profiles.start_mark.column if in_lines else None
        return RemotesDocument(tree=tree, entries=entries, indent=indent)

    def _entry(self, name: str, key: yaml.Node, node: yaml.Node) -> Entry:
        where = f"remotes.{name}"
        fields = self._mapping(node, f"the remote {name!r}", where)
        last_line = max([_line(key), *(self._last_line(value) for _, value in fields.values())])
        if _in_brackets(node):
            last_line = node.end_mark.line + 1
        return Entry(
            settings={field: self._value(value, f"{where}.{field}") for field, (_, value) in fields.items()},
            line=_line(key),
            last_line=last_line,
            lines={field: _line(place) for field, (place, _) in fields.items()},
        )

    def _last_line(self, node: yaml.Node) -> int:
        inner = node.value if isinstance(node.value, list) else []
        if not inner or _in_brackets(node):
            return int(node.end_mark.line) + 1
        last = inner[-1]
        return self._last_line(last[1] if isinstance(last, tuple) else last)

    def _mapping(self, node: yaml.Node, what: str, where: str | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, self._yaml.MappingNode):
            raise RemotesFileInvalid(self._path, f"{what} has to be a mapping", key=where, line=_line(node))
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self._value(key, where)
            if not isinstance(name, str):
                raise RemotesFileInvalid(
                    self._path, "a key has to be text; put it in quotes", key=where, line=_line(key)
                )
            if name in found:
                raise RemotesFileInvalid(self._path, f"the key {name!r} is repeated", key=where, line=_line(key))
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
                self._path, f"{node.value!r} is a {kind} in YAML; put it in quotes", key=where, line=_line(node)
            )
        try:
            return self._scalars.construct_object(node)
        except ValueError:
            raise RemotesFileInvalid(self._path, f"{node.value!r} is no {kind}", key=where, line=_line(node)) from None

    def _is_null(self, node: yaml.Node) -> bool:
        return isinstance(node, self._yaml.ScalarNode) and node.tag.endswith(":null")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _in_brackets(node: yaml.Node) -> bool:
    """Tell whether a collection is written with brackets."""
    return bool(getattr(node, "flow_style", False))
