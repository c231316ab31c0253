"""registry.yaml to a `Registry`, with the line of every fault."""

from __future__ import annotations

from usr_core.registry.document import NamespaceEntry, Registry, RegistryColumn, checked_columns
from usr_core.registry.errors import ColumnSpecError, RegistryInvalid, TypeSyntaxError
from usr_core.registry.names import TOMBSTONE_NAMESPACE, is_namespace
from usr_core.registry.yaml_loader import YamlList, YamlMap, YamlNode, YamlText, load_yaml

__all__ = ["parse_registry"]

_ENTRY_KEYS = ("columns", "description", "owner")


def parse_registry(content: bytes, label: str) -> Registry:
    """Read a registry's bytes; `label` names the file in errors.

    Columns are a list of ``{name, type}``; a mapping of name to type, as people write by hand, is read too.
    Whether ``usr_state`` is in it is not checked (see `reserved.check_state_entry`).

    Raises:
        RegistryInvalid: The YAML is refused (see `load_yaml`), a key is unknown or missing, a name or a type
            is malformed, or the namespace ``usr`` is registered.
    """
    root = _mapping(load_yaml(content, label=label), label, "the file")
    _only_keys(root, ("namespaces",), label, "the file")
    if "namespaces" not in root.items:
        raise RegistryInvalid(label=label, reason="the key 'namespaces' is missing", line=root.line)
    namespaces = _mapping(root.items["namespaces"], label, "'namespaces'")
    return Registry({name: _entry(name, namespaces, label) for name in namespaces.items})


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
