"""Errors about namespaces, their columns and types, and the file that holds them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from usr_core.errors import ExitCode, UsrError, near_names, offered, visible

__all__ = [
    "ColumnNotRegistered",
    "ColumnSpecError",
    "InvalidNamespace",
    "NamespaceDiffers",
    "NamespaceNotRegistered",
    "RegistryInvalid",
    "RegistryMissing",
    "ReservedNamespace",
    "ReservedNamespaceAltered",
    "TypeSyntaxError",
    "UnsupportedType",
]


class TypeSyntaxError(UsrError, ValueError):
    """A text is not a type of the registry.

    Attributes:
        text: The whole type as it was given.
        position: Where it went wrong, counted from 0.
        reason: What is wrong there.

    Example:
        >>> from usr_core.api.registry import TypeSyntaxError, parse_type
        >>> try:
        ...     parse_type("list<flaot64>")
        ... except TypeSyntaxError as error:
        ...     print(error.code, error.position, error.reason)
        USR-REGISTRY-001 5 there is no type 'flaot64'
    """

    code = "USR-REGISTRY-001"
    exit_code = ExitCode.USAGE

    def __init__(self, text: str, *, position: int, reason: str, meant: Sequence[str] = ()) -> None:
        asked = f"Did you mean {offered(meant)}? " if meant else ""
        super().__init__(
            f"{visible(text)!r} is not a type: {reason} (at letter {position + 1}).",
            hint=f"{asked}Use string, bool, int8..int64, uint8..uint64, float16, float32, float64, binary, date32, "
            "timestamp[us], timestamp[us, UTC], list<T>, fixed_size_list<T>[N] and struct<name:T,…>.",
            facts={"value": visible(text)},
        )
        self.text, self.position, self.reason = text, position, reason


class UnsupportedType(UsrError, TypeError):
    """An Arrow type has no counterpart in the registry."""

    code = "USR-REGISTRY-002"
    template = "The Arrow type {arrow:visible} can't be stored: {reason}."
    hint_template = "Cast the column to a type that `usr namespace register` accepts."
    shown = ("type={arrow:visible}",)
    reason: str = "it has no counterpart in the registry"


class ColumnSpecError(UsrError, ValueError):
    """A list of columns and types can't be taken."""

    code = "USR-REGISTRY-003"
    exit_code = ExitCode.USAGE
    template = "{reason}"
    hint_template = "Write {wanted}."
    shown = ("column={column:visible}",)
    column: str | None = None
    wanted: str = "--columns namespace__field:type,… as in 'mock__score:float64,mock__vec:list<float32>'"


class InvalidNamespace(UsrError, ValueError):
    """A text is not the name of a namespace."""

    code = "USR-REGISTRY-004"
    exit_code = ExitCode.USAGE
    template = "{name:quoted} is not a namespace's name."
    hint_template = "Begin with a small letter; then small letters, digits and single '_'."
    shown = ("value={name:visible}",)


class ReservedNamespace(UsrError, ValueError):
    """A reserved namespace can't be registered or changed."""

    code = "USR-REGISTRY-005"
    exit_code = ExitCode.USAGE
    template = "The namespace {name!r} is reserved for USR itself."
    hint_template = "Choose another name; `usr state` and `usr delete` write the reserved ones."
    shown = ("namespace={name}",)


class RegistryMissing(UsrError, FileNotFoundError):
    """A root has no registry.yaml.

    Example:
        >>> from usr_core.api.registry import RegistryMissing, load_registry
        >>> try:
        ...     load_registry(tmp_path)
        ... except RegistryMissing as error:
        ...     print(error.code, error.exit_code.name, error.path.name)
        USR-REGISTRY-006 MISSING registry.yaml
    """

    code = "USR-REGISTRY-006"
    exit_code = ExitCode.MISSING

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} does not exist, and nothing is changed without it.",
            hint="Make the folder a root with `usr init DATASET --new-root` (in Python `Root.init(path)`), or register "
            "a namespace there: usr namespace register NAME --columns NAME__field:float64",
            facts={"file": path},
        )
        self.path = path


