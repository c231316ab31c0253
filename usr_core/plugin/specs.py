"""What plugins offer: specs that are cheap to build, and the protocols behind their factories.

A hook returns specs. A spec says by name what a plugin can do and holds a ``factory`` that is
called only when the thing is really used, so that heavy imports happen there and nowhere else.
Provider calls take **one frozen request object**: a new field with a default never breaks an author.

Nothing here imports pyarrow at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

from usr_core.plugin.transports import Transport

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "CheckSpec",
    "EventSink",
    "EventSinkSpec",
    "ExportRequest",
    "ExportResult",
    "Exporter",
    "ExporterSpec",
    "FileRef",
    "Finding",
    "Fingerprint",
    "ImportRequest",
    "Importer",
    "ImporterSpec",
    "NamespaceSpec",
    "OverlayRequest",
    "OverlayWriter",
    "OverlayWriterSpec",
    "Severity",
    "Transport",
    "TransportSpec",
    "Verdict",
    "VerifyOutcome",
    "VerifyRequest",
    "VerifySpec",
    "VerifyStrategy",
]

Severity = Literal["error", "warning", "note"]

SINK_TIMEOUT_S = 10.0
"""Seconds that an event sink has for each call, unless its spec says otherwise."""
MAX_TIMEOUT_S = 3600.0
"""The most that a spec may say."""

# ---------------------------------------------------------------- importers


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """A file to be read.

    Attributes:
        path: The file; it exists and is a regular file.
        columns: Names of the columns that are wanted, or None for all. A name that the file lacks is
            simply not delivered: the core says what is missing.
        types: Arrow types the core would like for some columns. A text format may deliver strings instead,
            which the core then converts strictly; a typed format delivers its own types.
        batch_bytes: Roughly how many bytes one batch should hold.
        parse_json: False where text that looks like JSON is to stay text.
    """

    path: Path
    columns: tuple[str, ...] | None = None
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    batch_bytes: int = 8 << 20
    parse_json: bool = True


class Importer(Protocol):
    """Reads one file format."""

    def columns(self, request: ImportRequest) -> Sequence[str]:
        """Return the file's column names in order, reading as little as possible.

        Raises:
            UsrError: The file has no header or schema, or is not of this format.
        """
        ...

    def read(self, request: ImportRequest) -> Iterator[pa.RecordBatch]:
        """Yield the wanted columns, in the file's row order, a bounded batch at a time.

        Every batch has the same schema. An empty file body yields nothing. Text keeps its spelling
        (``NA`` and ``007`` are text); an unquoted empty cell is null, a quoted one the empty string.

        Raises:
            UsrError: A row can't be read; file, row (1 is the first record) and column are among its facts.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImporterSpec:
    """Offer to read a file format."""

    name: str
    summary: str
    factory: Callable[[], Importer]
    suffixes: tuple[str, ...] = ()


# ---------------------------------------------------------------- exporters


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """A file to be written.

    Attributes:
        path: A fresh temporary file beside the final one; the core renames it after the exporter returned.
        schema: Columns in order, with registry types; the batches have exactly this schema.
        metadata: Key/value metadata for formats that can hold it.
        opener: Opens what `open` gives where that is not the file at `path`.
    """

    path: Path
    schema: pa.Schema
    metadata: Mapping[str, str] = field(default_factory=dict)
    opener: Callable[[], BinaryIO] | None = None

    def open(self) -> BinaryIO:
        """Open what is to be written: the file at `path`, or a stream that compresses or goes to standard output.

        For exporters whose spec says `streams`. A stream can't be read or moved in, and is opened once.
        """
        return self.path.open("wb") if self.opener is None else self.opener()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """What an exporter wrote: every row that it was given, and the bytes (before compression) that they took."""

    rows: int
    size_bytes: int


class Exporter(Protocol):
    """Writes one file format."""

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write all `batches` to ``request.path``, in order, holding a bounded number of them at a time.

        The core counts the rows that are taken and compares them, and the bytes of the file, with the answer.
        Zero batches give a valid empty file: a header, an empty table, or no line at all.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterSpec:
    """Offer to write a file format.

    Attributes:
        name, summary, factory: As for every spec.
        suffix: Ending of files that go into a folder.
        streams: The exporter writes to ``request.open()`` and nowhere else, from the first byte to the last. Then it
            can write to standard output, and, if it is not `binary`, below the endings ``.gz`` and ``.zst``.
        binary: The format is not text: it does not go to a terminal, and compressing it again is of no use.
    """

    name: str
    summary: str
    factory: Callable[[], Exporter]
    suffix: str
    streams: bool = False
    binary: bool = False


