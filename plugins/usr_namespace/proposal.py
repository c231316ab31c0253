"""Types for the columns of a file, found by reading it whole: what ``usr namespace register --from-file`` proposes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.api import ImportRequest, visible
from usr_core.api.commands import UsageError
from usr_core.api.records import BASE_COLUMNS
from usr_core.api.registry import RegistryMissing, read_registry
from usr_core.api.results import column_kinds

if TYPE_CHECKING:
    from usr_core.api.commands import Session

__all__ = ["Proposal", "proposal_record", "proposed_columns", "spelling"]

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What to register.

    Attributes:
        namespace: The namespace.
        columns: Pairs of full name and type text, in the file's order; those that are registered already are left out.
        remarks: What was left out, and why, a sentence each.
        adds: The namespace is registered already.
    """

    namespace: str
    columns: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    adds: bool


def proposed_columns(session: Session, name: str | None, path: Path, options: Mapping[str, object]) -> Proposal:
    """Return a type for every column of a file that could be one of the namespace; it is read, a batch at a time.

    Texts of digits that begin with 0, such as ``007``, stay texts. A column of a typed file keeps its type. Left out
    are the columns of the base, names that can't be a column's, and columns without any value.

    Raises:
        UsageError: No namespace was named.
        PluginMissing, SourceFileError: No importer reads such a file, or it can't be read.
    """
    if name is None:
        raise UsageError("No namespace was named.", hint="usr namespace register NS --from-file FILE")
    importer = session.host.importer_for_path(path)[1]
    present = list(importer.columns(ImportRequest(path=path, options=options)))
    registered = _registered(session.found_root, name)
    remarks, wanted = [], []
    for column in present:
        full = column if column.startswith(f"{name}__") else f"{name}__{column}"
        if column in BASE_COLUMNS:
            continue
        if registered is not None and full in registered:
            remarks.append(f"{full} is registered already")
        elif not _FIELD.fullmatch(full.removeprefix(f"{name}__")):
            remarks.append(_told_of_name(column))
        else:
            wanted.append(column)
    kinds = column_kinds(importer, path, wanted, options=options)
    columns = []
    for column, kind in kinds.items():
        if kind is None:
            remarks.append(f"left out {visible(column)!r}: it has no value, or none that can be stored")
        else:
            columns.append((column if column.startswith(f"{name}__") else f"{name}__{column}", kind))
    return Proposal(namespace=name, columns=tuple(columns), remarks=tuple(remarks), adds=registered is not None)


def _told_of_name(column: str) -> str:
    """Say why a column was left out for its name, and how its values get into a column with another name."""
    told = f"left out {visible(column)!r}: a column's name is letters, digits and _, a letter first"
    plain = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
    if not _FIELD.fullmatch(plain) or not column.isprintable():
        return told
    return f"{told}; register {plain}, and `usr attach` fills it with --map {shlex.quote(f'{plain}={column}')}"


def spelling(proposal: Proposal, *, owner: str | None, description: str | None) -> str:
    """Return the command that registers a proposal, as it is typed."""
    if not proposal.columns:
        return "the file has no column to register"
    prefix = f"{proposal.namespace}__" if proposal.adds else ""
    pairs = ",".join(f"{column.removeprefix(prefix)}:{kind}" for column, kind in proposal.columns)
    words = ["usr", "namespace", "register", proposal.namespace, "--add" if proposal.adds else "--columns", pairs]
    words += [] if owner is None else ["--owner", owner]
    words += [] if description is None else ["--description", description]
    return shlex.join(words)


def proposal_record(proposal: Proposal, spelled: str) -> dict[str, object]:
    """Return a proposal that was not registered, with the keys of a registration."""
    return {
        "namespace": proposal.namespace,
        "created": False,
        "written": False,
        "added": [],
        "changed": [],
        "datasets": [],
        "columns": [{"name": name, "type": kind} for name, kind in proposal.columns],
        "proposed": spelled,
    }


def _registered(root: Path, name: str) -> frozenset[str] | None:
    """Return the names of the registered columns, None where the namespace is not registered."""
    try:
        entry = read_registry(root).namespaces.get(name)
    except RegistryMissing:
        return None
    return None if entry is None else frozenset(entry.column_names)