class RegistryInvalid(UsrError, ValueError):
    """A registry file can't be read as one.

    Attributes:
        label: The file.
        line: Where, counted from 1; None where it concerns the whole file.
        position: The letter in that line, counted from 1.
        cause: What the YAML library says, in its own words.
    """

    code = "USR-REGISTRY-007"
    template = "{label}: {reason}."
    hint_template = "Fix the file by hand, or take it from version control."
    shown = ("file={label}", "line", "position", "cause")
    line: int | None = None
    position: int | None = None
    cause: str | None = None
    label: str


class ReservedNamespaceAltered(UsrError, ValueError):
    """The reserved namespace `usr_state` is missing from a registry, or its columns were changed."""

    code = "USR-REGISTRY-008"
    template = "{label}: the reserved namespace {name!r} {reason}; nothing is changed until it is as it was."
    hint_template = "Take the file from version control, or remove the entry: `usr namespace register` writes it again."
    shown = ("file={label}", "namespace={name}")


class NamespaceNotRegistered(UsrError, LookupError):
    """The registry has no such namespace."""

    code = "USR-REGISTRY-009"
    exit_code = ExitCode.MISSING
    template = "The namespace {name:quoted} is not registered."
    hint_template = (
        "{meant}Look at `usr namespace list`, or register it: `usr namespace register {word} --from-file FILE` "
        "proposes columns, `usr namespace register --from-plugin {word}` takes those of a plugin of that name."
    )
    shown = ("namespace={name:visible}", "registered={known:join, }")
    name: str
    known: Sequence[str] = ()

    @property
    def meant(self) -> str:
        """The registered names that are like it, as a question."""
        near = near_names(self.name, self.known)
        return f"Did you mean {offered(near)}? " if near else ""

    @property
    def word(self) -> str:
        """The namespace in a command line: itself, or NS where a namespace can't be called so."""
        return self.name if re.fullmatch(r"[a-z][a-z0-9_]{0,60}", self.name) and "__" not in self.name else "NS"


class ColumnNotRegistered(UsrError, LookupError):
    """A namespace has no such column."""

    code = "USR-REGISTRY-010"
    template = "The column {column:quoted} is not registered in the namespace {namespace:quoted}."
    hint_template = (
        "Use a registered column ({known:join, |none}), or add it: `usr namespace register {namespace:visible} "
        "--add {added}:TYPE`."
    )
    shown = ("namespace={namespace:visible}", "column={column:visible}")
    namespace: str
    column: str
    known: Sequence[str] = ()

    @property
    def added(self) -> str:
        """The column in a command line: itself, or NAME where a column can't be called so."""
        return self.column if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", self.column) else "NAME"


class NamespaceDiffers(UsrError, ValueError):
    """A registration would change or remove columns, which has to be requested explicitly.

    Example:
        >>> from usr_core.api.registry import NamespaceDiffers, register_namespace
        >>> try:
        ...     register_namespace(root, "lab", [("lab__gc", "float32"), ("lab__sigma", "string")])
        ... except NamespaceDiffers as error:
        ...     print(error.code, error.changes, error.datasets)
        USR-REGISTRY-011 ('lab__gc: float64 -> float32',) ('demo/promoters',)
    """

    code = "USR-REGISTRY-011"

    def __init__(self, name: str, *, changes: Sequence[str], datasets: Sequence[str]) -> None:
        used = f"used by {', '.join(datasets)}" if datasets else "used by no dataset in this root"
        super().__init__(
            f"The namespace {name!r} would be changed ({'; '.join(changes)}); it is {used}.",
            hint="Give the registered columns as they are (new ones may follow), or --overwrite to change them.",
            facts={"namespace": name, "changes": "; ".join(changes), "datasets": ", ".join(datasets) or None},
        )
        self.name, self.changes, self.datasets = name, tuple(changes), tuple(datasets)
