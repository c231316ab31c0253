"""Which registries a validation goes by: the root's, the frozen ones, and what a hash has to equal."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from usr_core.commit.file_tree import FileTree
from usr_core.errors import UsrError
from usr_core.fs.errors import file_system_error
from usr_core.registry.document import (
    STATE_ENTRY,
    STATE_NAMESPACE,
    TOMBSTONE_ENTRY,
    TOMBSTONE_NAMESPACE,
    NamespaceEntry,
    Registry,
    check_state_entry,
)
from usr_core.registry.errors import RegistryMissing
from usr_core.registry.reader import MAX_BYTES, parse_registry
from usr_core.registry.store import read_registry
from usr_core.roots.find_root import REGISTRY_FILE
from usr_core.roots.layout import REGISTRY_FOLDER
from usr_core.store.checks.validate.report import FindingList, RegistryMode

__all__ = ["Registries", "load_registries", "read_frozen"]

_FROZEN_NAME = re.compile(r"registry\.([0-9a-f]{64})\.yaml")
_RESERVED = {STATE_NAMESPACE: STATE_ENTRY, TOMBSTONE_NAMESPACE: TOMBSTONE_ENTRY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """The registries of one validation.

    Attributes:
        mode: What hashes are compared with.
        current: The root's registry, or where the root has none the one that the dataset froze last; None where the
            mode does not use it or it can't be read.
        frozen: The dataset's frozen registries by hash; empty where the mode does not use them.
    """

    mode: RegistryMode
    current: Registry | None
    frozen: Mapping[str, Registry]

    @property
    def accepted(self) -> dict[str, Registry]:
        """The registries that a hash may name, by hash."""
        if self.current is None:
            return dict(self.frozen)
        return {**self.frozen, self.current.hash: self.current}

    def hash_fault(self, registry_hash: str) -> str:
        """Return what is wrong with a base's or part's registry hash, ``""`` where it is as the mode wants it."""
        if self.mode == "contract" or registry_hash in self.accepted:
            return ""
        shown = f"registry hash {registry_hash[:12]}…"
        if self.mode == "current":
            return f"{shown} is not that of the root's registry"
        if self.mode == "frozen":
            return f"{shown} is not that of a frozen registry"
        return f"{shown} is neither that of the root's registry nor that of a frozen one"

    def governing(self, registry_hash: str | None) -> Registry | None:
        """Return the registry that a file's types go by: the one that its hash names, else the root's, else None."""
        return self.accepted.get(registry_hash or "", self.current)

    def entry(self, registry: Registry, namespace: str) -> NamespaceEntry | None:
        """Return a namespace's columns under `registry`; the reserved ones are as the format fixes them."""
        return _RESERVED.get(namespace) or registry.namespaces.get(namespace)

    def contract_hash(self, namespace: str) -> str | None:
        """Return the contract hash that the root's registry gives a namespace, None where it is not registered."""
        if self.current is None:
            return None
        if namespace == TOMBSTONE_NAMESPACE:
            return Registry({namespace: TOMBSTONE_ENTRY}).contract_hash(namespace)
        return self.current.contract_hash(namespace) if namespace in self.current.namespaces else None


def read_frozen(tree: FileTree) -> dict[str, bytes]:
    """Return the content of each file in the dataset's ``_registry/`` by its name; a file that can't be read is b""."""
    found = {}
    for name in tree.names(REGISTRY_FOLDER):
        path = tree.path(f"{REGISTRY_FOLDER}/{name}")
        if path is None or path.is_dir():
            found[name] = b""
            continue
        try:
            with path.open("rb") as file:
                found[name] = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise file_system_error(error, path, "read a frozen registry") from error
    return found


def load_registries(
    root: Path, frozen: Mapping[str, bytes], mode: RegistryMode, findings: FindingList, *, base_hash: str | None = None
) -> Registries:
    """Read the registries that `mode` uses, and say what is wrong with any of them.

    A root without a registry (a dataset that was just pulled or copied there) is a note where the modes ``either`` and
    ``contract`` find the registry that the base was written under among the frozen ones.

    Args:
        root: The dataset's root.
        frozen: What `read_frozen` returned; the files are checked in every mode.
        mode: ``frozen`` does not look at the root.
        findings: Takes the faults.
        base_hash: The registry hash that the base carries.
    """
    parsed = _parse_frozen(frozen, findings)
    if mode == "frozen" and not parsed:
        findings.add(
            "USR-VALID-040",
            "no registry is frozen in this dataset",
            hint="Freeze the root's with `usr maintenance registry-freeze`.",
            file=REGISTRY_FOLDER,
        )
    stand_in = parsed.get(base_hash or "") if mode in ("either", "contract") else None
    current = None if mode == "frozen" else _load_current(root, findings, stand_in)
    return Registries(mode=mode, current=current, frozen=parsed if mode in ("either", "frozen") else {})


def _load_current(root: Path, findings: FindingList, stand_in: Registry | None) -> Registry | None:
    try:
        registry = read_registry(root)
    except UsrError as error:
        if isinstance(error, RegistryMissing) and stand_in is not None:
            findings.add(
                "USR-VALID-042",
                f"the root has no {REGISTRY_FILE}; the registry that the dataset froze stands in for it",
                hint=f"To change the dataset, copy {REGISTRY_FOLDER}/registry.{stand_in.hash}.yaml to that place.",
                file=REGISTRY_FOLDER,
                severity="note",
            )
            return stand_in
        if isinstance(error, RegistryMissing):
            error.hint = f"{error.hint}; or validate with --registry-mode frozen."
        findings.add_error(error)
        return None
    try:
        check_state_entry(registry, label=str(root / REGISTRY_FILE))
    except UsrError as error:
        findings.add_error(error)
    return registry


def _parse_frozen(frozen: Mapping[str, bytes], findings: FindingList) -> dict[str, Registry]:
    found = {}
    for name, content in frozen.items():
        file = f"{REGISTRY_FOLDER}/{name}"
        match = _FROZEN_NAME.fullmatch(name)
        fault = ""
        if match is None:
            fault = "is not named registry.<sha256>.yaml"
        else:
            try:
                registry = parse_registry(content, file)
                # Bytes that are not the canonical ones (an older writer's copy) still say the same registry.
                if hashlib.sha256(content).hexdigest() != match[1] and registry.hash != match[1]:
                    fault = f"holds a registry whose hash is {registry.hash[:12]}…, not that of its name"
                else:
                    found[match[1]] = registry
            except UsrError as error:
                fault = f"can't be read: {error.message}"
        if fault:
            findings.add(
                "USR-VALID-041",
                f"the frozen registry {name} {fault}",
                hint="Restore it from a copy; `usr maintenance registry-freeze` freezes only the registry of today.",
                file=file,
            )
    return found