# ---------------------------------------------------------------- overlay writers


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayRequest:
    """A tool's output to be turned into overlay rows.

    Attributes:
        path: What the user named; it has not been checked that it exists.
        namespace: The namespace that is attached to.
        columns: Names that were asked for, with or without prefix, or None for all. A writer may deliver others
            as well: the core takes what was asked for.
        types: The registered columns of the namespace, by full name, in registered order.
        options: What the user set with ``--writer-option NAME=VALUE``; names are those of the spec.
        record_ids: Opens the ids of the dataset's records in the order in which `scan` and `export` give them,
            deleted ones left out: string arrays without nulls. For output that has rows, but no ids.
    """

    path: Path
    namespace: str
    columns: tuple[str, ...] | None = None
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    record_ids: Callable[[], Iterator[pa.Array]] | None = None


class OverlayWriter(Protocol):
    """Turns a tool's output files into batches that the core attaches."""

    def batches(self, request: OverlayRequest) -> Iterator[pa.RecordBatch]:
        """Yield batches that hold the key column and columns of the namespace, prefixed or not.

        All have the same schema. A column that the namespace does not register is named to the user as ignored.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayWriterSpec:
    """Offer to read a tool's output for `attach --writer NAME`.

    Attributes:
        name, summary, factory: As for every spec.
        namespace: What is attached to where the user names no namespace.
        key: The key where the user names none; where the rows lack it, the one of ``id``, ``sequence`` that they have.
        options: Names that ``--writer-option NAME=VALUE`` may set; any other is refused before the writer is called.
    """

    name: str
    summary: str
    factory: Callable[[], OverlayWriter]
    namespace: str
    key: Literal["id", "sequence", "sequence_norm", "sequence_ci"] = "id"
    options: tuple[str, ...] = ()


# ---------------------------------------------------------------- verification


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """A file on one side of a transfer; `read` runs nothing until it is called."""

    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a verify strategy saw of one file."""

    strategy: str
    facts: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether two fingerprints agree, and where they do not."""

    equal: bool
    reason: str = ""


class VerifyStrategy(Protocol):
    """Compares two copies of a file."""

    def fingerprint(self, ref: FileRef) -> Fingerprint:
        """Return what this strategy compares, reading the file at most once."""
        ...

    def compare(self, local: Fingerprint, remote: Fingerprint) -> Verdict:
        """Compare two fingerprints; symmetric."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySpec:
    """Offer a way to compare copies.

    Of the built-in ones, and of those that the user's configuration prefers, ``auto`` takes the one with the highest
    ``strength`` whose ``needs`` the remote can serve.
    """

    name: str
    summary: str
    factory: Callable[[], VerifyStrategy]
    strength: int
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What ``auto`` has to choose from."""

    requested: str
    available: tuple[str, ...]
    remote_abilities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOutcome:
    """What was asked for, what was done, and why they differ."""

    requested: str
    used: str
    downgraded: bool
    reason: str
    verdict: Verdict | None


# ---------------------------------------------------------------- transports (the protocol: usr_core.plugin.transports)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSpec:
    """Offer a way to reach a remote root; ``settings`` names the keys it takes from the remotes file."""

    name: str
    summary: str
    factory: Callable[[Mapping[str, Any]], Transport]
    scheme: str
    features: frozenset[str] = frozenset()
    settings: tuple[str, ...] = ()


# ---------------------------------------------------------------- event sinks


class EventSink(Protocol):
    """Receives events after they are committed; it can't undo them.

    The factory and both methods run in one thread, which is not the main thread; they return nothing.
    """

    def emit(self, event: Mapping[str, Any]) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSinkSpec:
    """Offer to receive events.

    Attributes:
        name, summary, factory: As for every spec.
        required: A failure makes the command fail (exit 4); the change stays.
        actions: The events that are wanted; empty means all.
        timeout_s: Seconds that the factory, each `emit` and `close` may take. A sink that takes longer is given up for
            the rest of the process, which is reported.
    """

    name: str
    summary: str
    factory: Callable[[], EventSink]
    required: bool = False
    actions: frozenset[str] = frozenset()
    timeout_s: float = SINK_TIMEOUT_S


# ---------------------------------------------------------------- namespaces and checks


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSpec:
    """The columns a tool's namespace has: pairs of full column name and registry type."""

    name: str
    summary: str
    columns: tuple[tuple[str, str], ...]
    owner: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that `validate` or `doctor` reports."""

    code: str
    message: str
    severity: Severity = "error"
    file: str | None = None
    rows: tuple[int, ...] = ()
    count: int = 1
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """Offer a check that sees the merged view's batches of the columns it names."""

    name: str
    summary: str
    factory: Callable[[], Callable[[Iterable[pa.RecordBatch]], Iterable[Finding]]]
    columns: tuple[str, ...] = ()
    namespace: str | None = None
