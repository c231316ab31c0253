"""Types for the columns of a file, found by reading it whole: what ``usr namespace register --from-file`` proposes.

Each column begins with the narrowest kind of value and takes the next one where a value does not fit, by the same rules
by which an attachment reads the file. A change begins another pass, so that a type holds for every row.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from usr_core.api import BadCell, ImportRequest, SourceUnreadable, UsrError, visible
from usr_core.api.arrow import parse_text, plain_type
from usr_core.api.commands import UsageError
from usr_core.api.records import BASE_COLUMNS
from usr_core.api.registry import RegistryMissing, from_arrow, parse_type, read_registry

if TYPE_CHECKING:
    from usr_core.api import Importer
    from usr_core.api.commands import Session

__all__ = ["Proposal", "proposal_record", "proposed_columns", "spelling"]

_KINDS = (
    "int64",
    "float64",
    "bool",
    "timestamp[us, UTC]",
    "timestamp[us]",
    "list<int64>",
    "list<float64>",
    "list<bool>",
    "list<string>",
    "list<list<float64>>",
    "string",
)
"""From the narrowest to the one that every text fits; 0 and 1 alone are numbers."""
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
    kinds = _kinds_of(importer, path, options, wanted)
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
    options = f"--columns {plain} --repeats {shlex.quote(f'{plain}={column}:first')}"
    return f"{told}; register {plain}, and `usr attach` fills it with {options}"


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


@dataclass(slots=True)
class _Column:
    """What is known of one column: the kinds that may still hold it, the narrowest first."""

    left: list[str] = field(default_factory=lambda: list(_KINDS))
    valued: bool = False

    @property
    def type(self) -> pa.DataType:
        return parse_type(self.left[0]).to_arrow()

    def narrow(self, values: pa.Array) -> bool:
        """Take the next kinds until the values fit; return whether there was a need to."""
        self.valued = self.valued or values.null_count < len(values)
        plain = plain_type(values.type)
        if pa.types.is_null(plain) or not self.left:
            return False
        if plain != pa.string():
            self.left = [] if plain != self.type and not _storable(plain) else [from_arrow(plain).canonical()]
            return False
        before = len(self.left)
        while self.left[0] != "string" and not _fits(values, self.left[0], self.type):
            del self.left[0]
        return len(self.left) < before


def _kinds_of(
    importer: Importer, path: Path, options: Mapping[str, object], wanted: list[str]
) -> dict[str, str | None]:
    columns = {column: _Column() for column in wanted}
    while not _whole_file_fits(importer, path, options, columns):
        pass
    return {name: column.left[0] if column.valued and column.left else None for name, column in columns.items()}


def _whole_file_fits(
    importer: Importer, path: Path, options: Mapping[str, object], columns: Mapping[str, _Column]
) -> bool:
    """Read the file with the types that the columns have now; return whether all rows fit.

    Where they do not, fewer kinds are left afterwards.
    """
    request = ImportRequest(
        path=path,
        columns=tuple(columns),
        types={name: column.type for name, column in columns.items() if column.left},
        options=options,
    )
    changed = False
    opened = importer.open(request)
    try:
        for batch in opened.batches:
            for name, column in columns.items():
                if name in batch.schema.names and column.narrow(batch.column(name)):
                    changed = True
    except SourceUnreadable as error:
        # A format that makes typed values itself, as JSON Lines does.
        found = columns.get(str(error.facts.get("column")))
        if found is None or len(found.left) < 2:
            raise
        del found.left[0]
        return False
    finally:
        opened.close()
    return not changed


def _fits(values: pa.Array, kind: str, arrow: pa.DataType) -> bool:
    texts = values.cast(pa.string())
    unlike = {"int64": r"^-?0\d", "float64": r"^-?0\d"}.get(kind, r"^\s*[^\[\s]" if kind.startswith("list") else None)
    if unlike is not None and pc.any(pc.match_substring_regex(texts, unlike)).as_py():
        return False
    try:
        parse_text(texts, arrow, parse_json=True)
    except BadCell:
        return False
    return True


def _storable(kind: pa.DataType) -> bool:
    try:
        from_arrow(kind)
    except UsrError:
        return False
    return True


def _registered(root: Path, name: str) -> frozenset[str] | None:
    """Return the names of the registered columns, None where the namespace is not registered."""
    try:
        entry = read_registry(root).namespaces.get(name)
    except RegistryMissing:
        return None
    return None if entry is None else frozenset(entry.column_names)
